package volume_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/journal"
	"github.com/cowfs/cowfs/volume"
)

// exchangeCases are exchanges that a crash cut off before their first step. Offsets and counts
// are in blocks. Sizes are as the kernel logs them: those that the files are to have, which are
// each other's.
var exchangeCases = []struct {
	name       string
	file1      string
	file2      string
	off1, off2 int
	count      uint64
	flags      uint64
	sizes      bool
}{
	{name: "same-size", file1: "a", file2: "b", count: 64},
	{name: "middle", file1: "a", file2: "b", off1: 3, off2: 17, count: 21},
	{name: "set-sizes", file1: "a", file2: "long", count: 200, flags: format.XMISetSizes, sizes: true},
	{name: "set-sizes-other-way", file1: "long", file2: "a", count: 200, flags: format.XMISetSizes, sizes: true},
	{name: "set-sizes-to-nothing", file1: "a", file2: "empty", count: 64, flags: format.XMISetSizes, sizes: true},
	{name: "set-sizes-tail", file1: "a", file2: "long", off1: 40, off2: 40, count: 160, flags: format.XMISetSizes, sizes: true},
	{name: "past-the-end", file1: "a", file2: "long", off1: 40, off2: 40, count: 160},
	{name: "written-only", file1: "b", file2: "a", count: 64, flags: format.XMIIno1Written},
	{name: "written-only-sizes", file1: "holes", file2: "long", count: 200, flags: format.XMIIno1Written | format.XMISetSizes, sizes: true},
	{name: "one-file", file1: "a", file2: "a", off1: 0, off2: 30, count: 30},
	{name: "many", file1: "many1", file2: "many2", count: 4000},
	{name: "many-with-few", file1: "many1", file2: "long", off1: 5, off2: 0, count: 3000},
	{name: "shared", file1: "clone", file2: "a", count: 64, flags: format.XMIClearReflink1, sizes: false},
	{name: "shared-both", file1: "a", file2: "clone", count: 64, flags: format.XMIClearReflink2 | format.XMISetSizes, sizes: true},
	{name: "nothing", file1: "empty", file2: "empty2", count: 10},
}

// exchangeFiles makes the files of exchangeCases, by the kernel.
func exchangeFiles(t *testing.T, dir string, bs int) {
	write := func(name string, n, seed int, ranges ...[2]int) {
		f, err := os.Create(dir + "/" + name)
		check(t, err)
		defer f.Close()
		check(t, f.Truncate(int64(n)))
		for _, r := range ranges {
			_, err := f.WriteAt(content(seed, (r[1]-r[0])*bs)[:min((r[1]-r[0])*bs, n-r[0]*bs)], int64(r[0]*bs))
			check(t, err)
			check(t, f.Sync()) // in an extent of its own
		}
	}
	unwritten := func(name string, off, n int) {
		f, err := os.OpenFile(dir+"/"+name, os.O_RDWR, 0)
		check(t, err)
		check(t, unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, int64(off*bs), int64(n*bs)))
		check(t, f.Close())
	}
	write("a", 64*bs-100, 1, [2]int{0, 10}, [2]int{20, 30}, [2]int{50, 64})
	unwritten("a", 32, 6)
	write("b", 64*bs-100, 2, [2]int{0, 5}, [2]int{8, 9}, [2]int{25, 64})
	unwritten("b", 10, 7)
	write("long", 200*bs-1, 3, [2]int{2, 100}, [2]int{180, 200})
	unwritten("long", 120, 20)
	write("holes", 10*bs+5, 4, [2]int{1, 2}, [2]int{3, 4}, [2]int{9, 11})
	write("empty", 0, 5)
	write("empty2", 0, 6)
	for i, name := range []string{"many1", "many2"} {
		f, err := os.Create(dir + "/" + name)
		check(t, err)
		for k := range 1000 - 300*i {
			_, err := f.WriteAt(content(k+i, bs), int64(k*(3+i)*bs))
			check(t, err)
		}
		check(t, f.Truncate(4000*int64(bs)))
		check(t, f.Close())
	}
	write("origin", 64*bs-100, 9, [2]int{0, 40}, [2]int{44, 64})
	src, err := os.Open(dir + "/origin")
	check(t, err)
	dst, err := os.Create(dir + "/clone")
	check(t, err)
	check(t, unix.IoctlFileClone(int(dst.Fd()), int(src.Fd())))
	check(t, dst.Close())
	check(t, src.Close())
}

// announce leaves an intent in the log of an image, as if a crash had come right behind it.
func announce(t *testing.T, dev device.Device, i *journal.Intent) {
	t.Helper()
	v, err := volume.Open(dev, volume.Options{})
	check(t, err)
	l, err := journal.Open(dev, v.Geo)
	check(t, err)
	w, err := journal.NewWriter(l, journal.WriterOptions{})
	check(t, err)
	_, err = w.Append([]journal.Item{i.Item()})
	check(t, err)
	check(t, w.Sync())
	check(t, v.Close())
}

