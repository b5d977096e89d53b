package check_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/refcount"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/volume"
)

// fault is a way to make a bed wrong, and the codes that this gives: just these.
type fault struct {
	name string
	make func(b *bed, dev *device.Memory)
	want string
}

// run makes each fault in a copy of the bed.
func (b *bed) run(t *testing.T, faults []fault) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			b := *b
			b.TB = t
			dev := b.dev.Clone()
			f.make(&b, dev)
			r := b.check(dev, check.Options{})
			if got := codes(r); got != f.want {
				t.Errorf("codes %q, want %q", got, f.want)
				for _, f := range r.Findings {
					t.Log(show(f))
				}
			}
			// The same is found in pieces.
			p := b.check(dev, check.Options{Memory: 1})
			if diff := cmp.Diff(byBlock(r), byBlock(p)); diff != "" {
				t.Errorf("with little memory: %s", diff)
			}
		})
	}
}

// byBlock says for each code and block how many findings there are, the others by code only: so
// that it makes no difference where they are cut.
func byBlock(r *check.Report) map[string]int {
	out := map[string]int{}
	for _, f := range r.Findings {
		p := f.Place
		if p.Count == 0 || p.Count > 1<<17 { // more than there are
			out[f.Code.Name]++
			continue
		}
		for i := range format.AGBlock(p.Count) {
			out[fmt.Sprintf("%s in %s: AG %d, block %d, inode %d", f.Code.Name, f.Structure, p.AG, p.Block+i, p.Ino)]++
		}
	}
	return out
}

// sound makes sure that a bed is.
func (b *bed) sound(levels map[*btree.Kind]int) {
	b.Helper()
	for _, threads := range []int{1, 4} {
		r := b.check(b.dev, check.Options{Threads: threads})
		for _, f := range r.Findings {
			b.Error("false alarm: ", show(f))
		}
		if !r.Complete || r.Dirty {
			b.Errorf("complete: %v, dirty: %v", r.Complete, r.Dirty)
		}
	}
	for k, want := range levels {
		if got := b.tree(b.dev, k, 0).Levels; got < want {
			b.Errorf("%s has %d levels, want %d", k.Name, got, want)
		}
	}
}

// TestSpaceFaults makes the owners of blocks contradict each other.
func TestSpaceFaults(t *testing.T) {
	b := newBed(t, mkfs.Config{})
	b.sound(map[*btree.Kind]int{btree.Bnobt: 2, btree.Cntbt: 2, btree.Rmapbt: 2, btree.Refcountbt: 2})
	b.run(t, spaceFaults)
}

