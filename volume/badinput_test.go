package volume_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/volume"
)

// There is one writer at a time, and none while the kernel has the image.
func TestOneWriter(t *testing.T) {
	path := emptyImage(t, mkfs.Config{Size: 512 << 20})
	w := openWriter(t, path)
	for _, mode := range []device.Mode{device.ReadOnly, device.ReadWrite} {
		if _, err := device.Open(path, mode); !errors.Is(err, device.ErrBusy) {
			t.Errorf("opening what a writer has: %v", err)
		}
	}
	check(t, w.Close())
	m := oracle.Mount(t, path, oracle.MountOptions{})
	if _, err := device.Open(path, device.ReadWrite); !errors.Is(err, device.ErrBusy) {
		t.Errorf("opening for writing what the kernel has mounted: %v", err)
	}
	open(t, path).Close()
	m.Unmount()
	openWriter(t, path).Close()
}

// An operation on a full volume fails as a whole, wherever the space ends.
func TestFull(t *testing.T) {
	for i, g := range []string{"default", "1k", "no-rmapbt", "old"} {
		t.Run(g, func(t *testing.T) {
			t.Parallel()
			dev := inMemory(t, emptyImage(t, geometry(g)))
			s := seed(t, uint64(80+i))
			w, err := volume.OpenWriter(keepOpen{dev}, volume.Options{})
			check(t, err)
			m := newModel(t, s, w.Volume)
			m.MaxFile = 100_000
			for range 100 {
				check(t, m.run(w, m.next()))
			}
			check(t, w.Create("/fill", volume.Attr{}))
			fill := &node{mode: format.ModeReg, xattrs: map[string]string{}}
			n := int64(1 << 40)
			for off := int64(0); n > 0; { // all that there is, in pieces that get smaller
				switch err := w.Fallocate("/fill", off, n, true); {
				case errors.Is(err, space.ErrNoSpace):
					n /= 2
				case err != nil:
					t.Fatal(err)
				default:
					off += n
				}
			}
			m.root.add("fill", fill)
			m.same(t, w.Volume, "filling")
			for range oracle.Soak(150, 5000) {
				o := m.next()
				if strings.Contains(o.what, `"/fill"`) {
					continue
				}
				// Where space is short what was written before is written back first.
				check(t, w.Sync())
				before := metadata(t, w)
				full := m.full
				check(t, m.run(w, o))
				if after := metadata(t, w); m.full > full && !bytes.Equal(before, after) {
					if !strings.HasPrefix(o.what, "write") {
						t.Fatalf("%s found no space, and has changed something", o.what)
					}
					// A write that fails may have zeroed what lies behind the end of the file.
					m.same(t, w.Volume, o.what)
				}
			}
			if m.full < 5 {
				t.Errorf("only %d operations found no space", m.full)
			}
			t.Logf("%d operations found no space", m.full)
			m.same(t, w.Volume, "the last")
			check(t, w.Close())
			path := save(t, dev)
			m.judge(t, path)
			w = openWriter(t, path)
			check(t, w.Remove("/fill"))
			m.root.remove("fill")
			check(t, w.Close())
			m.judge(t, path)
		})
	}
}

// metadata is what all blocks in use for metadata hold, as far as that is cheap to tell: the
// headers and the roots of all groups, and the tree of files with what each has.
func metadata(t *testing.T, w *volume.Writer) []byte {
	t.Helper()
	var out bytes.Buffer
	view := w.Device()
	for ag := range format.AGNumber(w.Geo.AGCount) {
		b := make([]byte, w.Geo.SectSize)
		for sector := range 3 {
			_, err := view.ReadAt(b, w.Geo.SectorOffset(ag, sector))
			check(t, err)
			out.Write(b)
		}
		for u, err := range w.Fsmap(ag) {
			check(t, err)
			fmt.Fprintln(&out, u)
			if n := int(u.Count) << w.Geo.BlockLog; n < 1<<20 && !format.OwnerIsInode(u.Owner) && u.Owner != volume.OwnerFree {
				b := make([]byte, n)
				_, err := view.ReadAt(b, w.Geo.AGOffset(ag, u.Start))
				check(t, err)
				out.Write(b)
			}
		}
	}
	return out.Bytes()
}

