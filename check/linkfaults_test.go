package check_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/volume"
)

// lead makes the entry of a name in the shortform directory /short lead to another inode.
func lead(name string, to func(b *bed, d *device.Memory) format.Ino) func(b *bed, d *device.Memory) {
	return func(b *bed, d *device.Memory) {
		ino := to(b, d)
		b.inode(d, "/short", func(raw []byte) {
			at := shortAt(raw, name)
			binary.BigEndian.PutUint32(raw[at+3+len(name)+1:], uint32(ino))
		})
	}
}

// toPath is the inode of a path.
func toPath(path string) func(b *bed, d *device.Memory) format.Ino {
	return func(b *bed, d *device.Memory) format.Ino { return b.ino(d, path) }
}

// unlinked makes an inode the first on a list of those without names.
func (b *bed) unlinked(d *device.Memory, ino format.Ino, bucket int) {
	b.Helper()
	ag, i := b.geo.SplitIno(ino)
	b.header(d, format.TypeAGI, ag, func(p []byte) { format.AGIUnlinked.At(bucket).Put(p, i) })
}

// bucket is the list that an inode belongs to.
func (b *bed) bucket(ino format.Ino) int {
	_, i := b.geo.SplitIno(ino)
	return int(i % format.AGIBuckets)
}

// listed puts the inode of a path on a list, after changing it.
func listed(path string, change func(b *bed, raw []byte)) func(b *bed, d *device.Memory) {
	return func(b *bed, d *device.Memory) {
		ino := b.ino(d, path)
		b.inodeAt(d, ino, func(raw []byte) { change(b, raw) })
		b.unlinked(d, ino, b.bucket(ino))
	}
}

// nameless takes the links of the inode away, as if it had been removed while it was open.
func nameless(raw []byte) { format.DiNLink.Put(raw, 0) }

// remove makes an inode that is free one of a removed file.
func (b *bed) remove(d *device.Memory) format.Ino {
	b.Helper()
	ino, file := b.freeIno(d), make([]byte, b.geo.InodeSize)
	b.inode(d, "/char", func(raw []byte) { copy(file, raw) })
	b.inodeAt(d, ino, func(raw []byte) {
		copy(raw, file)
		format.DiIno.Put(raw, ino)
		format.DiForkOff.Put(raw, 0)
		format.DiAFormat.Put(raw, format.FmtExtents)
		nameless(raw)
	})
	return ino
}

