package volume_test

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/volume"
)

// scattered is a volume in memory with an empty directory and a file, whose free space, as far as it
// may be used, is in pieces of one block.
func scattered(t *testing.T, c mkfs.Config) *device.Memory {
	t.Helper()
	dev := inMemory(t, emptyImage(t, c))
	w, err := volume.OpenWriter(keepOpen{dev}, volume.Options{})
	check(t, err)
	check(t, w.Mkdir("/d", volume.Attr{Mode: 0o755}))
	check(t, w.Create("/fill", volume.Attr{}))
	check(t, w.Create("/rest", volume.Attr{}))
	bs := int64(w.Geo.BlockSize)
	off := int64(0)
	for n := int64(1 << 40); n >= 64*bs; {
		switch err := w.Fallocate("/fill", off, n, true); {
		case errors.Is(err, space.ErrNoSpace):
			n /= 2
		case err != nil:
			t.Fatal(err)
		default:
			off += n
		}
	}
	groups := int64(w.Geo.AGCount)
	for i := range int64(3000) {
		check(t, w.Punch("/fill", off/groups/bs*bs*(i%groups)+i/groups*2*bs, bs))
	}
	check(t, w.Sync())
	for at := int64(0); ; at += 32 * bs { // the longest extents go first
		free, err := w.FreeSpace(0)
		check(t, err)
		if free.Longest == 1 {
			break
		}
		if err := w.Fallocate("/rest", at, 32*bs, true); errors.Is(err, space.ErrNoSpace) {
			break
		}
		check(t, err)
	}
	check(t, w.Close())
	return dev
}

// inPieces counts the extents of a directory, and of these the ones shorter than its blocks.
func inPieces(t *testing.T, v *volume.Volume, path string) (all, short int) {
	t.Helper()
	i, err := v.Lookup(path)
	check(t, err)
	f, err := i.Fork(inode.Data)
	check(t, err)
	for m, err := range f.All() {
		check(t, err)
		if all++; int(m.Count) < v.Geo.DirBlocks() {
			short++
		}
	}
	return all, short
}

// Directory blocks that are larger than filesystem blocks lie in pieces where free space does.
func TestScatteredDirectories(t *testing.T) {
	for i, c := range []mkfs.Config{
		{Size: 320 << 20, BlockSize: 1024, Rmapbt: mkfs.Off, Reflink: mkfs.Off, Finobt: mkfs.Off, InobtCount: mkfs.Off},
		{Size: 320 << 20, BlockSize: 1024, DirBlockSize: 16384, Rmapbt: mkfs.Off, Reflink: mkfs.Off, Finobt: mkfs.Off, InobtCount: mkfs.Off},
		{Size: 512 << 20, DirBlockSize: 8192},
	} {
		if i == 0 && oracle.Soak(0, 1) == 0 {
			continue
		}
		t.Run(fmt.Sprintf("%d-%d", c.BlockSize, c.DirBlockSize), func(t *testing.T) {
			t.Parallel()
			dev := scattered(t, c)
			w, err := volume.OpenWriter(keepOpen{dev}, volume.Options{})
			check(t, err)
			m := newModel(t, seed(t, uint64(100+i)), w.Volume)
			m.learn(t, w.Volume)
			d := m.root.kids["d"]
			for up := true; up || len(d.names) > 0; {
				if up && m.rng.IntN(4) > 0 || !up && m.rng.IntN(8) == 0 {
					name := m.name()
					if _, ok := d.kids[name]; ok {
						continue
					}
					check(t, w.Link("/rest", "/d/"+name))
					d.add(name, m.root.kids["rest"])
				} else if len(d.names) > 0 {
					name := d.names[m.rng.IntN(len(d.names))]
					check(t, w.Remove("/d/"+name))
					d.remove(name)
				}
				if up && len(d.names) == oracle.Soak(300, 4000) {
					up = false
					if all, short := inPieces(t, w.Volume, "/d"); short < 4 {
						t.Errorf("of %d extents only %d are pieces of blocks", all, short)
					}
					m.same(t, w.Volume, "filling")
					check(t, w.Close())
					m.judge(t, save(t, dev))
					w, err = volume.OpenWriter(keepOpen{dev}, volume.Options{})
					check(t, err)
				}
			}
			check(t, w.Remove("/d"))
			m.root.remove("d")
			m.same(t, w.Volume, "emptying")
			check(t, w.Close())
			m.judge(t, save(t, dev))
		})
	}
}

