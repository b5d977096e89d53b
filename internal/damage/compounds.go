package damage

import (
	"math/rand/v2"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/space"
)

// Compounds returns all faults there are.
func Compounds() []Compound {
	var all []Compound
	for _, list := range [][]Compound{sharing, spaceUse, names, inodes, trees, logs} {
		all = append(all, list...)
	}
	return all
}

var sharing = []Compound{
	{"a reference count for blocks with one owner", func(x *edit) {
		e, _ := x.single("extents")
		x.increase(e)
	}},
	{"a reference count too high", func(x *edit) { x.increase(x.shared("origin")) }},
	{"a reference count too low", func(x *edit) {
		e := x.shared("clone-of-clone")
		x.increase(e)
		x.map2(e) // one more owner, and then two less
		x.decrease(e)
		x.decrease(e)
	}},
	{"no reference count for shared blocks", func(x *edit) { x.decrease(x.shared("tree-clone")) }},
	{"a reference count for free blocks", func(x *edit) { x.increase(x.free(5)) }},
	{"shared blocks in the CoW domain", func(x *edit) {
		e := x.shared("tree-clone")
		x.decrease(e)
		x.must(x.counts.Stage(x.tx, e))
	}},
	{"a file's blocks in the CoW domain", func(x *edit) {
		e, _ := x.single("extents")
		x.must(x.counts.Stage(x.tx, e))
	}},
	{"staged blocks that no write will finish", func(x *edit) {
		_, err := x.counts.AllocStaging(x.tx, space.Request{Min: 10, Owner: space.Owner{ID: format.OwnCow}})
		x.must(err)
	}},
	{"staged blocks without an owner", func(x *edit) {
		e, err := x.counts.AllocStaging(x.tx, space.Request{Min: 10})
		x.must(err)
		x.must(x.v.Groups.Unmap(x.tx, e, space.Owner{ID: format.OwnCow}))
	}},
	{"blocks owned by staging without a record", func(x *edit) { x.unused(10, space.Owner{ID: format.OwnCow}) }},
	{"free blocks staged", func(x *edit) { x.must(x.counts.Stage(x.tx, x.free(5))) }},
	{"no reflink flag on a file with shared blocks", func(x *edit) {
		x.patch(x.v.Geo.InoOffset(x.ino("clone")), format.TypeInode, func(_ *format.Geometry, b []byte) {
			format.DiFlags2.Put(b, format.DiFlags2.Get(b)&^format.Flag2Reflink)
		})
	}},
	{"a reflink flag on a file without shared blocks", func(x *edit) {
		x.patch(x.v.Geo.InoOffset(x.ino("extents")), format.TypeInode, func(_ *format.Geometry, b []byte) {
			format.DiFlags2.Put(b, format.DiFlags2.Get(b)|format.Flag2Reflink)
		})
	}},
	{"a block in two files, both recorded as owners", func(x *edit) {
		e, _ := x.single("extents")
		x.must(x.fork("cow-hint").Attach(format.Mapping{Off: 5, Start: e.Start, Count: 1}))
	}},
	{"a block in two files, one recorded as owner", func(x *edit) {
		e, _ := x.single("extents")
		x.mapOnly(e.Start)
	}},
	{"a block twice in one file", func(x *edit) {
		e, _ := x.single("extents")
		x.must(x.fork("extents").Attach(format.Mapping{Off: 500, Start: e.Start, Count: 1}))
	}},
	{"a block of a B+tree in a file", func(x *edit) {
		x.mapOnly(x.v.Geo.FSB(0, x.v.Geo.HeaderBlocks()))
	}},
	{"a block of the log in a file", func(x *edit) {
		x.mapOnly(x.v.Geo.LogStart + 100)
	}},
}

