package populate

import (
	"context"
	"fmt"
	"math"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/source"
	"github.com/cowfs/cowfs/space"
)

// Plan says where everything of an image lies.
type Plan struct {
	o      Options
	g      *format.Geometry
	t      *source.Tree
	links  map[source.ID][]link // of nodes with several
	groups []*agroup
	nodes  []nodePlan
	pieces [][]piece // data of files that is not one run of blocks
	metas  [][]run   // metadata of nodes that is not one run of blocks
	dup    *Duplicates
	ample  bool // see Ample
	stats  Stats
	bytes  int64 // of file data to write
	attrs  bool  // some inode has attributes

	cur int // the group that is being filled
}

// nodePlan is the place of a node.
type nodePlan struct {
	ino   format.Ino
	data  place  // regular file: its data, or an index in pieces when many is set
	meta  place  // blocks of its own metadata, or an index in metas
	count uint32 // blocks of metadata
	room  uint16 // bytes of the data fork in the inode
	flags nodeFlags
}

type nodeFlags uint8

const (
	manyPieces nodeFlags = 1 << iota // data is an index in pieces
	manyRuns                         // meta is an index in metas
	shortAttrs                       // the attributes are in the inode
	btreeFork                        // the data fork is a B+tree
	shares                           // some data blocks are shared
)

// place is a block counted from the start of a group's region: group<<32 | block.
type place uint64

func at(a *agroup, rel uint32) place { return place(a.no)<<32 | place(rel) }

// run is a number of blocks in a row, all in one region of one group.
type run struct {
	place
	count uint32
}

// piece is a run of a file's data.
type piece struct {
	run
	off       format.FileOff
	unwritten bool
	copied    bool // the blocks are another piece's, already written
}

// NewPlan finds a place for everything in the tree. It gives a NoSpaceError when that can't be done.
func NewPlan(ctx context.Context, o Options) (*Plan, error) {
	t := o.Tree
	if t == nil {
		t = source.Empty(o.Sec, o.Nsec)
	}
	links := linksOf(t)
	dup := o.Duplicates
	if o.Dedupe && dup == nil {
		var err error
		if dup, err = FindDuplicates(ctx, o.Geo, t); err != nil {
			return nil, err
		}
	}
	var full error
	for _, reserve := range []bool{true, false} {
		p := &Plan{o: o, g: o.Geo, t: t, links: links, dup: dup, ample: reserve}
		err := p.place(ctx, reserve)
		if err == nil {
			return p, nil
		}
		if _, ok := err.(*NoSpaceError); !ok {
			return nil, err
		}
		full = err
	}
	return nil, full
}

// place plans the whole image. With reserve it keeps as much of each group free as the kernel
// wants for the growth of its trees.
func (p *Plan) place(ctx context.Context, reserve bool) error {
	p.nodes = make([]nodePlan, p.t.Len())
	p.newGroups(reserve)
	if p.g.RootIno != 0 && p.g.RootIno != RootIno(p.g) {
		return fmt.Errorf("root inode %d of the geometry is not where it must be, %d", p.g.RootIno, RootIno(p.g))
	}
	s := sizer{Plan: p}
	if err := walk(ctx, p.t, s.visit); err != nil {
		return err
	}
	for _, an := range s.blockAttrs {
		if err := s.placeAttrs(an); err != nil {
			return err
		}
	}
	p.stats.Inodes = uint64(p.t.Len()) + reservedInodes
	if err := p.checkInodes(); err != nil {
		return err
	}
	for _, a := range p.groups {
		if err := p.close(a); err != nil {
			return err
		}
	}
	return nil
}

// reservedInodes is the number of inodes behind the root that every image has: the bitmap and
// the summary of a realtime section, even without one.
const reservedInodes = 2

// newGroups lays out the groups and says how much goes into each: an even part of what the tree
// needs, but no less than minShare, so that small trees are not scattered.
func (p *Plan) newGroups(reserve bool) {
	const minShare = 1 << 28 // bytes
	share := max(p.estimate()/uint64(p.g.AGCount), minShare>>p.g.BlockLog)
	p.groups = make([]*agroup, p.g.AGCount)
	for i := range p.groups {
		a := newGroup(p.g, format.AGNumber(i))
		most := int64(a.len) - int64(a.inoBase)
		if reserve {
			most -= int64(space.Reservation(p.g, a.no))
		}
		a.most = uint32(max(0, most))
		a.share = uint32(min(uint64(a.most), share))
		p.groups[i] = a
	}
	p.cur = 0
}

