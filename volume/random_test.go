package volume_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/volume"
)

// geometries are the shapes of volumes that changes go different ways in.
var geometries = []struct {
	name   string
	config mkfs.Config
}{
	{"default", mkfs.Config{Size: 512 << 20}},
	{"1k", mkfs.Config{Size: 320 << 20, BlockSize: 1024, AGCount: 8}},
	{"64k", mkfs.Config{Size: 1 << 30, BlockSize: 65536}},
	{"dir-16k", mkfs.Config{Size: 512 << 20, BlockSize: 1024, DirBlockSize: 16384}},
	{"no-rmapbt", mkfs.Config{Size: 512 << 20, Rmapbt: mkfs.Off}},
	{"no-parent", mkfs.Config{Size: 512 << 20, Parent: mkfs.Off}},
	{"no-reflink", mkfs.Config{Size: 512 << 20, Reflink: mkfs.Off}},
	{"old", mkfs.Config{
		Size: 512 << 20, Finobt: mkfs.Off, Nrext64: mkfs.Off, Bigtime: mkfs.Off, Parent: mkfs.Off, Sparse: mkfs.Off,
		InobtCount: mkfs.Off, Rmapbt: mkfs.Off, Reflink: mkfs.Off, Exchange: mkfs.Off,
	}},
	{"inode-2k", mkfs.Config{Size: 512 << 20, InodeSize: 2048}},
}

// seed is that of random tests: COWFS_SEED, or the default.
func seed(t testing.TB, def uint64) uint64 {
	s := def
	if v, err := strconv.ParseUint(os.Getenv("COWFS_SEED"), 10, 64); err == nil {
		s = v
	}
	t.Logf("seed %d", s)
	return s
}

// Random operations on a volume and on a model of it.
func TestRandomOperations(t *testing.T) {
	for i, g := range geometries {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			path := emptyImage(t, g.config)
			w := openWriter(t, path)
			m := newModel(t, seed(t, uint64(i+1)), w.Volume)
			n := oracle.Soak(1500, 100_000)
			for k := range n {
				o := m.next()
				if err := m.run(w, o); err != nil {
					t.Fatalf("operation %d: %v", k, err)
				}
				if k%oracle.Soak(250, 5000) == 0 {
					m.same(t, w.Volume, o.what)
				}
				if m.rng.IntN(200) == 0 {
					check(t, w.Sync())
				}
				if m.rng.IntN(n/3) == 0 {
					check(t, w.Close())
					w = openWriter(t, path)
				}
			}
			m.same(t, w.Volume, "the last")
			check(t, w.Close())
			m.judge(t, path)
			t.Logf("%d names, %d operations found no space", len(m.picture()), m.full)
		})
	}
}

// same compares a volume with the model.
func (m *model) same(t *testing.T, v *volume.Volume, after string) {
	t.Helper()
	got, err := pictureOf(v, m.top)
	if err != nil {
		t.Fatalf("after %s: %v", after, err)
	}
	if d := m.picture().differences(got); len(d) > 0 {
		t.Fatalf("after %s: %d differences:\n%s", after, len(d), strings.Join(d[:min(len(d), 8)], "\n"))
	}
}

// judge asks the oracles about an image that is closed: xfs_repair, and the kernel, which has to
// see the same tree as we do, and that is the model's.
func (m *model) judge(t *testing.T, path string) {
	t.Helper()
	oracle.RepairClean(t, oracle.Gen7, path)
	k := oracle.Mount(t, path, oracle.MountOptions{ReadOnly: true})
	dev, err := device.Open(path, device.ReadOnly)
	check(t, err)
	v, err := volume.Open(dev, volume.Options{})
	check(t, err)
	defer v.Close()
	m.same(t, v, "closing")
	c := newComparison(t, v, k.Dir)
	c.node("")
	c.parents()
	compareMaps(t, v, k.Dir)
	k.Unmount()
}

// The kernel and we change an image in turns.
func TestInTurns(t *testing.T) {
	short := map[string]int{"default": 2, "1k": 1, "dir-16k": 1, "no-rmapbt": 1, "no-parent": 1}
	for i, g := range geometries {
		turns := oracle.Soak(short[g.name], 10)
		if turns == 0 {
			continue
		}
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			path := emptyImage(t, g.config)
			s := seed(t, uint64(500+20*i))
			for turn := range turns {
				oracle.KernelWrites(t, oracle.Gen7, path, s+uint64(turn))
				w := openWriter(t, path)
				m := newModel(t, s+uint64(turn), w.Volume)
				m.learn(t, w.Volume)
				for range oracle.Soak(200, 5000) {
					check(t, m.run(w, m.next()))
				}
				t.Logf("%d names", len(m.picture()))
				check(t, w.Close())
				m.judge(t, path)
			}
		})
	}
}

// One directory with many names, through all its forms and back.
func TestWideDirectory(t *testing.T) {
	for _, g := range []string{"1k", "default", "dir-16k"} {
		t.Run(g, func(t *testing.T) {
			t.Parallel()
			path := emptyImage(t, geometry(g))
			w := openWriter(t, path)
			m := newModel(t, seed(t, 11), w.Volume)
			check(t, w.Mkdir("/wide", volume.Attr{Mode: 0o700}))
			wide := newDir(0o700)
			m.root.add("wide", wide)
			most := oracle.Soak(800, 60_000)
			for up := true; up || len(wide.names) > 0; {
				if up && m.rng.IntN(4) > 0 || !up && m.rng.IntN(4) == 0 {
					name := m.name()
					if _, ok := wide.kids[name]; ok {
						continue
					}
					check(t, w.Create("/wide/"+name, volume.Attr{Mode: 0o600}))
					wide.add(name, &node{mode: format.ModeReg | 0o600})
				} else if len(wide.names) > 0 {
					name := wide.names[m.rng.IntN(len(wide.names))]
					check(t, w.Remove("/wide/"+name))
					wide.remove(name)
				}
				if n := len(wide.names); n >= most && up {
					up = false
					m.same(t, w.Volume, "filling")
					check(t, w.Close())
					m.judge(t, path)
					w = openWriter(t, path)
				} else if m.rng.IntN(most/2) == 0 {
					m.same(t, w.Volume, "some names")
				}
			}
			m.same(t, w.Volume, "emptying")
			check(t, w.Remove("/wide"))
			m.root.remove("wide")
			check(t, w.Close())
			m.judge(t, path)
		})
	}
}

func geometry(name string) mkfs.Config {
	for _, g := range geometries {
		if g.name == name {
			return g.config
		}
	}
	panic(name)
}