var linkFaults = []fault{
	{"parent of a directory", inodeOf("/short", func(raw []byte) { binary.BigEndian.PutUint32(fork(raw)[2:], 999) }), "dir.parent"},
	{"a directory with two names", lead("000", toPath("/block")), "dir.two-names entry.type link.none parent.missing parent.stray"},
	{"a name of the root", lead("000", toPath("/")), "entry.hidden entry.type link.none parent.missing parent.stray"},
	{"a name of the volume's own", lead("000", func(b *bed, d *device.Memory) format.Ino {
		return b.ino(d, "/") + 1
	}), "entry.hidden link.none parent.stray"},
	{"a directory in itself", lead(firstSub, toPath("/short")), "dir.disconnected dir.two-names parent.missing parent.stray"},
	{"a name of nothing", lead("000", func(b *bed, _ *device.Memory) format.Ino { return 1 << 16 }), "dir.short link.none parent.stray"},
	{"a name of a free inode", lead("000", (*bed).freeIno), "entry.free link.none parent.stray"},
	{"a name with another type", inodeOf("/short", func(raw []byte) { raw[shortAt(raw, "000")+6] = 7 }), "entry.type"},
	{"too many links", inodeOf("/names", func(raw []byte) { format.DiNLink.Put(raw, 50) }), "link.count"},
	{"too few links", inodeOf("/names", func(raw []byte) { format.DiNLink.Put(raw, 3) }), "link.count"},
	{"no links", inodeOf("/names", nameless), "link.count"},
	{"many links of the volume's own", func(b *bed, d *device.Memory) {
		b.inodeAt(d, b.ino(d, "/")+1, func(raw []byte) { format.DiNLink.Put(raw, 50) })
	}, "link.count"},
	{"too many links of a directory", inodeOf("/short", func(raw []byte) { format.DiNLink.Put(raw, 9) }), "link.count"},
	{"a circle", func(b *bed, d *device.Memory) {
		outer, inner := b.ino(d, "/loop/a"), b.ino(d, "/loop/a/b")
		b.inodeAt(d, inner, func(raw []byte) { binary.BigEndian.PutUint32(raw[shortAt(raw, "c")+5:], uint32(outer)) })
		b.inodeAt(d, outer, func(raw []byte) { binary.BigEndian.PutUint32(fork(raw)[2:], uint32(inner)) })
	}, "dir.disconnected dir.loop dir.two-names parent.missing parent.stray"},
	{"generation of a parent", inodeOf("/names.d", func(raw []byte) { format.DiGen.Put(raw, 9) }), "parent.generation"},

	{"unlinked", func(b *bed, d *device.Memory) {
		lead("000", toPath("/names"))(b, d)
		b.unlinked(d, b.ino(d, "/fifo"), b.bucket(b.ino(d, "/fifo")))
	}, "link.count link.none parent.missing parent.stray unlinked.named"},
	{"unlinked and open", func(b *bed, d *device.Memory) {
		ino := b.remove(d)
		b.unlinked(d, ino, b.bucket(ino))
	}, "chunk.used-marked-free unlinked.pending"},
	{"unlinked and on no list", func(b *bed, d *device.Memory) { b.remove(d) }, "chunk.used-marked-free unlinked.lost"},
	{"a list with a named inode", listed("/names", func(*bed, []byte) {}), "unlinked.named"},
	{"a list with a free inode", func(b *bed, d *device.Memory) {
		ino := b.freeIno(d)
		b.unlinked(d, ino, b.bucket(ino))
	}, "unlinked.free"},
	{"a list that leads nowhere", listed("/fifo", func(_ *bed, raw []byte) { format.DiNextUnlinked.Put(raw, 1<<15) }), "unlinked.named unlinked.pointer"},
	{"a list that goes in circles", func(b *bed, d *device.Memory) {
		_, i := b.geo.SplitIno(b.ino(d, "/fifo"))
		listed("/fifo", func(_ *bed, raw []byte) { format.DiNextUnlinked.Put(raw, i) })(b, d)
	}, "unlinked.named unlinked.twice"},
	{"the wrong list", func(b *bed, d *device.Memory) {
		i := b.ino(d, "/names")
		listed("/fifo", func(b *bed, raw []byte) {
			_, next := b.geo.SplitIno(i)
			format.DiNextUnlinked.Put(raw, next)
		})(b, d)
	}, "unlinked.bucket unlinked.named"},
	{"a successor of no list", inodeOf("/fifo", func(raw []byte) { format.DiNextUnlinked.Put(raw, 77) }), "unlinked.stale"},
}

// TestManySuspects checks an image with more inodes whose names don't agree than little memory lets
// one look take up, and has all findings kept, and some.
func TestManySuspects(t *testing.T) {
	b := newBed(t, mkfs.Config{})
	dev := b.dev.Clone()
	const n = 1100
	b.write(dev, func(w *volume.Writer) {
		b.must(w.Mkdir("/many", volume.Attr{Mode: 0o755}))
		for i := range n {
			b.must(w.Create(fmt.Sprintf("/many/%d", i), volume.Attr{Mode: 0o644}))
		}
	})
	v, err := volume.Open(stayOpen{dev}, volume.Options{})
	b.must(err)
	for i := range n {
		f, err := v.Lookup(fmt.Sprintf("/many/%d", i))
		b.must(err)
		b.inodeAt(dev, f.Ino, func(raw []byte) { format.DiNLink.Put(raw, 3) })
	}
	want := b.check(dev, check.Options{})
	if got := codes(want); got != "link.count" || len(want.Findings) != n {
		t.Fatalf("%d findings, codes %q", len(want.Findings), got)
	}
	if r := b.check(dev, check.Options{Memory: 1}); !slices.Equal(r.Findings, want.Findings) {
		t.Errorf("with little memory: %d findings, codes %q", len(r.Findings), codes(r))
	} else if r.Stats.Read <= want.Stats.Read {
		t.Errorf("all was looked at in one go: %d bytes read, as against %d", r.Stats.Read, want.Stats.Read)
	}
	if r := b.check(dev, check.Options{MaxFindings: 100}); !slices.Equal(r.Findings, want.Findings[:100]) || r.Dropped != n-100 {
		t.Errorf("%d findings are kept, and %d are not", len(r.Findings), r.Dropped)
	}
}
