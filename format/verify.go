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
	if c := Checksum(b, t.CRC); c != t.CRC.Get(b) {
		return t.corrupt(at, "crc", showCRC(t.CRC.Get(b)), showCRC(c))
	}
	if err := t.checkIdentity(g, b, at); err != nil {
		return err
	}
	if e := t.check(g, b, at); e != nil {
		e.Structure = t.Name
		return e.At(at)
	}
	return nil
}

// checkIdentity compares what the block says of itself with where it was found.
func (t *BlockType) checkIdentity(g *Geometry, b []byte, at Place) error {
	if t.UUID != NoField {
		if u := t.UUID.Get(b); u != g.MetaUUID {
			return t.corrupt(at, "uuid", u.String(), g.MetaUUID.String())
		}
	}
	if t.Bno != NoField && at.Daddr != NullPlace.Daddr {
		if d := t.Bno.Get(b); d != at.Daddr {
			return t.corrupt(at, "bno", d, at.Daddr)
		}
	}
	if t.OwnerAG != NoField {
		if ag := t.OwnerAG.Get(b); uint32(ag) >= g.AGCount || at.AG != NullAGNumber && ag != at.AG {
			return t.corrupt(at, "owner", fmt.Sprintf("AG %d", ag), fmt.Sprintf("AG %d of %d", at.AG, g.AGCount))
		}
	}
	if t.OwnerIno != NoField && at.Ino != NullIno {
		if ino := t.OwnerIno.Get(b); ino != at.Ino {
			return t.corrupt(at, "owner", ino, at.Ino)
		}
	}
	return nil
}

func (t *BlockType) corrupt(at Place, field string, got, want any) error {
	return Corrupt(t.Name, field, got, want).At(at)
}

// bad makes the error of a check; Verify adds structure and place.
func bad(field string, got, want any) *CorruptError { return Corrupt("", field, got, want) }
