package space

import (
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/txn"
)

// Counters are the numbers that the superblock holds of the whole volume. While the volume is
// open those on disk are not kept up to date: they are sums over the groups, and after a crash
// everyone adds them up again.
type Counters struct {
	Free       uint64 // blocks: in free extents, in free lists, in trees that live off these
	Inodes     uint64 // allocated
	FreeInodes uint64 // of these
}

// Count adds up the counters of all groups.
func Count(tx *txn.Tx) (c Counters, err error) {
	for no := range format.AGNumber(tx.Geo.AGCount) {
		agf, err := readAGF(tx, no)
		if err != nil {
			return Counters{}, err
		}
		agi, err := readHeader(tx, no, 2, format.TypeAGI)
		if err != nil {
			return Counters{}, err
		}
		c.Free += freeIn(agf)
		c.Inodes += uint64(format.AGICount.Get(agi.Data))
		c.FreeInodes += uint64(format.AGIFreeCount.Get(agi.Data))
	}
	return c, nil
}

// freeIn is the number of blocks that count as free in a group.
func freeIn(agf *txn.Buf) uint64 {
	return uint64(format.AGFFreeBlks.Get(agf.Data)) + uint64(format.AGFFlCount.Get(agf.Data)) + uint64(format.AGFBtreeBlks.Get(agf.Data))
}

// Put writes the counters to a superblock.
func (c Counters) Put(sb []byte) {
	format.SBFDBlocks.Put(sb, c.Free)
	format.SBICount.Put(sb, c.Inodes)
	format.SBIFree.Put(sb, c.FreeInodes)
}

// Room is the number of blocks that Alloc can give out in all, without what is held back. They need
// not be in one piece, and some can be busy.
func (s *Groups) Room(tx *txn.Tx) (n uint64, err error) {
	for no := range format.AGNumber(s.geo.AGCount) {
		a, err := s.group(tx, no)
		if err != nil {
			return 0, err
		}
		room, err := a.room(false)
		if err != nil {
			return 0, err
		}
		n += uint64(max(0, min(room, int64(a.freeBlocks()))))
	}
	return n, nil
}

// Available is the number of blocks that may be promised to users: what is free, without what is
// held back in the groups and without a share for metadata that must be changed when all else is
// full.
func (s *Groups) Available(tx *txn.Tx) (uint64, error) {
	const maxPool = 8192
	n := -int64(min(s.geo.DBlocks/20, maxPool))
	for no := range format.AGNumber(s.geo.AGCount) {
		a, err := s.group(tx, no)
		if err != nil {
			return 0, err
		}
		n += int64(freeIn(a.agf)) - setAside
		if a.holds {
			held, err := a.held(false)
			if err != nil {
				return 0, err
			}
			// The blocks that rmapbt has count as free, those of the other trees don't.
			n -= held + int64(a.get(format.AGFRmapBlks))
		}
	}
	return uint64(max(0, n)), nil
}
