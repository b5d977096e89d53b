package format

// DinodeMagic is the magic number of an inode, "IN"; DinodeVersion its version on v5 volumes.
const (
	DinodeMagic   = 0x494e
	DinodeVersion = 3
)

// The fixed part of an inode. The forks follow in the literal area: the data fork at its
// start, the attribute fork at forkoff*8.
var (
	Dinode = newStruct("inode", 176)

	DiMagic   = u16[uint16](Dinode, "core.magic", 0, Hex)
	DiMode    = u16[uint16](Dinode, "core.mode", 2, Mode)
	DiVersion = u8[uint8](Dinode, "core.version", 4, Dec)
	DiFormat  = named(u8[ForkFormat](Dinode, "core.format", 5, Dec), Dinode, forkFormatNames)
	DiOnLink  = u16[uint16](Dinode, "core.onlink", 6, Dec)
	DiUID     = u32[uint32](Dinode, "core.uid", 8, Dec)
	DiGID     = u32[uint32](Dinode, "core.gid", 12, Dec)
	DiNLink   = u32[uint32](Dinode, "core.nlinkv2", 16, Dec)
	DiProjLo  = u16[uint16](Dinode, "core.projid_lo", 20, Dec)
	DiProjHi  = u16[uint16](Dinode, "core.projid_hi", 22, Dec)
	// The extent counts are a union: wide ones with NREXT64 in flags2, narrow ones without.
	DiBigNExtents  = variant(u64[uint64](Dinode, "core.nextents", 24, Dec), Dinode, condNrext64)
	_              = variant(padding(Dinode, "core.v3_pad", 24, 8), Dinode, condNrext64.not())
	DiATime        = timestamp(Dinode, "core.atime", 32)
	DiMTime        = timestamp(Dinode, "core.mtime", 40)
	DiCTime        = timestamp(Dinode, "core.ctime", 48)
	DiSize         = u64[uint64](Dinode, "core.size", 56, Bytes)
	DiNBlocks      = u64[uint64](Dinode, "core.nblocks", 64, Blocks)
	DiExtSize      = u32[uint32](Dinode, "core.extsize", 72, Blocks)
	DiBigANExtents = variant(u32[uint32](Dinode, "core.naextents", 76, Dec), Dinode, condNrext64)
	_              = variant(padding(Dinode, "core.nrext64_pad", 80, 2), Dinode, condNrext64)
	DiNExtents     = variant(u32[uint32](Dinode, "core.nextents", 76, Dec), Dinode, condNrext64.not())
	DiANExtents    = variant(u16[uint16](Dinode, "core.naextents", 80, Dec), Dinode, condNrext64.not())
	DiForkOff      = u8[uint8](Dinode, "core.forkoff", 82, Dec)
	DiAFormat      = named(u8[ForkFormat](Dinode, "core.aformat", 83, Dec), Dinode, forkFormatNames)
	DiDMEvMask     = u32[uint32](Dinode, "core.dmevmask", 84, Hex)
	DiDMState      = u16[uint16](Dinode, "core.dmstate", 88, Dec)
	DiFlags        = named(u16[DiFlag](Dinode, "core.flags", 90, Hex), Dinode, diFlagNames)
	DiGen          = u32[uint32](Dinode, "core.gen", 92, Dec)
	DiNextUnlinked = u32[AGIno](Dinode, "next_unlinked", 96, AGInoPtr)
	DiCRC          = crc(Dinode, "v3.crc", 100)
	DiChangeCount  = u64[uint64](Dinode, "v3.change_count", 104, Dec)
	DiLSN          = u64[LSN](Dinode, "v3.lsn", 112, LSNKind)
	DiFlags2       = named(u64[DiFlag2](Dinode, "v3.flags2", 120, Hex), Dinode, diFlag2Names)
	DiCowExtSize   = u32[uint32](Dinode, "v3.cowextsize", 128, Blocks)
	_              = padding(Dinode, "v3.pad2", 132, 4)
	DiCowRoot      = u64[FSBlock](Dinode, "v3.cowroot", 136, FSBlockPtr) // our extension; 0: no CoW fork
	DiCRTime       = timestamp(Dinode, "v3.crtime", 144)
	DiIno          = u64[Ino](Dinode, "v3.inumber", 152, InoPtr)
	DiUUID         = uuid(Dinode, "v3.uuid", 160)

	_ = contents(Dinode, dinodeParts)
)

// The bits of flags2 that the form of other fields depends on.
var (
	condNrext64 = ifBits(120, 8, uint64(Flag2Nrext64))
	condBigtime = ifBits(120, 8, uint64(Flag2Bigtime))
)

// timestamp declares a time in its two forms.
func timestamp(s *Struct, name string, off int) U64[uint64] {
	variant(u64[uint64](s, name, off, BigTime), s, condBigtime)
	return variant(u64[uint64](s, name, off, Time), s, condBigtime.not())
}

// File types in a mode, as Unix has them.
const (
	ModeType = 0o170000
	ModeFIFO = 0o010000
	ModeChar = 0o020000
	ModeDir  = 0o040000
	ModeBlk  = 0o060000
	ModeReg  = 0o100000
	ModeLink = 0o120000
	ModeSock = 0o140000
)

// EncodeDev packs a device number as an inode of format dev holds it; the numbers are
// limited to 14 bits (major) and 18 bits (minor).
func EncodeDev(major, minor uint32) uint32 { return major<<18 | minor&(1<<18-1) }

// DecodeDev is the inverse of EncodeDev.
func DecodeDev(v uint32) (major, minor uint32) { return v >> 18, v & (1<<18 - 1) }

// NExtents returns the number of extents of the data fork and of the attribute fork.
func NExtents(b []byte) (data uint64, attr uint32) {
	if DiFlags2.Get(b)&Flag2Nrext64 != 0 {
		return DiBigNExtents.Get(b), DiBigANExtents.Get(b)
	}
	return uint64(DiNExtents.Get(b)), uint32(DiANExtents.Get(b))
}

// PutNExtents stores the extent counts in the form that flags2, already set, asks for.
func PutNExtents(b []byte, data uint64, attr uint32) {
	if DiFlags2.Get(b)&Flag2Nrext64 != 0 {
		DiBigNExtents.Put(b, data)
		DiBigANExtents.Put(b, attr)
		return
	}
	DiNExtents.Put(b, uint32(data))
	DiANExtents.Put(b, uint16(attr))
}

// Forks returns the two forks' bytes in an inode buffer; attr is empty when forkoff is 0. A
// forkoff beyond the literal area gives an empty attribute fork and the whole area as data fork.
func Forks(b []byte) (data, attr []byte) {
	lit := b[Dinode.Size:]
	off := int(DiForkOff.Get(b)) * 8
	if off == 0 || off > len(lit) {
		return lit, nil
	}
	return lit[:off], lit[off:]
}
