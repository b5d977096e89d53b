package format

import "fmt"

// Verify judges the structure that b starts with, which should be of type t and lie at a place:
// its length, magic number, checksum, UUID, the address and owner it names, and then whatever
// its structure demands, so that code which reads a verified block cannot leave it. The parts of
// the place that are null are not compared; owners are at.AG or at.Ino. What an LSN may be
// depends on the log, so it is not judged.
//
// What only a checker has reason to refuse, such as bytes of padding that are set or counters
// that belong together in different blocks, passes. Errors are CorruptErrors. Nothing is
// allocated when the block is good.
func Verify(g *Geometry, t *BlockType, b []byte, at Place) error {
	if len(b) < t.Table.Size {
		return t.corrupt(at, "", fmt.Sprintf("%d bytes", len(b)), t.Table.Size)
	}
	n := t.Len(g, b)
	if n < t.Table.Size || n > MaxBlockSize || n > len(b) {
		return t.corrupt(at, "", fmt.Sprintf("%d bytes", len(b)), n)
	}
	b = b[:n]
	if m := t.magic(b); m != t.Magic {
		return t.corrupt(at, "magic", hexed(m), hexed(t.Magic))
	}
	if err := t.judge(g, b, at, nil); err != nil {
		return err.At(at)
	}
	return nil
}

// Judge is Verify for those who want to know all: it reports every fault that can be told from the
// others, each with its place. What is not long enough, or has another magic number, is not judged
// any further. That a structure is bad does not keep Judge from what can still be read of it.
func Judge(g *Geometry, t *BlockType, b []byte, at Place, to func(*CorruptError)) {
	r := report(func(e *CorruptError) {
		e.Structure = t.Name
		to(e.At(at))
	})
	if len(b) < t.Table.Size {
		r(bad("", fmt.Sprintf("%d bytes", len(b)), t.Table.Size))
		return
	}
	if m := t.magic(b); m != t.Magic {
		r(bad("magic", hexed(m), hexed(t.Magic)))
		return
	}
	n := t.Len(g, b)
	if n < t.Table.Size || n > MaxBlockSize || n > len(b) {
		r(bad("", fmt.Sprintf("%d bytes", len(b)), n))
		return
	}
	t.judge(g, b[:n], at, r)
}

// report takes what checks find wrong. With a nil one a check ends with the first fault, which it
// returns; with another it goes on and returns nil.
type report func(*CorruptError)

// fault passes on what may be a fault, and returns it when the check has to end.
func (r report) fault(e *CorruptError) (stop *CorruptError) {
	if r == nil || e == nil {
		return e
	}
	r(e)
	return nil
}

// judge judges all but length and magic number of a block.
func (t *BlockType) judge(g *Geometry, b []byte, at Place, r report) *CorruptError {
	var e *CorruptError
	if c := Checksum(b, t.CRC); c != t.CRC.Get(b) {
		e = r.fault(bad("crc", showCRC(t.CRC.Get(b)), showCRC(c)))
	}
	if e == nil {
		e = t.checkIdentity(g, b, at, r)
	}
	if e == nil && (t.OwnerAG == NoField || uint32(t.OwnerAG.Get(b)) < g.AGCount) {
		e = r.fault(t.check(g, b, at, r))
	}
	if e != nil {
		e.Structure = t.Name
	}
	return e
}

// checkIdentity compares what the block says of itself with where it was found.
func (t *BlockType) checkIdentity(g *Geometry, b []byte, at Place, r report) (e *CorruptError) {
	if t.UUID != NoField {
		if u := t.UUID.Get(b); u != g.MetaUUID {
			e = r.fault(bad("uuid", u.String(), g.MetaUUID.String()))
		}
	}
	if e == nil && t.Bno != NoField && at.Daddr != NullPlace.Daddr {
		if d := t.Bno.Get(b); d != at.Daddr {
			e = r.fault(bad("bno", d, at.Daddr))
		}
	}
	if e == nil && t.OwnerAG != NoField {
		if ag := t.OwnerAG.Get(b); uint32(ag) >= g.AGCount || at.AG != NullAGNumber && ag != at.AG {
			e = r.fault(bad("owner", fmt.Sprintf("AG %d", ag), fmt.Sprintf("AG %d of %d", at.AG, g.AGCount)))
		}
	}
	if e == nil && t.OwnerIno != NoField && at.Ino != NullIno {
		if ino := t.OwnerIno.Get(b); ino != at.Ino {
			e = r.fault(bad("owner", ino, at.Ino))
		}
	}
	return e
}

func (t *BlockType) corrupt(at Place, field string, got, want any) error {
	return Corrupt(t.Name, field, got, want).At(at)
}

// bad makes the error of a check; Verify adds structure and place.
func bad(field string, got, want any) *CorruptError { return Corrupt("", field, got, want) }