var spaceFaults = []fault{
	{"lost", func(b *bed, d *device.Memory) {
		b.space(d, func(tx *tx, g *groups, _ *counts) error {
			_, err := g.Alloc(tx, space.Request{Min: 5})
			return err
		})
	}, "space.lost"},
	{"stray owner of nobody's space", func(b *bed, d *device.Memory) {
		b.space(d, func(tx *tx, g *groups, _ *counts) error {
			_, err := g.Alloc(tx, space.Request{Min: 5, Owner: space.ForkOwner(4711, false, 3, false)})
			return err
		})
	}, "rmap.stray space.lost"},
	{"stray record of sharing over nobody's space", func(b *bed, d *device.Memory) {
		b.space(d, func(tx *tx, g *groups, c *counts) error {
			e, err := g.Alloc(tx, space.Request{Min: 5})
			if err == nil {
				_, err = c.Increase(tx, e)
			}
			return err
		})
	}, "refcount.stray space.lost"},
	{"leaked", func(b *bed, d *device.Memory) {
		b.space(d, func(tx *tx, _ *groups, c *counts) error {
			_, err := c.AllocStaging(tx, space.Request{Min: 7})
			return err
		})
	}, "cow.leaked"},
	{"staged, by number", func(b *bed, d *device.Memory) {
		b.stage(d)
		b.lastRec(d, btree.Refcountbt, func(rec []byte) { format.RefcRefs.Put(rec, 2) })
	}, "cow.leaked refcount.record"},
	{"staged as shared", func(b *bed, d *device.Memory) {
		e := b.stage(d)
		b.lastRec(d, btree.Refcountbt, func(rec []byte) { format.RefcStart.Put(rec, uint32(b.geo.AGB(e.Start))) })
	}, "cow.leaked refcount.wrong-domain"},
	{"shared as staged", func(b *bed, d *device.Memory) {
		b.lastRec(d, btree.Refcountbt, func(rec []byte) {
			format.RefcStart.Put(rec, format.RefcStart.Get(rec)|format.RefcCowFlag)
			format.RefcRefs.Put(rec, 1)
		})
	}, "refcount.wrong-domain"},
	{"too high", func(b *bed, d *device.Memory) {
		b.space(d, func(tx *tx, _ *groups, c *counts) error {
			_, err := c.Increase(tx, b.sharedRun(d))
			return err
		})
	}, "refcount.too-high"},
	{"too low", func(b *bed, d *device.Memory) {
		b.rec(d, btree.Refcountbt, b.find(d, btree.Refcountbt, 0, func(rec, _ []byte) bool { return format.RefcRefs.Get(rec) == 3 }),
			func(rec []byte) { format.RefcRefs.Put(rec, 2) })
	}, "refcount.too-low refcount.unmerged"},
	{"missing", func(b *bed, d *device.Memory) { b.drop(d, btree.Refcountbt, 2) }, "refcount.missing"},
	{"one owner", func(b *bed, d *device.Memory) {
		b.rec(d, btree.Refcountbt, 2, func(rec []byte) { format.RefcRefs.Put(rec, 1) })
	}, "refcount.too-low"},
	{"sharing of a file's own", func(b *bed, d *device.Memory) {
		b.space(d, func(tx *tx, _ *groups, c *counts) error {
			_, err := c.Increase(tx, b.dataOf(d, "/small1"))
			return err
		})
	}, "inode.reflink-missing refcount.stray"},
	{"record outside", func(b *bed, d *device.Memory) {
		b.rec(d, btree.Refcountbt, 2, func(rec []byte) { format.RefcCount.Put(rec, 1<<30) })
	}, "refcount.missing refcount.record"},
	{"records of sharing overlap", func(b *bed, d *device.Memory) {
		b.rec(d, btree.Refcountbt, 2, func(rec []byte) { format.RefcCount.Put(rec, format.RefcCount.Get(rec)+1) })
	}, "refcount.overlap refcount.too-low"},
	{"shared with metadata", func(b *bed, d *device.Memory) {
		inodes := b.find(d, btree.Rmapbt, 0, func(rec, _ []byte) bool { return format.RmapOwner.Get(rec) == format.OwnInodes })
		b.space(d, func(tx *tx, _ *groups, c *counts) (err error) {
			b.rec(d, btree.Rmapbt, inodes, func(rec []byte) {
				_, err = c.Increase(tx, space.Extent{Start: b.geo.FSB(0, format.RmapStart.Get(rec)), Count: 2})
			})
			return err
		})
	}, "refcount.stray"},
	{"owner missing", func(b *bed, d *device.Memory) {
		b.drop(d, btree.Rmapbt, b.find(d, btree.Rmapbt, 3, func(rec, _ []byte) bool { return isData(rec) }))
	}, "rmap.missing"},
	{"wrong owner", func(b *bed, d *device.Memory) {
		b.rec(d, btree.Rmapbt, b.find(d, btree.Rmapbt, 3, func(rec, next []byte) bool { return isData(rec) && !bytes.Equal(rec[:4], next[:4]) }),
			func(rec []byte) { format.RmapOwner.Put(rec, 4711) })
	}, "rmap.wrong"},
	{"unwritten", func(b *bed, d *device.Memory) {
		b.rec(d, btree.Rmapbt, b.find(d, btree.Rmapbt, 3, func(rec, _ []byte) bool { return isData(rec) }),
			func(rec []byte) { format.RmapOffset.Put(rec, format.RmapOffset.Get(rec)|format.RmapUnwritten) })
	}, "rmap.wrong"},
	{"no such owner", func(b *bed, d *device.Memory) {
		b.rec(d, btree.Rmapbt, b.find(d, btree.Rmapbt, 3, func(rec, next []byte) bool { return isData(rec) && !bytes.Equal(rec[:4], next[:4]) }),
			func(rec []byte) { format.RmapOwner.Put(rec, format.OwnUnknown) })
	}, "rmap.missing rmap.record"},
	{"refcountbt's owner", func(b *bed, d *device.Memory) {
		b.rec(d, btree.Rmapbt, b.find(d, btree.Rmapbt, 0, func(rec, _ []byte) bool { return format.RmapOwner.Get(rec) == format.OwnRefc }),
			func(rec []byte) { format.RmapOwner.Put(rec, format.OwnFS) })
	}, "rmap.wrong"},
	{"free list's owner", func(b *bed, d *device.Memory) {
		b.header(d, format.TypeAGF, 2, func(agf []byte) {
			b.header(d, format.TypeAGFL, 2, func(agfl []byte) {
				first := format.AGFLSlot(int(format.AGFFlFirst.Get(agf))).Get(agfl)
				b.space(d, func(tx *tx, g *groups, _ *counts) error {
					return g.Unmap(tx, space.Extent{Start: b.geo.FSB(2, first), Count: 1}, space.Owner{ID: format.OwnAG})
				})
			})
		})
	}, "rmap.missing"},
	{"records of an owner unmerged", func(b *bed, d *device.Memory) {
		b.split(d, btree.Rmapbt, b.find(d, btree.Rmapbt, 0, func(rec, _ []byte) bool { return format.RmapCount.Get(rec) > 1 }),
			func(first, second []byte) {
				format.RmapCount.Put(first, 1)
				r := space.UnpackRmap(second)
				space.Rmap{Start: r.Start + 1, Count: r.Count - 1, Owner: r.At(1)}.Put(second)
			})
	}, "rmap.unmerged"},
	{"free extents unmerged", func(b *bed, d *device.Memory) {
		for _, k := range []*btree.Kind{btree.Bnobt} {
			b.split(d, k, b.find(d, k, 0, func(rec, _ []byte) bool { return format.FreeCount.Get(rec) > 1 }),
				func(first, second []byte) {
					format.FreeCount.Put(first, 1)
					format.FreeStart.Put(second, format.FreeStart.Get(second)+1)
					format.FreeCount.Put(second, format.FreeCount.Get(second)-1)
				})
		}
	}, "space.trees-differ space.unmerged"},
	{"free extents overlap", func(b *bed, d *device.Memory) {
		var count uint32
		i := b.find(d, btree.Bnobt, 0, func(rec, next []byte) bool {
			count = uint32(format.FreeStart.Get(next)-format.FreeStart.Get(rec)) + 1
			return format.FreeCount.Get(next) > 1
		})
		b.rec(d, btree.Bnobt, i, func(rec []byte) { format.FreeCount.Put(rec, count) })
	}, "agf.counter space.free-used space.overlap space.trees-differ super.counter"},
	{"free record outside", func(b *bed, d *device.Memory) {
		b.rec(d, btree.Cntbt, 3, func(rec []byte) { format.FreeStart.Put(rec, 1<<30) })
	}, "btree.order space.record space.trees-differ"},
	{"free and used", func(b *bed, d *device.Memory) {
		i := b.find(d, btree.Bnobt, 0, func(rec, next []byte) bool {
			return uint32(format.FreeStart.Get(next)-format.FreeStart.Get(rec)) > format.FreeCount.Get(rec)+1
		})
		b.rec(d, btree.Bnobt, i, func(rec []byte) { format.FreeCount.Put(rec, format.FreeCount.Get(rec)+1) })
	}, "agf.counter space.free-used space.trees-differ super.counter"},
}

