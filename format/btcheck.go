package format

// checkShortBlock judges the header of a block of a tree within a group.
func checkShortBlock(g *Geometry, b []byte, _ Place, r report) *CorruptError {
	if e := r.fault(checkFill(g, b)); e != nil {
		return e
	}
	ag := ShortOwner.Get(b)
	if s := ShortLeftSib.Get(b); s != NullAGBlock && !g.AllocatableAG(ag, s) {
		if e := r.fault(bad("leftsib", s, inGroup(g, ag))); e != nil {
			return e
		}
	}
	if s := ShortRightSib.Get(b); s != NullAGBlock && !g.AllocatableAG(ag, s) {
		return bad("rightsib", s, inGroup(g, ag))
	}
	return nil
}

// checkLongBlock judges the header of a block of a fork's tree.
func checkLongBlock(g *Geometry, b []byte, _ Place, r report) *CorruptError {
	if e := r.fault(checkFill(g, b)); e != nil {
		return e
	}
	if s := LongLeftSib.Get(b); s != NullFSBlock && !g.Allocatable(s, 1) {
		if e := r.fault(bad("leftsib", s, "a block of the volume")); e != nil {
			return e
		}
	}
	if s := LongRightSib.Get(b); s != NullFSBlock && !g.Allocatable(s, 1) {
		return bad("rightsib", s, "a block of the volume")
	}
	return nil
}

// checkFill judges level and number of records. Only a leaf may be empty, when it is the root
// of an empty tree.
func checkFill(g *Geometry, b []byte) *CorruptError {
	shape, ok := shapeOf(g, ShortMagic.Get(b))
	if !ok {
		return bad("magic", ShortMagic.Get(b), "that of a B+tree block")
	}
	level, n := int(ShortLevel.Get(b)), int(ShortNumRecs.Get(b))
	if level >= MaxBtreeLevels {
		return bad("level", level, fromTo(0, MaxBtreeLevels-1))
	}
	room := shape.maxRecs(len(b), level == 0)
	if n > room || n == 0 && level > 0 {
		return bad("numrecs", n, fromTo(min(level, 1), room))
	}
	return nil
}