// A crash while such a directory is changed leaves it as before or after, for us and the kernel.
func TestCrashInScatteredDirectory(t *testing.T) {
	dev := scattered(t, mkfs.Config{Size: 512 << 20, DirBlockSize: 8192})
	for _, asOne := range []bool{false, true} {
		t.Run(fmt.Sprintf("unit-%v", asOne), func(t *testing.T) { crashScattered(t, dev.Clone(), asOne) })
	}
}

func crashScattered(t *testing.T, dev *device.Memory, asOne bool) {
	w, err := volume.OpenWriter(keepOpen{dev}, volume.Options{})
	check(t, err)
	m := newModel(t, 1, w.Volume)
	m.learn(t, w.Volume)
	d := m.root.kids["d"]
	name := func(i int) string { return fmt.Sprintf("a name of some length %d", i) }
	link := func(i int) operation {
		return operation{
			what:   fmt.Sprintf("link %d", i),
			volume: func(w *volume.Writer) error { return w.Link("/rest", "/d/"+name(i)) },
			model:  func() { d.add(name(i), m.root.kids["rest"]) },
		}
	}
	remove := func(i int) operation {
		return operation{
			what:   fmt.Sprintf("remove %d", i),
			volume: func(w *volume.Writer) error { return w.Remove("/d/" + name(i)) },
			model:  func() { d.remove(name(i)) },
		}
	}
	for i := range 200 {
		check(t, m.run(w, link(i)))
	}
	check(t, w.Close())
	crash := device.NewCrash(dev)
	w, err = volume.OpenWriter(crash, volume.Options{})
	check(t, err)
	changed, states := w, []picture{m.picture()}
	var unit *volume.Unit
	if asOne {
		unit, err = w.Begin()
		check(t, err)
		changed = unit.Writer
	}
	next := 200
	for i := range 100 {
		o := link(next)
		if i%3 == 2 {
			o = remove(i)
		} else {
			next++
		}
		check(t, m.run(changed, o))
		if !asOne {
			states = append(states, m.picture())
			if i%8 == 7 {
				check(t, w.Sync())
			}
		}
	}
	if asOne {
		list, err := unit.Changes()
		check(t, err)
		split := 0
		for _, c := range list {
			if c.Type == nil {
				t.Errorf("%d bytes at %d have changed that are no metadata", len(c.New), c.Off)
			}
			if c.Pieces != nil {
				split++
			}
		}
		if split < 2 {
			t.Errorf("%d directory blocks in pieces have changed", split)
		}
		check(t, unit.Commit())
		states = append(states, m.picture())
	}
	if all, short := inPieces(t, w.Volume, "/d"); short < 4 {
		t.Fatalf("of %d extents only %d are pieces of blocks", all, short)
	}
	check(t, w.Close())
	match := func(v *volume.Volume, where string) {
		t.Helper()
		got, err := pictureOf(v, "")
		check(t, err)
		for _, p := range states {
			if len(p.differences(got)) == 0 {
				return
			}
		}
		t.Fatalf("%s: none of the states", where)
	}
	for n := 0; n <= crash.Writes(); n += oracle.Soak(3, 1) {
		lost := lostModes[n%len(lostModes)]
		where := fmt.Sprintf("crash after %d of %d writes, lost %v", n, crash.Writes(), lost)
		at := crash.After(n, 1, lost)
		crashed := at.Clone()
		w, err := volume.OpenWriter(keepOpen{at}, volume.Options{Replay: true})
		if err != nil {
			t.Fatalf("%s: %v", where, err)
		}
		match(w.Volume, where)
		check(t, w.Close())
		if oracle.Soak(0, 1) == 1 || n >= crash.Writes()/2 && n < crash.Writes()/2+3 {
			path := save(t, at)
			oracle.RepairClean(t, oracle.Gen7, path)
			check(t, os.Remove(path))
			t.Log("the kernel: ", where)
			v := recoveredByKernel(t, crashed)
			match(v, where+", recovered by the kernel")
			check(t, v.Close())
		}
	}
}