// rec changes record i of the first leaf of a tree of group 0.
func (b *bed) rec(d *device.Memory, k *btree.Kind, i int, change func(rec []byte)) {
	b.Helper()
	b.leaf(d, k, 0, func(n btree.Node, _ []byte) { change(n.Rec(i)) })
}

// find is the index of the first record from i on in the first leaf of a tree of group 0 that ok
// accepts, with the one after it.
func (b *bed) find(d *device.Memory, k *btree.Kind, i int, ok func(rec, next []byte) bool) int {
	b.Helper()
	found := -1
	b.leaf(d, k, 0, func(n btree.Node, _ []byte) {
		for ; found < 0 && i+1 < n.Len(); i++ {
			if ok(n.Rec(i), n.Rec(i+1)) {
				found = i
			}
		}
	})
	if found < 0 {
		b.Fatalf("no such record in %s", k.Name)
	}
	return found
}

// drop removes record i of the first leaf of a tree of group 0.
func (b *bed) drop(d *device.Memory, k *btree.Kind, i int) {
	b.Helper()
	b.leaf(d, k, 0, func(n btree.Node, p []byte) {
		for ; i+1 < n.Len(); i++ {
			copy(n.Rec(i), n.Rec(i+1))
		}
		format.ShortNumRecs.Put(p, uint16(n.Len()-1))
	})
}

