package check

import (
	"cmp"
	"slices"
	"sync"

	"github.com/cowfs/cowfs/format"
)

// Place says where a finding is. What does not apply is null: the NullX values of package
// format, and -1 for Offset.
type Place struct {
	AG     format.AGNumber
	Block  format.AGBlock // within AG
	Count  uint32         // blocks from Block on, 0 when it is not about a run of them
	Ino    format.Ino
	Offset int64 // bytes: in the file for blocks of a fork, in the directory for entries
}

// NullPlace says nothing.
var NullPlace = Place{AG: format.NullAGNumber, Block: format.NullAGBlock, Ino: format.NullIno, Offset: -1}

// InGroup, AtBlock and InInode are the places that most findings have.
func InGroup(ag format.AGNumber) Place {
	p := NullPlace
	p.AG = ag
	return p
}

// AtBlock is a run of blocks of a group.
func AtBlock(ag format.AGNumber, block format.AGBlock, count uint32) Place {
	p := InGroup(ag)
	p.Block, p.Count = block, count
	return p
}

// InInode is somewhere in an inode.
func InInode(ino format.Ino) Place {
	p := NullPlace
	p.Ino = ino
	return p
}

// Finding is one thing that is wrong with an image.
type Finding struct {
	Code      *Code
	Structure string // the structure's name in package format, e.g. "AGF"; may be empty
	Field     string // of the structure; may be empty
	Place     Place
	Got, Want string // both values, as the structure's field prints; may be empty
	Note      string // what Code, Got and Want don't say, e.g. the name of a directory entry
	Path      string // of the file that is hit, when it has one; filled in at the end
}

// sink takes findings from the passes, which may run side by side.
type sink struct {
	mu      sync.Mutex
	list    []Finding
	most    int             // how many are kept, those that come first in order
	dropped int             // how many are not
	counts  [Severities]int // of all
}

// report takes a finding.
func (s *sink) report(f Finding) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[f.Code.Severity]++
	if s.list = append(s.list, f); len(s.list) >= 2*s.most {
		s.cut()
	}
}

// cut puts what is kept in order, and drops what is too much.
func (s *sink) cut() {
	slices.SortFunc(s.list, order)
	if n := len(s.list) - s.most; n > 0 {
		s.dropped += n
		clear(s.list[s.most:])
		s.list = s.list[:s.most]
	}
}

// order is the order in which findings are told: by group, block, inode, code.
func order(a, b Finding) int {
	return cmp.Or(
		cmp.Compare(a.Place.AG, b.Place.AG), // null is last: findings about inodes
		cmp.Compare(a.Place.Block, b.Place.Block),
		cmp.Compare(a.Place.Ino, b.Place.Ino),
		cmp.Compare(a.Place.Offset, b.Place.Offset),
		cmp.Compare(a.Code.Name, b.Code.Name),
		cmp.Compare(a.Got, b.Got),
	)
}
