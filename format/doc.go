// Package format describes the on-disk structures of an XFS version 5 volume: where their fields
// lie, what the fields mean, and what makes a structure sound. It does no I/O and keeps no state;
// it works on bytes that somebody else has read.
//
// # Tables
//
// Each structure has one table, a Struct, and its layout is written down nowhere else. A table
// and the typed accessors of its fields are declared together:
//
//	AGF       = newStruct("agf", 224)
//	AGFLength = u32[uint32](AGF, "length", 12, Blocks)
//
// Code that knows the field uses the accessor: AGFLength.Get(b). It is a plain read at a constant
// offset. Code that does not know the field goes through the table:
//
//	vs, err := AGF.Decode(g, b)          // all values, in order; print them or marshal them
//	v, err := AGF.Get(g, b, "length")    // one value by name
//	err := AGF.Set(g, b, "length", "25600")
//	err := AGF.CheckPadding(g, b)        // what must be zero is
//
// What follows the fixed part of a structure (records, entries, names, forks) is listed by the
// table's Parts, each part with a table of its own; so "recs[3].startblock" is a name, too.
// Names are those of xfs_db where it has one, but all indices count from 0.
//
// # Blocks
//
// A BlockType says what a metadata block can hold, and where its magic number, checksum, owner and
// the other fields lie that all blocks have in one form or another. Verify judges a block of a
// known type, Detect finds the type by the magic number. Verify it before anything else: accessors and
// code above this package rely on what it has checked.
//
//	if err := format.Verify(g, format.TypeAGF, sector, format.Place{AG: 1, ...}); err != nil {
//
// Records of the log stand apart: VerifyLog, StampLog, UnstampLog, and LogItemOf for the items in
// them.
//
// # Invariants
//
//   - Every bit of a structure is claimed by exactly one field or declared as padding; only the
//     variants of a union lie over each other. A test proves it for all tables.
//   - No bytes make a function of this package panic, loop or allocate more than a small multiple
//     of their length, with one exception: accessors need a buffer that holds the fixed part.
//   - What Decode prints, Set reads back to the same bytes.
//   - An error about the content of an image is a CorruptError or an ErrUnsupported, and no other
//     error is one of them.
//   - Disk order is big-endian. Little-endian are checksums and the items of the log.
//
// Units are types: AGBlock, FSBlock, FileOff, Ino, AGIno, Daddr, LSN. Geometry, which GeometryOf
// reads from a superblock, converts between them.
//
// Start reading at field.go, then agf.go for a simple structure and dirdata.go for one with
// variable contents; blocktype.go and verify.go for blocks.
package format