// sharedRun is a shared extent of group 0.
func (b *bed) sharedRun(d *device.Memory) (e space.Extent) {
	b.Helper()
	b.rec(d, btree.Refcountbt, 3, func(rec []byte) {
		r, _ := refcount.Unpack(rec)
		e = space.Extent{Start: b.geo.FSB(0, r.Start), Count: r.Count}
	})
	return e
}

// stage stages an extent, of which the record is then the last one of refcountbt.
func (b *bed) stage(d *device.Memory) (e space.Extent) {
	b.Helper()
	b.space(d, func(tx *tx, _ *groups, c *counts) (err error) {
		e, err = c.AllocStaging(tx, space.Request{Min: 7})
		return err
	})
	return e
}

// lastRec changes the last record of a tree of group 0.
func (b *bed) lastRec(d *device.Memory, k *btree.Kind, change func(rec []byte)) {
	b.Helper()
	b.leaf(d, k, len(b.leaves(d, k))-1, func(n btree.Node, _ []byte) { change(n.Rec(n.Len() - 1)) })
}

// dataOf is the first extent of a file's data.
func (b *bed) dataOf(d *device.Memory, path string) space.Extent {
	b.Helper()
	v, err := volume.Open(stayOpen{d}, volume.Options{})
	b.must(err)
	i, err := v.Lookup(path)
	b.must(err)
	f, err := i.Fork(inode.Data)
	b.must(err)
	for m, err := range f.All() {
		b.must(err)
		return space.Extent{Start: m.Start, Count: m.Count}
	}
	b.Fatalf("%s has no data", path)
	return space.Extent{}
}

// isData reports whether an rmap record is of written data of a file.
func isData(rec []byte) bool {
	r := space.UnpackRmap(rec)
	return format.OwnerIsInode(r.ID) && r.Offset>>54 == 0
}

// split makes two records of record i of the first leaf of a tree of group 0, which has room.
func (b *bed) split(d *device.Memory, k *btree.Kind, i int, change func(first, second []byte)) {
	b.Helper()
	b.leaf(d, k, 0, func(_ btree.Node, p []byte) {
		n := int(format.ShortNumRecs.Get(p))
		if n == k.MaxRecs(len(p), 0) {
			b.Fatalf("the first leaf of %s is full", k.Name)
		}
		format.ShortNumRecs.Put(p, uint16(n+1))
		m := k.NodeOf(p)
		for j := n; j > i; j-- {
			copy(m.Rec(j), m.Rec(j-1))
		}
		change(m.Rec(i), m.Rec(i+1))
	})
}
