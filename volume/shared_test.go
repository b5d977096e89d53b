package volume_test

import (
	"slices"
	"testing"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/volume"
)

// What Shared says of a file is what all data forks together say, with rmapbt and without.
func TestShared(t *testing.T) {
	for i, g := range []string{"default", "1k", "no-rmapbt"} {
		t.Run(g, func(t *testing.T) {
			t.Parallel()
			path := emptyImage(t, geometry(g))
			w := openWriter(t, path)
			m := newShareModel(seed(t, uint64(30+i)), int64(w.Geo.BlockSize))
			for range 150 {
				o := m.next()
				check(t, m.onVolume(w, o))
				m.run(o)
			}
			check(t, w.Sync())
			all := sharing(t, w.Volume)
			inos := map[string]volume.Owner{}
			for name := range m.files {
				i, err := w.Lookup(name)
				check(t, err)
				inos[name] = volume.Owner{Ino: i.Ino}
			}
			count := 0
			for name := range m.files {
				i, err := w.Lookup(name)
				check(t, err)
				list, err := w.Shared(t.Context(), i)
				check(t, err)
				got := map[owner][]volume.Owner{}
				for _, x := range list {
					for k := range x.Count {
						var owners []volume.Owner
						for _, o := range x.Owners {
							owners = append(owners, volume.Owner{Ino: o.Ino, Off: o.Off + format.FileOff(k)})
						}
						got[owner{name, x.Off + format.FileOff(k)}] = owners
					}
				}
				for me, first := range all {
					if me.file != name {
						continue
					}
					var want []volume.Owner
					for other, f := range all {
						if f == first {
							want = append(want, volume.Owner{Ino: inos[other.file].Ino, Off: other.off})
						}
					}
					if len(want) < 2 {
						want = nil
					}
					count += len(want)
					have := got[me]
					delete(got, me)
					if len(have) != len(want) || slices.ContainsFunc(want, func(o volume.Owner) bool { return !slices.Contains(have, o) }) {
						t.Fatalf("%v: owners %v, want %v", me, have, want)
					}
				}
				if len(got) > 0 {
					t.Fatalf("owners of what has no blocks: %v", got)
				}
			}
			if count == 0 {
				t.Fatal("nothing was shared")
			}
			check(t, w.Close())
		})
	}
}