// What is cut short is refused, and stays as it is.
func TestWriteTruncated(t *testing.T) {
	whole, m := prepared(t, "default", 90, 50)
	for _, part := range []int64{0, 511, 512, 4096, 1 << 20, 128 << 20, 300 << 20, 511 << 20} {
		image := whole.Clone()
		check(t, image.Truncate(part))
		w, err := volume.OpenWriter(keepOpen{image}, volume.Options{})
		if err != nil {
			continue
		}
		before := image.Clone()
		for range 50 {
			if o := m.next(); o.volume(w) == nil {
				t.Errorf("an image cut at %d of %d lets %s pass", part, whole.Size(), o.what)
			}
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if !sameData(t, before, image) {
			t.Errorf("an image cut at %d has changed", part)
		}
	}
}

// sameData compares two images where the second one has data.
func sameData(t *testing.T, a, b *device.Memory) bool {
	t.Helper()
	x, y := make([]byte, 64<<10), make([]byte, 64<<10)
	off := int64(0)
	for ; ; off += int64(len(x)) {
		var err error
		if off, err = b.SeekData(off); err != nil {
			return a.Allocated() == b.Allocated()
		}
		n := min(int64(len(x)), b.Size()-off)
		_, err = a.ReadAt(x[:n], off)
		check(t, err)
		_, err = b.ReadAt(y[:n], off)
		check(t, err)
		if !bytes.Equal(x[:n], y[:n]) {
			return false
		}
	}
}

// Trees that lead back to themselves end in errors.
func TestWriteDamaged(t *testing.T) {
	whole, m := prepared(t, "1k", 91, 400)
	w, err := volume.OpenWriter(whole.Clone(), volume.Options{})
	check(t, err)
	g := w.Geo
	var blocks []int64 // of metadata
	for ag := range format.AGNumber(g.AGCount) {
		for off := g.AGOffset(ag, 0); off < g.AGOffset(ag, 0)+(4<<20); off += int64(g.BlockSize) {
			b := make([]byte, g.BlockSize)
			_, err := w.Device().ReadAt(b, off)
			check(t, err)
			if format.Detect(g, b) != nil {
				blocks = append(blocks, off)
			}
		}
	}
	check(t, w.Close())
	if len(blocks) < 50 {
		t.Fatalf("%d blocks of metadata", len(blocks))
	}
	failed := 0
	for range oracle.Soak(100, 5000) {
		image := whole.Clone()
		for range 1 + m.rng.IntN(3) {
			off := blocks[m.rng.IntN(len(blocks))]
			b := make([]byte, g.BlockSize)
			_, err := image.ReadAt(b, off)
			check(t, err)
			bt := format.Detect(g, b)
			switch m.rng.IntN(3) {
			case 0: // pointers to other blocks that are there, or to itself
				at := m.rng.IntN(len(b)/4) * 4
				other := blocks[m.rng.IntN(len(blocks))]
				if m.rng.IntN(2) == 0 {
					other = off
				}
				n := uint32(other % (int64(g.AGBlocks) << g.BlockLog) >> g.BlockLog)
				b[at], b[at+1], b[at+2], b[at+3] = byte(n>>24), byte(n>>16), byte(n>>8), byte(n)
			case 1:
				b[m.rng.IntN(len(b))] ^= 1 << m.rng.IntN(8)
			default:
				at := m.rng.IntN(len(b) - 64)
				copy(b[at:at+8], b[m.rng.IntN(len(b)-64):])
			}
			bt.SetChecksum(b[:min(len(b), bt.Len(g, b))])
			_, err = image.WriteAt(b, off)
			check(t, err)
		}
		w, err := volume.OpenWriter(image, volume.Options{})
		if err != nil {
			failed++
			continue
		}
		for range 20 {
			if o := m.next(); o.volume(w) != nil && o.err == nil {
				failed++
			}
		}
		w.Close()
	}
	if failed == 0 {
		t.Error("no damage was noticed")
	}
	t.Logf("%d errors", failed)
}

// Where free space is in small pieces, inodes come in parts of chunks.
func TestSparseInodes(t *testing.T) {
	path := emptyImage(t, geometry("1k"))
	w := openWriter(t, path)
	m := newModel(t, 1, w.Volume)
	check(t, w.Create("/fill", volume.Attr{}))
	m.root.add("fill", &node{mode: format.ModeReg, xattrs: map[string]string{}})
	off := int64(0)
	for n := int64(1 << 40); n >= 1024; {
		switch err := w.Fallocate("/fill", off, n, true); {
		case errors.Is(err, space.ErrNoSpace):
			n /= 2
		case err != nil:
			t.Fatal(err)
		default:
			off += n
		}
	}
	for at := int64(0); at < off; at += 40 << 10 {
		check(t, w.Punch("/fill", at, 20<<10))
	}
	check(t, w.Create("/rest", volume.Attr{}))
	m.root.add("rest", &node{mode: format.ModeReg, xattrs: map[string]string{}})
	for at := int64(0); ; at += 64 << 10 { // the longest extents go first
		longest := uint32(0)
		for ag := range format.AGNumber(w.Geo.AGCount) {
			free, err := w.FreeSpace(ag)
			check(t, err)
			longest = max(longest, free.Longest)
		}
		if longest < 32 {
			break
		}
		check(t, w.Fallocate("/rest", at, 64<<10, true))
	}
	made := 0
	for ; made < 3000; made++ {
		name := fmt.Sprintf("n%04d", made)
		err := w.Create("/"+name, volume.Attr{})
		if errors.Is(err, space.ErrNoSpace) {
			break
		}
		check(t, err)
		m.root.add(name, &node{mode: format.ModeReg})
	}
	sparse := 0
	for ag := range format.AGNumber(w.Geo.AGCount) {
		tree, err := w.Tree(btree.Inobt, ag)
		check(t, err)
		for rec, err := range tree.All() {
			check(t, err)
			if format.InoRecHoleMask.Get(rec) != 0 {
				sparse++
			}
		}
	}
	t.Logf("%d files, %d sparse chunks", made, sparse)
	if sparse < 10 {
		t.Errorf("only %d sparse chunks", sparse)
	}
	check(t, w.Close())
	m.judge(t, path)
	w = openWriter(t, path)
	for i := range made {
		name := fmt.Sprintf("n%04d", i)
		check(t, w.Remove("/"+name))
		m.root.remove(name)
	}
	check(t, w.Close())
	m.judge(t, path)
}
