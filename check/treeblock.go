package check

import (
	"fmt"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
)

// enter judges a block by itself and against its neighbours, and makes it the one that the walk
// stands at on a level. ok is false when it can't be read.
func (t *treeWalk) enter(level int, block uint64, b []byte) (ok bool) {
	if !t.identify(block, b) {
		return false
	}
	n := t.kind.NodeOf(b)
	root := level == t.top && t.fork == nil
	if !t.checkSize(level, root, block, b) || t.metBefore(n, block) {
		return false
	}
	l := &t.level[level]
	l.node, l.block = n, block
	t.blocks++
	t.met = append(t.met, block)
	if t.visited != nil {
		t.visited[block] = struct{}{}
	}
	if ag, agb := t.locate(block); t.owner != (space.Owner{}) {
		t.w.own(ag, agb, 1, t.owner)
	}
	if t.block != nil {
		t.block(block)
	}
	t.checkFill(level, root, n.Len())
	t.checkLinks(l, b)
	t.w.checkLSN(t.kind.Type(), b, t.place(block))
	return true
}

// metBefore reports whether a block was read before. Of a block that begins behind all records so
// far this need not be asked, which spares sound trees the search.
func (t *treeWalk) metBefore(n btree.Node, block uint64) bool {
	if !t.any || n.Len() == 0 || t.last.Compare(n.Low(0)) < 0 {
		return false
	}
	t.remember()
	_, twice := t.visited[block]
	if twice {
		t.report(BtreeTwice, block, "", t.number(block), nil)
	}
	return twice
}

// identify judges what the block says of itself. ok is false when it is not one of the tree's.
func (t *treeWalk) identify(block uint64, b []byte) (ok bool) {
	typ := t.kind.Type()
	at := format.Place{AG: format.NullAGNumber, Ino: format.NullIno, Daddr: format.Daddr(t.offset(block) >> format.BasicBlockLog)}
	if t.kind.Long {
		at.Ino = t.ino
	} else {
		at.AG = t.ag
	}
	if format.Verify(t.w.geo, typ, b, at) == nil {
		if t.kind.Long && !t.w.pads.long.zero(b) {
			t.report(BtreePadding, block, "pad", nil, nil)
		}
		return true
	}
	ok = true
	faults, crc := 0, false
	format.Judge(t.w.geo, typ, b, at, func(e *format.CorruptError) {
		faults++
		if code := identityCodes[e.Field]; code != nil && ok {
			t.report(code, block, e.Field, e.Got, e.Want)
			ok, crc = !unreadable(e) && (code != BtreeOwner || !t.kind.Long), code == BtreeCRC
		} // anything else is judged where it is used
	})
	if crc && faults == 1 && !t.kind.Long {
		t.partial = true
		return true
	}
	return ok
}

// identityCodes are the codes of what a block says of itself.
var identityCodes = map[string]*Code{
	"magic": BtreeMagic, "crc": BtreeCRC, "uuid": BtreeUUID, "bno": BtreeAddress, "owner": BtreeOwner,
}

// checkSize judges level and number of records.
func (t *treeWalk) checkSize(level int, root bool, block uint64, b []byte) (ok bool) {
	if got := int(format.ShortLevel.Get(b)); got != level {
		t.report(BtreeLevel, block, "level", got, level)
		return false
	}
	least, most := 1, t.kind.MaxRecs(len(b), level)
	if root && level == 0 {
		least = 0
	}
	if got := int(format.ShortNumRecs.Get(b)); got < least || got > most {
		t.report(BtreeNumRecs, block, "numrecs", got, fmt.Sprintf("%d to %d", least, most))
		return false
	}
	return true
}

// checkFill judges whether a writer would have left a block with n entries.
func (t *treeWalk) checkFill(level int, root bool, n int) {
	block := t.level[level].block
	switch least := t.kind.MinRecs(t.w.geo.BlockSize, level); {
	case root:
		if level > 0 && n == 1 {
			t.report(BtreeTall, block, "numrecs", n, 2)
		}
	case t.fork != nil && level == t.top && t.level[level+1].node.Len() == 1:
		// What does not fit into the inode's root is one block below it.
	case n < least:
		t.report(BtreeUnderfull, block, "numrecs", n, fmt.Sprintf("%d at least", least))
	}
}

// checkLinks compares a block's links to its neighbours, and that of its left neighbour to it.
func (t *treeWalk) checkLinks(l *treeLevel, b []byte) {
	left, right := t.kind.Siblings(b)
	if l.prev.known && left != l.prev.block {
		t.sibling(l.block, "leftsib", left, l.prev.block)
	}
	if l.prev.hasLink && l.prev.right != l.block {
		t.sibling(l.prev.block, "rightsib", l.prev.right, l.block)
	}
	l.prev = neighbour{block: l.block, right: right, known: true, hasLink: true}
}

func (t *treeWalk) sibling(block uint64, field string, got, want uint64) {
	t.report(BtreeSibling, block, field, t.number(got), t.number(want))
}

func (t *treeWalk) number(block uint64) string {
	if block == t.kind.Null() {
		return "null"
	}
	return fmt.Sprint(block)
}

// report reports something about a block, Null for a root that is in none. From the first
// finding on the walk remembers where it was.
func (t *treeWalk) report(c *Code, block uint64, field string, got, want any) {
	t.remember()
	t.w.report(Finding{
		Code: c, Structure: t.kind.Type().Name, Field: field, Place: t.place(block),
		Got: text(got), Want: text(want),
	})
}

// text shows a value; nil is none.
func text(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// hex shows masks and magic numbers.
func hex[T ~uint16 | ~uint32 | ~uint64](v T) string { return fmt.Sprintf("%#x", uint64(v)) }

// indexed names an element of an array, as package format does.
func indexed(name string, i int) string { return fmt.Sprintf("%s[%d]", name, i) }

// paddings are the bytes of structures, often looked at, that must be zero.
type paddings struct{ long spans }

func newPaddings() paddings { return paddings{long: padsOf(format.LongBlock)} }

// spans are parts of a structure.
type spans []struct{ off, end int }

// padsOf finds the padding in the fixed part of a structure.
func padsOf(s *format.Struct) (l spans) {
	for i := range s.Fields {
		if f := &s.Fields[i]; f.Kind == format.Pad && f.Bits == 0 {
			l = append(l, struct{ off, end int }{f.Off, f.End()})
		}
	}
	return l
}

// zero reports whether the spans of b are.
func (l spans) zero(b []byte) bool {
	for _, s := range l {
		for _, c := range b[s.off:s.end] {
			if c != 0 {
				return false
			}
		}
	}
	return true
}
