package inode

import (
	"math/bits"

	"github.com/cowfs/cowfs/format"
)

// chunk is a record of inobt or finobt: which of 64 inodes exist, and which of these are free.
type chunk struct {
	start format.AGIno
	holes uint16 // bit k: inodes 4k to 4k+3 don't exist
	free  uint64 // bit i: inode start+i is free; set for inodes that don't exist too
}

const (
	inodesPerHole = format.InodesPerChunk / 16
	allFree       = ^uint64(0)
)

func unpackChunk(g *format.Geometry, b []byte) chunk {
	c := chunk{start: format.InoRecStart.Get(b), free: format.InoRecFree.Get(b)}
	if g.HasSparse() {
		c.holes = format.InoRecHoleMask.Get(b)
	}
	return c
}

// pack encodes the record, with the counts that follow from the masks.
func (c chunk) pack(g *format.Geometry) []byte {
	b := make([]byte, format.InobtRec.Size)
	format.InoRecStart.Put(b, c.start)
	format.InoRecFree.Put(b, c.free)
	if g.HasSparse() {
		format.InoRecHoleMask.Put(b, c.holes)
		format.InoRecCount.Put(b, uint8(c.count()))
		format.InoRecFreeCount.Put(b, uint8(c.freeCount()))
	} else {
		format.InoRecFullFreeCount.Put(b, uint32(c.freeCount()))
	}
	return b
}

// exist has a bit set for each inode that exists.
func (c chunk) exist() uint64 {
	m := allFree
	for k := range 16 {
		if c.holes>>k&1 != 0 {
			m &^= (1<<inodesPerHole - 1) << (k * inodesPerHole)
		}
	}
	return m
}

func (c chunk) count() int     { return bits.OnesCount64(c.exist()) }
func (c chunk) freeCount() int { return bits.OnesCount64(c.free & c.exist()) }

// firstFree is the index of the first inode that exists and is free.
func (c chunk) firstFree() (i int, ok bool) {
	m := c.free & c.exist()
	return bits.TrailingZeros64(m), m != 0
}