// estimate is about the number of blocks that the tree needs.
func (p *Plan) estimate() uint64 {
	inodes := uint64(p.t.Len())
	blocks := inodes>>p.g.InoPBLog + 1
	for i := range p.t.Len() {
		n := p.t.Node(source.ID(i))
		switch {
		case isDir(n):
			blocks += uint64(p.t.NumEntries(source.ID(i))) * 32 >> p.g.BlockLog
		case isReg(n) && p.t.Extents(source.ID(i)) == nil:
			blocks += p.g.BlocksUp(uint64(n.Size))
		case isReg(n):
			for _, r := range p.t.Extents(source.ID(i)) {
				blocks += p.g.BlocksUp(uint64(r.Len))
			}
		}
	}
	return blocks + blocks/64
}

// room moves on to the next group until n more blocks find room, besides inodes more inodes,
// and returns the group. ok is false when there is no such group.
func (p *Plan) room(n uint32, inodes uint32) (a *agroup, ok bool) {
	for range 2 {
		for ; p.cur < len(p.groups); p.cur++ {
			a := p.groups[p.cur]
			need := uint64(n)
			if inodes > 0 {
				need += uint64(p.inodeBlocks(a, inodes) - a.inodeBlocks)
			}
			if a.used() < a.share && uint64(a.used())+need <= uint64(a.most) {
				return a, true
			}
		}
		// All shares are taken. What the groups have beyond them is the last resort.
		for _, a := range p.groups {
			a.share = a.most
		}
		p.cur = 0
	}
	p.cur = 0
	return nil, false
}

// inodeBlocks is the number of blocks that the group's chunks take with n more inodes.
func (p *Plan) inodeBlocks(a *agroup, n uint32) uint32 {
	per := uint32(p.g.ChunkInodes())
	have := a.inodes
	if have == 0 && a.no == 0 {
		have = reservedInodes
	}
	return (have + n + per - 1) / per * uint32(p.g.ChunkBlocks())
}

// addInode takes the next inode of the group.
func (p *Plan) addInode(a *agroup) format.Ino {
	a.inodeBlocks = p.inodeBlocks(a, 1)
	i := a.inodes
	a.inodes++
	if i == 0 && a.no == 0 {
		a.inodes += reservedInodes
	}
	return p.g.Ino(a.no, format.AGIno(a.inoBase)<<p.g.InoPBLog+format.AGIno(i))
}

// checkInodes holds the number of inodes against the share of the image that they may take.
func (p *Plan) checkInodes() error {
	if p.g.IMaxPct == 0 {
		return nil
	}
	var blocks uint64
	for _, a := range p.groups {
		blocks += uint64(a.inodeBlocks)
	}
	need := (blocks*100 + p.g.DBlocks - 1) / p.g.DBlocks
	if need <= uint64(p.g.IMaxPct) {
		return nil
	}
	if p.o.KeepIMaxPct {
		return &NoSpaceError{What: fmt.Sprintf("%d inodes in %d%% of its blocks", p.stats.Inodes, p.g.IMaxPct)}
	}
	g := *p.g
	g.IMaxPct = uint8(need)
	p.g = &g
	return nil
}

// wide reports whether the volume can have inode numbers of more than 32 bits.
func (p *Plan) wide() bool {
	last := format.AGNumber(p.g.AGCount - 1)
	return p.g.Ino(last, format.AGIno(p.g.AGLen(last)-1)<<p.g.InoPBLog) > math.MaxUint32
}

// generation is the generation number of an inode: different for each, and for each seed.
func (p *Plan) generation(ino format.Ino) uint32 {
	x := (p.o.Seed ^ uint64(ino)) * 0x9e3779b97f4a7c15
	x ^= x >> 32
	x *= 0xd6e8feb86659fd93
	return uint32(x >> 32)
}

// fork divides an inode for a node whose attributes take short bytes in shortform.
func (p *Plan) fork(n *source.Node, short int) (room int, inInode bool) {
	dev := false
	switch n.Mode & format.ModeType {
	case format.ModeChar, format.ModeBlk, format.ModeFIFO, format.ModeSock:
		dev = true
	}
	return inode.Split(p.g, dev, short)
}

// Ample reports whether each group keeps the room that the kernel wants for the growth of its
// trees. It mounts an image without that too, but complains.
func (p *Plan) Ample() bool { return p.ample }

// Stats counts what the image will hold.
func (p *Plan) Stats() Stats { return p.stats }

// Geometry is the image's geometry, with an inode share that may have been raised.
func (p *Plan) Geometry() *format.Geometry { return p.g }
