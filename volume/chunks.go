package volume

import (
	"context"
	"iter"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
)

// Chunk is a record of the tree of inodes of a group: 64 inodes that are allocated together.
type Chunk struct {
	AG    format.AGNumber
	Start format.AGIno
	Exist uint64 // bit i: inode Start+i has room on the disk; not all do in a sparse chunk
	Used  uint64 // bit i: and it is in use
}

// Chunks gives the chunks of a group, in order.
func (v *Volume) Chunks(ag format.AGNumber) iter.Seq2[Chunk, error] {
	return func(yield func(Chunk, error) bool) {
		t, err := v.Tree(btree.Inobt, ag)
		if err != nil {
			yield(Chunk{}, err)
			return
		}
		for rec, err := range t.All() {
			if err != nil {
				yield(Chunk{}, err)
				return
			}
			if !yield(unpackChunk(v.Geo, ag, rec), nil) {
				return
			}
		}
	}
}

func unpackChunk(g *format.Geometry, ag format.AGNumber, rec []byte) Chunk {
	c := Chunk{AG: ag, Start: format.InoRecStart.Get(rec), Exist: ^uint64(0)}
	if g.HasSparse() {
		const each = format.InodesPerChunk / 16
		for holes, i := format.InoRecHoleMask.Get(rec), 0; holes != 0; holes, i = holes>>1, i+1 {
			if holes&1 != 0 {
				c.Exist &^= (1<<each - 1) << (i * each)
			}
		}
	}
	c.Used = c.Exist &^ format.InoRecFree.Get(rec)
	return c
}

// Inodes gives all inodes in use of the groups, in order of their numbers; without groups, of the
// volume. An inode that can't be read comes as an error, and the sequence goes on; when the tree of
// a group is damaged, it goes on with the next group.
func (v *Volume) Inodes(ctx context.Context, groups ...format.AGNumber) iter.Seq2[*inode.Inode, error] {
	if len(groups) == 0 {
		groups = v.groups()
	}
	return func(yield func(*inode.Inode, error) bool) {
		for _, ag := range groups {
			for c, err := range v.Chunks(ag) {
				if err == nil {
					err = ctx.Err()
				}
				if err != nil {
					if !yield(nil, err) || ctx.Err() != nil {
						return
					}
					break
				}
				for i := range format.AGIno(format.InodesPerChunk) {
					if c.Used>>i&1 == 0 {
						continue
					}
					if !yield(v.Inode(v.Geo.Ino(ag, c.Start+i))) {
						return
					}
				}
			}
		}
	}
}

// groups are the numbers of all groups.
func (v *Volume) groups() []format.AGNumber {
	out := make([]format.AGNumber, v.Geo.AGCount)
	for i := range out {
		out[i] = format.AGNumber(i)
	}
	return out
}