var spaceUse = []Compound{
	{"blocks neither free nor used", func(x *edit) { x.unused(7, space.Owner{}) }},
	{"blocks with an owner that does not have them", func(x *edit) {
		x.unused(7, space.ForkOwner(x.ino("small"), false, 1000, false))
	}},
	{"blocks of an unknown owner", func(x *edit) { x.unused(7, space.Owner{ID: format.OwnUnknown}) }},
	{"blocks of an owner that is no inode", func(x *edit) { x.unused(7, space.ForkOwner(x.v.Geo.Ino(1, 99968), false, 0, false)) }},
	{"used blocks without an owner", func(x *edit) {
		e, o := x.single("extents")
		x.must(x.v.Groups.Unmap(x.tx, e, o))
	}},
	{"used blocks of another owner", func(x *edit) {
		e, o := x.single("extents")
		x.must(x.v.Groups.Unmap(x.tx, e, o))
		o.ID = uint64(x.ino("small"))
		x.must(x.v.Groups.Map(x.tx, e, o))
	}},
	{"used blocks at another offset", func(x *edit) {
		e, o := x.single("extents")
		x.must(x.v.Groups.Unmap(x.tx, e, o))
		x.must(x.v.Groups.Map(x.tx, e, o.At(7)))
	}},
	{"used blocks of a second owner", func(x *edit) {
		e, _ := x.single("extents")
		x.must(x.v.Groups.Map(x.tx, e, space.ForkOwner(x.ino("small"), false, 1000, false)))
	}},
	{"written blocks recorded as unwritten", func(x *edit) {
		e, o := x.single("extents")
		x.must(x.v.Groups.Convert(x.tx, e, o, false))
	}},
	{"free blocks with an owner", func(x *edit) {
		x.must(x.v.Groups.Map(x.tx, x.free(5), space.ForkOwner(x.ino("small"), false, 1000, false)))
	}},
	{"blocks both free and used", func(x *edit) {
		e, _ := x.single("extents")
		x.must(x.v.Groups.Free(x.tx, e, space.Owner{}, true))
	}},
	{"blocks both free and used, without an owner", func(x *edit) {
		e, o := x.single("extents")
		x.must(x.v.Groups.Free(x.tx, e, o, true))
	}},
	{"inodes in free blocks", func(x *edit) {
		ag, i := x.v.Geo.SplitIno(x.ino("many/file-4000"))
		e := space.Extent{Start: x.v.Geo.FSB(ag, x.v.Geo.InoBlock(i)), Count: 1}
		x.must(x.v.Groups.Free(x.tx, e, space.Owner{ID: format.OwnInodes}, false))
	}},
	{"a block twice on the free list", func(x *edit) {
		x.sector(0, 3, format.TypeAGFL, func(g *format.Geometry, b []byte) {
			first := format.AGFLSlot(int(x.flFirst(0)))
			format.AGFLSlot(int(x.flFirst(0))+1).Put(b, first.Get(b))
		})
	}},
	{"a used block on the free list", func(x *edit) {
		e, _ := x.single("extents")
		ag := x.v.Geo.AG(e.Start)
		x.sector(ag, 3, format.TypeAGFL, func(g *format.Geometry, b []byte) {
			format.AGFLSlot(int(x.flFirst(ag))).Put(b, g.AGB(e.Start))
		})
	}},
}

var names = []Compound{
	{"a directory that contains its parent", func(x *edit) { x.set(x.ino("tree-a/b"), firstEntry, x.ino("tree-a")) }},
	{"directories that only contain each other", func(x *edit) {
		x.set(x.ino("tree-a"), parentEntry, x.ino("tree-a/b"))
		x.set(x.ino("tree-a/b"), firstEntry, x.ino("tree-a"))
	}},
	{"a directory that contains itself", func(x *edit) { x.set(x.ino("tree-a/b"), firstEntry, x.ino("tree-a/b")) }},
	{"two names of one directory", func(x *edit) { x.set(x.ino("tree-d"), firstEntry, x.ino("tree-a/b")) }},
	{"a name of the root directory", func(x *edit) { x.set(x.ino("tree-d"), firstEntry, x.ino("/")) }},
	{"a wrong parent", func(x *edit) { x.set(x.ino("tree-a/b"), parentEntry, x.ino("tree-d")) }},
	{"a name of a free inode", func(x *edit) { x.set(x.ino("tree-d"), firstEntry, x.freeIno()) }},
	{"a name of an inode that there is not", func(x *edit) { x.set(x.ino("tree-d"), firstEntry, 90000) }},
	{"a name of another file", func(x *edit) { x.set(x.ino("tree-d"), firstEntry, x.ino("small")) }},
	{"hashes out of order", func(x *edit) {
		x.structure("directory leafn block", 1, func(_ *format.Geometry, b []byte) { swap(b[format.DirLeaf.Size+8*4:], 8) })
	}},
	{"a name with another's hash", func(x *edit) {
		x.structure("directory leafn block", 1, func(_ *format.Geometry, b []byte) {
			e := b[format.DirLeaf.Size+8*4:]
			a, c := format.DirLeafAddr.Get(e), format.DirLeafAddr.Get(e[8:])
			format.DirLeafAddr.Put(e, c)
			format.DirLeafAddr.Put(e[8:], a)
		})
	}},
	{"a name without a hash", func(x *edit) {
		x.structure("directory leafn block", 1, func(_ *format.Geometry, b []byte) {
			format.DirLeafAddr.Put(b[format.DirLeaf.Size+8*4:], 0)
			format.DirLeafStale.Put(b, format.DirLeafStale.Get(b)+1)
		})
	}},
	{"attributes' hashes out of order", func(x *edit) {
		x.structure("attribute leaf block", 3, func(_ *format.Geometry, b []byte) { swap(b[format.AttrLeaf.Size:], 8) })
	}},
	{"an attribute marked incomplete", func(x *edit) {
		x.structure("attribute leaf block", 3, func(_ *format.Geometry, b []byte) {
			e := b[format.AttrLeaf.Size:]
			format.AttrEntryFlags.Put(e, format.AttrEntryFlags.Get(e)|format.AttrIncomplete)
		})
	}},
}

