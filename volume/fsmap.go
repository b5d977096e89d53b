package volume

import (
	"fmt"
	"iter"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
)

// Owner of space that Fsmap found free. It is no owner of the format, where free space has
// none.
const OwnerFree = format.OwnNull

// Use says whose a range of a group's blocks is.
type Use struct {
	AG    format.AGNumber
	Start format.AGBlock
	Count uint32 // blocks
	// Owner is an inode, one of the format's constants, or OwnerFree. OwnUnknown stands for
	// blocks in use on a volume that does not record by whom.
	Owner uint64
	// Off is where in the owner's fork the range is mapped; only with an inode as owner and not
	// for blocks of the fork's tree.
	Off       format.FileOff
	Attr      bool // the attribute fork
	Tree      bool // blocks of the fork's tree
	Unwritten bool
}

// Fsmap gives the use of all blocks of a group, in order. Shared blocks come once for each
// owner. On a volume without rmapbt, whose blocks do not know their owners, it tells free space,
// headers and the log from the rest; see HasOwners.
func (v *Volume) Fsmap(ag format.AGNumber) iter.Seq2[Use, error] {
	return func(yield func(Use, error) bool) {
		if err := v.CheckAG(ag); err != nil {
			yield(Use{}, err)
			return
		}
		m := mapper{v: v, ag: ag, size: v.Geo.AGLen(ag), yield: yield}
		var err error
		if v.HasOwners() {
			err = m.owners()
		} else {
			err = m.known()
		}
		if err != nil {
			yield(Use{}, err)
		}
	}
}

// HasOwners reports whether the volume records the owner of each block.
func (v *Volume) HasOwners() bool { return v.Geo.HasRmapbt() }

// mapper builds the map of one group.
type mapper struct {
	v     *Volume
	ag    format.AGNumber
	size  uint32
	end   uint64 // of what was given so far
	yield func(Use, error) bool
}

// give passes u on, and before it what lies between the last one and it as gap's.
func (m *mapper) give(u Use, gap uint64) bool {
	u.AG = m.ag
	if uint64(u.Start) > m.end {
		g := Use{AG: m.ag, Start: format.AGBlock(m.end), Count: uint32(uint64(u.Start) - m.end), Owner: gap}
		if !m.yield(g, nil) {
			return false
		}
	}
	m.end = max(m.end, uint64(u.Start)+uint64(u.Count))
	return u.Count == 0 || m.yield(u, nil)
}

// owners goes by the rmapbt: what nobody owns is free.
func (m *mapper) owners() error {
	t, err := m.v.Tree(btree.Rmapbt, m.ag)
	if err != nil {
		return err
	}
	for rec, err := range t.All() {
		if err != nil {
			return err
		}
		off := format.RmapOffset.Get(rec)
		u := Use{
			Start: format.RmapStart.Get(rec), Count: format.RmapCount.Get(rec), Owner: format.RmapOwner.Get(rec),
			Attr: off&format.RmapAttrFork != 0, Tree: off&format.RmapBmbtBlock != 0, Unwritten: off&format.RmapUnwritten != 0,
		}
		if err := m.v.checkExtent(m.ag, "rmap record", uint64(u.Start), u.Count, 0); err != nil {
			return err
		}
		if format.OwnerIsInode(u.Owner) && !u.Tree {
			u.Off = format.FileOff(off & format.RmapOffsetMask)
		}
		if !m.give(u, OwnerFree) {
			return nil
		}
	}
	m.give(Use{Start: format.AGBlock(m.size)}, OwnerFree)
	return nil
}

// known goes by the free extents: what is not free is somebody's.
func (m *mapper) known() error {
	g := m.v.Geo
	if !m.give(Use{Count: uint32(g.HeaderBlocks()), Owner: format.OwnFS}, format.OwnUnknown) {
		return nil
	}
	log := Use{Start: format.AGBlock(m.size)} // none in this group
	if g.LogStart != 0 && g.AG(g.LogStart) == m.ag {
		log = Use{Start: g.AGB(g.LogStart), Count: g.LogBlocks, Owner: format.OwnLog}
	}
	more := true
	err := m.v.eachFree(m.ag, func(start format.AGBlock, count uint32) bool {
		if log.Count > 0 && log.Start < start {
			more = m.give(log, format.OwnUnknown)
			log = Use{Start: format.AGBlock(m.size)}
		}
		more = more && m.give(Use{Start: start, Count: count, Owner: OwnerFree}, format.OwnUnknown)
		return more
	})
	if err != nil || !more || !m.give(log, format.OwnUnknown) {
		return err
	}
	m.give(Use{Start: format.AGBlock(m.size)}, format.OwnUnknown)
	return nil
}

// checkExtent judges an extent of a group by itself and against the end of the one before it.
func (v *Volume) checkExtent(ag format.AGNumber, structure string, start uint64, count uint32, end uint64) error {
	size := uint64(v.Geo.AGLen(ag))
	if count > 0 && start >= end && start < size && uint64(count) <= size-start {
		return nil
	}
	return format.Corrupt(structure, "range", fmt.Sprintf("%d blocks from %d", count, start), fmt.Sprintf("blocks %d to %d", end, size-1)).At(format.InGroup(ag))
}
