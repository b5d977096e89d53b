package cow

import (
	"github.com/tidwall/btree"

	"github.com/cowfs/cowfs/format"
)

// State says how far a write to an extent has come.
type State uint8

// The states, in the order in which a write goes through them.
const (
	Reserved  State = iota // blocks are promised, and not chosen yet: delayed allocation
	Allocated              // the extent has blocks; the data are not in them
	Written                // the data are in the blocks
)

// String names the state.
func (s State) String() string { return [...]string{"reserved", "allocated", "written"}[s] }

// Extent is a range of a file, in blocks, on its way to the data fork.
type Extent struct {
	Off, End format.FileOff // the last is the one behind it
	State    State
	Start    format.FSBlock // unless it is only reserved
	// Kept says that the extent is in the CoW fork on disk, so that it outlasts the process.
	Kept bool
}

// Blocks is the length.
func (x Extent) Blocks() uint64 { return uint64(x.End - x.Off) }

// part is what the extent says of the offsets from off up to end, which it covers.
func (x Extent) part(off, end format.FileOff) Extent {
	if x.State != Reserved {
		x.Start += format.FSBlock(off - x.Off)
	}
	x.Off, x.End = off, end
	return x
}

// joins reports whether y goes on where x ends, so that the two are one extent.
func (x Extent) joins(y Extent) bool {
	return x.End == y.Off && x.State == y.State && x.Kept == y.Kept &&
		(x.State == Reserved || x.Start+format.FSBlock(x.Blocks()) == y.Start && x.Blocks()+y.Blocks() <= format.MaxExtentLen)
}

// extents is a fork in memory: extents in order, none touching another that it joins.
type extents struct {
	tree     *btree.BTreeG[Extent]
	reserved uint64 // blocks of the extents that are only reserved
}

func newExtents() extents {
	less := func(a, b Extent) bool { return a.Off < b.Off }
	return extents{tree: btree.NewBTreeGOptions(less, btree.Options{NoLocks: true})}
}

// from gives the extent that covers off, or else the first one behind it.
func (t *extents) from(off format.FileOff) (x Extent, ok bool) {
	t.tree.Descend(Extent{Off: off}, func(y Extent) bool {
		x, ok = y, y.End > off
		return false
	})
	if !ok {
		t.tree.Ascend(Extent{Off: off}, func(y Extent) bool {
			x, ok = y, true
			return false
		})
	}
	return x, ok
}

// in lists the parts of extents that lie between off and end.
func (t *extents) in(off, end format.FileOff) (list []Extent) {
	first, ok := t.from(off)
	if !ok || off >= end {
		return nil
	}
	t.tree.Ascend(first, func(x Extent) bool {
		if x.Off >= end {
			return false
		}
		list = append(list, x.part(max(x.Off, off), min(x.End, end)))
		return true
	})
	return list
}

// put adds an extent where there is none, and reports whether it was joined with another one.
func (t *extents) put(x Extent) (joined bool) {
	if x.State == Reserved {
		t.reserved += x.Blocks()
	}
	if x.Off > 0 {
		if left, ok := t.from(x.Off - 1); ok && left.joins(x) {
			x, joined = Extent{left.Off, x.End, x.State, left.Start, x.Kept}, true
		}
	}
	if right, ok := t.from(x.End); ok && x.joins(right) {
		t.tree.Delete(right)
		x.End, joined = right.End, true
	}
	t.tree.Set(x)
	return joined
}

// cut takes what lies between off and end away, and lists it.
func (t *extents) cut(off, end format.FileOff) []Extent {
	list := t.in(off, end)
	for _, x := range list {
		whole, _ := t.from(x.Off)
		t.tree.Delete(whole)
		if whole.Off < x.Off {
			t.tree.Set(whole.part(whole.Off, x.Off))
		}
		if x.End < whole.End {
			t.tree.Set(whole.part(x.End, whole.End))
		}
		if x.State == Reserved {
			t.reserved -= x.Blocks()
		}
	}
	return list
}

// reservedIn is how many blocks between off and end are only reserved.
func (t *extents) reservedIn(off, end format.FileOff) (n uint64) {
	for _, x := range t.in(off, end) {
		if x.State == Reserved {
			n += x.Blocks()
		}
	}
	return n
}

func (t *extents) empty() bool { return t.tree.Len() == 0 }