var inodes = []Compound{
	{"an inode in two places", func(x *edit) {
		from, to := x.v.Geo.InoOffset(x.ino("small")), x.v.Geo.InoOffset(x.ino("empty"))
		x.patches = append(x.patches, func(dev device.Device) {
			b := make([]byte, x.v.Geo.InodeSize)
			_, err := dev.ReadAt(b, from)
			x.must(err)
			_, err = dev.WriteAt(b, to)
			x.must(err)
		})
	}},
	{"two records of the same inodes", func(x *edit) {
		x.structure("inobt leaf", 0, func(_ *format.Geometry, b []byte) {
			r := b[format.ShortBlock.Size:]
			format.InoRecStart.Put(r[format.InobtRec.Size:], format.InoRecStart.Get(r))
		})
	}},
	{"a chunk with the inodes of another", func(x *edit) {
		first := func(path string) int64 { return x.v.Geo.InoOffset(x.ino(path) &^ (format.InodesPerChunk - 1)) }
		from, to := first("many/file-2000"), first("many/file-3000")
		x.patches = append(x.patches, func(dev device.Device) {
			b := make([]byte, format.InodesPerChunk*x.v.Geo.InodeSize)
			_, err := dev.ReadAt(b, from)
			x.must(err)
			_, err = dev.WriteAt(b, to)
			x.must(err)
		})
	}},
	{"an inode with names on a list of unlinked ones", func(x *edit) {
		ok, err := inode.NewAllocator(x.v.Geo, x.v.Groups).Orphan(x.tx, x.ino("small"))
		x.must(err)
		if !ok {
			x.t.Fatal("make a fault: the list has another inode")
		}
	}},
	{"an inode without names", func(x *edit) {
		_, err := inode.NewAllocator(x.v.Geo, x.v.Groups).New(x.tx, x.ino("/"), false)
		x.must(err)
	}},
	{"a free inode that is in use", func(x *edit) {
		x.patch(x.v.Geo.InoOffset(x.ino("attr-leaf")), format.TypeInode, func(_ *format.Geometry, b []byte) { format.DiMode.Put(b, 0) })
	}},
	{"a list of unlinked inodes that goes in circles", func(x *edit) {
		ag, i := x.v.Geo.SplitIno(x.ino("small"))
		x.sector(ag, 2, format.TypeAGI, func(_ *format.Geometry, b []byte) {
			format.AGIUnlinked.At(int(i)%format.AGIBuckets).Put(b, i)
		})
		x.patch(x.v.Geo.InoOffset(x.ino("small")), format.TypeInode, func(_ *format.Geometry, b []byte) { format.DiNextUnlinked.Put(b, i) })
	}},
	{"a file type that is another", func(x *edit) {
		x.patch(x.v.Geo.InoOffset(x.ino("fifo")), format.TypeInode, func(_ *format.Geometry, b []byte) {
			format.DiMode.Put(b, format.DiMode.Get(b)&^format.ModeType|format.ModeSock)
		})
	}},
}