// What was left of an exchange of mappings is done as the kernel does it.
func TestFinishesExchanges(t *testing.T) {
	oracle.NeedRoot(t)
	for _, g := range []string{"default", "1k"} {
		if g != "default" && oracle.Soak(0, 1) == 0 {
			continue
		}
		base := emptyImage(t, geometry(g))
		m := oracle.Mount(t, base, oracle.MountOptions{})
		v := open(t, base)
		bs := v.Geo.BlockSize
		check(t, v.Close())
		exchangeFiles(t, m.Dir, bs)
		m.Unmount()
		for _, c := range exchangeCases {
			t.Run(fmt.Sprintf("%s/%s", g, c.name), func(t *testing.T) {
				t.Parallel()
				ours, theirs := copyFile(t, base), ""
				v := open(t, ours)
				i1, err := v.Lookup(c.file1)
				check(t, err)
				i2, err := v.Lookup(c.file2)
				check(t, err)
				x := &journal.Exchange{
					Ino1: i1.Ino, Ino2: i2.Ino, Gen1: i1.Gen(), Gen2: i2.Gen(),
					Off1: format.FileOff(c.off1), Off2: format.FileOff(c.off2), Count: c.count, Flags: c.flags,
					Size1: ^uint64(0), Size2: ^uint64(0),
				}
				if c.sizes {
					x.Size1, x.Size2 = uint64(i2.Size()), uint64(i1.Size())
				}
				check(t, v.Close())
				dev, err := device.Open(ours, device.ReadWrite)
				check(t, err)
				announce(t, dev, &journal.Intent{Type: format.LogItemXMI, ID: 77, Exchange: x})
				theirs = copyFile(t, ours)

				m := oracle.Mount(t, theirs, oracle.MountOptions{Loud: true})
				want := oracle.SnapshotUnwritten(t, m.Dir)
				m.Unmount()
				oracle.RepairClean(t, oracle.Gen7, theirs)

				dev, err = device.Open(ours, device.ReadWrite)
				check(t, err)
				w, err := volume.OpenWriter(dev, volume.Options{Replay: true})
				check(t, err)
				check(t, w.Close())
				oracle.RepairClean(t, oracle.Gen7, ours)
				m = oracle.Mount(t, ours, oracle.MountOptions{})
				oracle.Equal(t, want, oracle.SnapshotUnwritten(t, m.Dir), oracle.CompareOptions{})
				m.Unmount()
				sameInode(t, ours, theirs, c.file1)
				sameInode(t, ours, theirs, c.file2)
			})
		}
	}
}

// swapOwners has the attribute blocks of two files say that they belong to the other one, as whoever
// exchanges attribute forks does first.
func swapOwners(t *testing.T, path string, files ...*inode.Inode) {
	t.Helper()
	w := openWriter(t, path)
	for k, i := range files {
		f, err := i.Fork(inode.Attr)
		check(t, err)
		n := 0
		for m, err := range f.All() {
			check(t, err)
			for b := range format.FSBlock(m.Count) {
				block := make([]byte, w.Geo.BlockSize)
				off := w.Geo.Offset(m.Start + b)
				_, err := w.Device().ReadAt(block, off)
				check(t, err)
				format.DaOwner.Put(block, files[1-k].Ino)
				format.TypeAttrLeaf.SetChecksum(block)
				check(t, w.Patch(volume.Patch{Off: off, Data: block}))
				n++
			}
		}
		if n != 1 {
			t.Fatalf("the attributes of inode %d take %d blocks", i.Ino, n)
		}
	}
	check(t, w.Close())
}

