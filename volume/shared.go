package volume

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
)

// Owner is a file that has blocks in its data fork from an offset on.
type Owner struct {
	Ino format.Ino
	Off format.FileOff
}

// SharedExtent is blocks of a file that several files have, or that the file has several times.
type SharedExtent struct {
	format.Mapping         // in the file that was asked about
	Owners         []Owner // that one too; by number and offset
}

// use is blocks that somebody has.
type use struct {
	start format.FSBlock
	count uint32
	Owner
}

func (u use) end() format.FSBlock { return u.start + format.FSBlock(u.count) }

// part is the blocks of u from block lo up to hi.
func (u use) part(lo, hi format.FSBlock) use {
	return use{lo, uint32(hi - lo), Owner{u.Ino, u.Off + format.FileOff(lo-u.start)}}
}

// Shared gives the extents of a file's data that are shared, in order, with all who share them.
// It asks rmapbt, or where there is none the data forks of all files.
func (v *Volume) Shared(ctx context.Context, i *inode.Inode) ([]SharedExtent, error) {
	f, err := i.Fork(inode.Data)
	if err != nil || !i.IsRegular() || i.Flags2()&format.Flag2Reflink == 0 {
		return nil, err
	}
	var maps []format.Mapping
	for m, err := range f.All() {
		if err != nil {
			return nil, err
		}
		if !m.Unwritten {
			maps = append(maps, m)
		}
	}
	find := v.ownersByRmap
	if !v.HasOwners() {
		find = v.ownersBySearch
	}
	uses, err := find(ctx, maps)
	if err != nil {
		return nil, err
	}
	var out []SharedExtent
	for k, m := range maps {
		out = append(out, sharedIn(m, uses[k])...)
	}
	return out, nil
}

// sharedIn divides a mapping where its owners change, and gives what has several. uses lie within
// it.
func sharedIn(m format.Mapping, uses []use) (out []SharedExtent) {
	cuts := []format.FSBlock{m.Start, m.Start + format.FSBlock(m.Count)}
	for _, u := range uses {
		cuts = append(cuts, u.start, u.end())
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	for i := range len(cuts) - 1 {
		lo, hi := cuts[i], cuts[i+1]
		var owners []Owner
		for _, u := range uses {
			if u.start <= lo && hi <= u.end() {
				owners = append(owners, u.part(lo, hi).Owner)
			}
		}
		if len(owners) > 1 {
			slices.SortFunc(owners, func(a, b Owner) int { return cmp.Or(cmp.Compare(a.Ino, b.Ino), cmp.Compare(a.Off, b.Off)) })
			off := m.Off + format.FileOff(lo-m.Start)
			out = append(out, SharedExtent{m.Part(off, off+format.FileOff(hi-lo)), owners})
		}
	}
	return out
}

// ownersByRmap asks the reverse map whose the blocks of each mapping are.
func (v *Volume) ownersByRmap(ctx context.Context, maps []format.Mapping) ([][]use, error) {
	out := make([][]use, len(maps))
	trees := map[format.AGNumber]*btree.Tree{}
	for k, m := range maps {
		ag, lo := v.Geo.AG(m.Start), v.Geo.AGB(m.Start)
		t := trees[ag]
		if t == nil {
			var err error
			if t, err = v.Tree(btree.Rmapbt, ag); err != nil {
				return nil, err
			}
			trees[ag] = t
		}
		for rec, err := range t.Range(rmapPoint(lo, 0), rmapPoint(lo+format.AGBlock(m.Count-1), math.MaxUint64)) {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return nil, err
			}
			off := format.RmapOffset.Get(rec)
			if owner := format.RmapOwner.Get(rec); format.OwnerIsInode(owner) && off&(format.RmapAttrFork|format.RmapBmbtBlock) == 0 {
				u := use{v.Geo.FSB(ag, format.RmapStart.Get(rec)), format.RmapCount.Get(rec), Owner{format.Ino(owner), format.FileOff(off & format.RmapOffsetMask)}}
				out[k] = appendWithin(out[k], u, m)
			}
		}
	}
	return out, nil
}

// rmapPoint is a key of rmapbt: of a block, and the first or last of all owners.
func rmapPoint(b format.AGBlock, owner uint64) []byte {
	key := make([]byte, format.RmapKey.Size)
	format.RmapKeyStart.Put(key, b)
	format.RmapKeyOwner.Put(key, owner)
	format.RmapKeyOffset.Put(key, owner)
	return key
}

// appendWithin adds the part of u that lies in a mapping's blocks.
func appendWithin(list []use, u use, m format.Mapping) []use {
	lo, hi := max(u.start, m.Start), min(u.end(), m.Start+format.FSBlock(m.Count))
	if lo >= hi {
		return list
	}
	return append(list, u.part(lo, hi))
}

// ownersBySearch goes through the data forks of all files that may share blocks.
func (v *Volume) ownersBySearch(ctx context.Context, maps []format.Mapping) ([][]use, error) {
	out := make([][]use, len(maps))
	order := make([]int, len(maps)) // of the mappings, by their blocks
	for k := range order {
		order[k] = k
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(maps[a].Start, maps[b].Start) })
	for i, err := range v.Inodes(ctx) {
		if err != nil {
			return nil, err
		}
		if !i.IsRegular() || i.Flags2()&format.Flag2Reflink == 0 {
			continue
		}
		f, err := i.Fork(inode.Data)
		if err != nil {
			return nil, err
		}
		for m, err := range f.All() {
			if err != nil {
				return nil, err
			}
			u := use{m.Start, m.Count, Owner{i.Ino, m.Off}}
			// A file may have blocks twice, so that mappings overlap: but none is longer than this.
			from, _ := slices.BinarySearchFunc(order, u.start, func(k int, b format.FSBlock) int {
				return cmp.Compare(maps[k].Start+format.MaxExtentLen, b)
			})
			for _, k := range order[from:] {
				if maps[k].Start >= u.end() {
					break
				}
				out[k] = appendWithin(out[k], u, maps[k])
			}
		}
	}
	return out, nil
}