var trees = []Compound{
	{"children in another order", func(x *edit) {
		x.structure("rmapbt node", 0, func(g *format.Geometry, b []byte) {
			room := (len(b) - format.ShortBlock.Size) / (format.RmapKey.Size + format.ShortPtr.Size)
			swap(b[format.ShortBlock.Size+room*format.RmapKey.Size:], format.ShortPtr.Size)
		})
	}},
	{"a child twice", func(x *edit) {
		x.structure("bnobt node", 0, func(g *format.Geometry, b []byte) {
			room := (len(b) - format.ShortBlock.Size) / (format.FreeRec.Size + format.ShortPtr.Size)
			p := b[format.ShortBlock.Size+room*format.FreeRec.Size:]
			format.ShortPtrTo.Put(p, format.ShortPtrTo.Get(p[format.ShortPtr.Size:]))
		})
	}},
	{"a node that is its own child", func(x *edit) {
		x.structure("rmapbt node", 1, func(g *format.Geometry, b []byte) {
			room := (len(b) - format.ShortBlock.Size) / (format.RmapKey.Size + format.ShortPtr.Size)
			self := uint64(format.ShortBno.Get(b)) << format.BasicBlockLog >> g.BlockLog % uint64(g.AGBlocks)
			format.ShortPtrTo.Put(b[format.ShortBlock.Size+room*format.RmapKey.Size:], format.AGBlock(self))
		})
	}},
	{"a tree's root in the place of another's", func(x *edit) {
		x.sector(1, 1, format.TypeAGF, func(_ *format.Geometry, b []byte) { format.AGFCntRoot.Put(b, format.AGFBnoRoot.Get(b)) })
	}},
	{"a group's header in the place of another's", func(x *edit) {
		x.patches = append(x.patches, func(dev device.Device) {
			b := make([]byte, x.v.Geo.SectSize)
			_, err := dev.ReadAt(b, x.v.Geo.SectorOffset(1, 1))
			x.must(err)
			_, err = dev.WriteAt(b, x.v.Geo.SectorOffset(2, 1))
			x.must(err)
		})
	}},
	{"a group without a header", func(x *edit) {
		x.patches = append(x.patches, func(dev device.Device) {
			_, err := dev.WriteAt(make([]byte, 4*x.v.Geo.SectSize), x.v.Geo.SectorOffset(1, 0))
			x.must(err)
		})
	}},
	{"neighbours that could be one record", func(x *edit) {
		x.structure("bnobt leaf", 1, func(_ *format.Geometry, b []byte) {
			r := b[format.ShortBlock.Size:]
			format.FreeCount.Put(r, uint32(format.FreeStart.Get(r[8:])-format.FreeStart.Get(r)))
		})
	}},
}

var logs = []Compound{
	{"a log full of noise", func(x *edit) {
		x.patches = append(x.patches, func(dev device.Device) {
			b := make([]byte, 1<<20)
			rng := rand.NewChaCha8([32]byte{1})
			_, _ = rng.Read(b) // it does not fail
			_, err := dev.WriteAt(b, x.v.Geo.Offset(x.v.Geo.LogStart))
			x.must(err)
		})
	}},
	{"changes newer than the log", func(x *edit) {
		x.patches = append(x.patches, func(dev device.Device) {
			b := make([]byte, int64(x.v.Geo.LogBlocks)<<x.v.Geo.BlockLog)
			_, err := dev.WriteAt(b, x.v.Geo.Offset(x.v.Geo.LogStart))
			x.must(err)
		})
	}},
}

// swap exchanges two pieces of n bytes that b begins with.
func swap(b []byte, n int) {
	a := append([]byte(nil), b[:n]...)
	copy(b, b[n:2*n])
	copy(b[n:], a)
}

func (x *edit) increase(e space.Extent) {
	x.t.Helper()
	_, err := x.counts.Increase(x.tx, e)
	x.must(err)
}

func (x *edit) decrease(e space.Extent) {
	x.t.Helper()
	_, _, err := x.counts.Decrease(x.tx, e)
	x.must(err)
}

// map2 maps an extent into a file as well, which becomes one of its owners.
func (x *edit) map2(e space.Extent) {
	x.t.Helper()
	x.must(x.fork("cow-hint").Attach(format.Mapping{Off: 5, Start: e.Start, Count: e.Count}))
}

// mapOnly maps a block into a file, which does not become one of its owners.
func (x *edit) mapOnly(b format.FSBlock) {
	x.t.Helper()
	x.must(x.fork("cow-hint").Map(format.Mapping{Off: 5, Start: b, Count: 1}))
	x.patch(x.v.Geo.InoOffset(x.ino("cow-hint")), format.TypeInode, func(_ *format.Geometry, b []byte) {
		format.DiNBlocks.Put(b, format.DiNBlocks.Get(b)+1)
	})
}

func (x *edit) fork(path string) *inode.ForkEditor {
	x.t.Helper()
	e, err := inode.Edit(x.tx, x.v.Groups, x.ino(path))
	x.must(err)
	return e.Fork(inode.Data)
}

// flFirst is the first slot in use of a group's free list.
func (x *edit) flFirst(ag format.AGNumber) uint32 {
	x.t.Helper()
	agf, err := x.sound.AGF(ag)
	x.must(err)
	return format.AGFFlFirst.Get(agf)
}

// freeIno is an inode that is free, in a chunk that is not.
func (x *edit) freeIno() format.Ino {
	x.t.Helper()
	m, err := Open(x.sound.Device())
	x.must(err)
	for _, s := range m.Structures {
		if s.Kind == "inode free" {
			b := make([]byte, s.Len)
			_, err := x.sound.Device().ReadAt(b, s.Off)
			x.must(err)
			return format.DiIno.Get(b)
		}
	}
	x.t.Fatal("make a fault: no free inode")
	return 0
}