// What was left of an exchange of attributes is done, too. Linux 6.18 announces such an exchange when it
// repairs a volume in use; its recovery of this one, made by hand, fails, so only the result is compared.
func TestFinishesAttributeExchange(t *testing.T) {
	path := emptyImage(t, geometry("no-parent"))
	w := openWriter(t, path)
	var files [2]*inode.Inode
	var want [2]map[string]string
	for k, name := range []string{"/a", "/b"} {
		check(t, w.Create(name, volume.Attr{}))
		for n := range 2 + k {
			check(t, w.SetXattr(name, fmt.Sprintf("user.%d", n), content(k+n, 600), true, false))
		}
		i, err := w.Lookup(name)
		check(t, err)
		files[k] = i
		want[1-k], err = xattrsOf(w.Volume, i)
		check(t, err)
	}
	check(t, w.Close())
	swapOwners(t, path, files[:]...)
	dev, err := device.Open(path, device.ReadWrite)
	check(t, err)
	announce(t, dev, &journal.Intent{Type: format.LogItemXMI, ID: 77, Exchange: &journal.Exchange{
		Ino1: files[0].Ino, Ino2: files[1].Ino, Gen1: files[0].Gen(), Gen2: files[1].Gen(), Count: 9, Flags: format.XMIAttrFork,
		Size1: ^uint64(0), Size2: ^uint64(0),
	}})
	dev, err = device.Open(path, device.ReadWrite)
	check(t, err)
	w, err = volume.OpenWriter(dev, volume.Options{Replay: true})
	check(t, err)
	for k, name := range []string{"/a", "/b"} {
		i, err := w.Lookup(name)
		check(t, err)
		got, err := xattrsOf(w.Volume, i)
		check(t, err)
		if !maps.Equal(got, want[k]) {
			t.Errorf("%s has %d attributes, want %d", name, len(got), len(want[k]))
		}
	}
	check(t, w.Close())
	oracle.RepairClean(t, oracle.Gen7, path)
	m := oracle.Mount(t, path, oracle.MountOptions{ReadOnly: true})
	for k, name := range []string{"a", "b"} {
		for key, value := range want[k] {
			got := make([]byte, 1000)
			n, err := unix.Getxattr(m.Dir+"/"+name, key, got)
			if check(t, err); string(got[:n]) != value {
				t.Errorf("the kernel: %s of %s differs", key, name)
			}
		}
	}
	m.Unmount()
}

// An exchange that makes no sense, or of a kind that is unknown, is refused.
func TestRefusesExchanges(t *testing.T) {
	base := inMemory(t, emptyImage(t, geometry("default")))
	w, err := volume.OpenWriter(keepOpen{base}, volume.Options{})
	check(t, err)
	for _, name := range []string{"/a", "/b"} {
		check(t, w.Create(name, volume.Attr{}))
		check(t, w.WriteAt(name, content(1, 100_000), 0))
	}
	a, err := w.Lookup("/a")
	check(t, err)
	b, err := w.Lookup("/b")
	check(t, err)
	check(t, w.Close())
	for name, c := range map[string]struct {
		change func(x *journal.Exchange)
		want   error
	}{
		"flags":      {func(x *journal.Exchange) { x.Flags = 1 << 9 }, format.ErrUnsupported},
		"generation": {func(x *journal.Exchange) { x.Gen2++ }, format.ErrCorrupt},
		"count":      {func(x *journal.Exchange) { x.Count = 1 << 60 }, format.ErrCorrupt},
		"offset":     {func(x *journal.Exchange) { x.Off2 = 1 << 63 }, format.ErrCorrupt},
		"overlap":    {func(x *journal.Exchange) { x.Ino2, x.Off2 = x.Ino1, 5 }, format.ErrCorrupt},
		"size":       {func(x *journal.Exchange) { x.Flags, x.Size1 = format.XMISetSizes, 1<<63 }, format.ErrCorrupt},
		"free inode": {func(x *journal.Exchange) { x.Ino2 += 20 }, inode.ErrFree},
		"no inode":   {func(x *journal.Exchange) { x.Ino1 = 1 << 50 }, format.ErrCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			x := &journal.Exchange{Ino1: a.Ino, Ino2: b.Ino, Gen1: a.Gen(), Gen2: b.Gen(), Count: 10}
			c.change(x)
			image := base.Clone()
			announce(t, keepOpen{image}, &journal.Intent{Type: format.LogItemXMI, ID: 1, Exchange: x})
			if _, err := volume.OpenWriter(keepOpen{image}, volume.Options{Replay: true}); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

// sameInode compares what two volumes say of a file, as far as that does not depend on when it was
// changed.
func sameInode(t *testing.T, ours, theirs, name string) {
	t.Helper()
	got, want := open(t, ours), open(t, theirs)
	i, err := got.Lookup(name)
	check(t, err)
	k, err := want.Lookup(name)
	check(t, err)
	g, w := i.Raw, k.Raw
	for what, f := range map[string]func(b []byte) any{
		"size": func(b []byte) any { return format.DiSize.Get(b) },
		"blocks": func(b []byte) any {
			if format.DiFormat.Get(b) == format.FmtBtree { // trees of the same records need not be alike
				return "some"
			}
			return format.DiNBlocks.Get(b)
		},
		"flags2": func(b []byte) any { return format.DiFlags2.Get(b) },
		"flags":  func(b []byte) any { return format.DiFlags.Get(b) },
		"format": func(b []byte) any { return format.DiFormat.Get(b) },
		"extents": func(b []byte) any {
			n, _ := format.NExtents(b)
			return n
		},
	} {
		if f(g) != f(w) {
			t.Errorf("%s: %s is %v, the kernel makes it %v", name, what, f(g), f(w))
		}
	}
	check(t, got.Close())
	check(t, want.Close())
}
