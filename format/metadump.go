package format

// Magic numbers of a file that xfs_metadump or cowdb writes: version 1, "XFSM", which each of its
// blocks of addresses has, and version 2, "XMD2".
const (
	Metadump1Magic = 0x5846534d
	Metadump2Magic = 0x584d4432
)

// MetadumpFlag says what a dump of version 2 holds.
type MetadumpFlag uint32

// Bits of MetadumpFlag.
const (
	MetadumpObfuscated  MetadumpFlag = 1 << 0 // names are not the real ones
	MetadumpFullBlocks  MetadumpFlag = 1 << 1 // with what is left over in blocks
	MetadumpDirtyLog    MetadumpFlag = 1 << 2
	MetadumpExternalLog MetadumpFlag = 1 << 3
)

// Metadump1Flag is the same in version 1; without Metadump1Info the others mean nothing.
type Metadump1Flag uint8

// Bits of Metadump1Flag.
const (
	Metadump1Info       Metadump1Flag = 1 << 0
	Metadump1Obfuscated Metadump1Flag = 1 << 1
	Metadump1FullBlocks Metadump1Flag = 1 << 2
	Metadump1DirtyLog   Metadump1Flag = 1 << 3
)

// A block of addresses of a dump of version 1: addresses in units of 512 bytes fill it up, and
// behind it come as many blocks of 512 bytes as it counts. The last one of a dump is not full.
var (
	Metadump1 = newStruct("metadump1", BasicBlock)

	Metadump1MagicNo  = u32[uint32](Metadump1, "magic", 0, Hex)
	Metadump1Count    = u16[uint16](Metadump1, "count", 4, Dec)
	Metadump1BlockLog = u8[uint8](Metadump1, "blocklog", 6, Log2)
	Metadump1Flags    = named(u8[Metadump1Flag](Metadump1, "info", 7, Hex), Metadump1, metadump1FlagNames)
	Metadump1Daddr    = array64[Daddr](Metadump1, "daddr", 8, Metadump1Max, DaddrPtr)
)

// Metadump1Max is the number of addresses in a block of them.
const Metadump1Max = (BasicBlock - 8) / 8

var metadump1FlagNames = &Names{Mask: true, By: map[int]string{0: "info", 1: "obfuscated", 2: "fullblocks", 3: "dirtylog"}}

// The header of a dump of version 2. Extents follow, each a MetadumpExtent with its bytes.
var (
	Metadump2 = newStruct("metadump2", 24)

	Metadump2MagicNo  = u32[uint32](Metadump2, "magic", 0, Hex)
	Metadump2Version  = u32[uint32](Metadump2, "version", 4, Dec)
	Metadump2Flags    = named(u32[MetadumpFlag](Metadump2, "compat_flags", 8, Hex), Metadump2, metadumpFlagNames)
	Metadump2Incompat = u32[uint32](Metadump2, "incompat_flags", 12, Hex)
	Metadump2Reserved = u64[uint64](Metadump2, "reserved", 16, Hex)
)

var metadumpFlagNames = &Names{Mask: true, By: map[int]string{0: "obfuscated", 1: "fullblocks", 2: "dirtylog", 3: "externallog"}}

// An extent of a dump of version 2: where its bytes go. The device is 0 for data, 1 for an
// external log.
var (
	MetadumpExtent = newStruct("metadumpextent", 12)

	_                 = bitfield(MetadumpExtent, 0, "device", 0, 10, Dec)
	_                 = bitfield(MetadumpExtent, 0, "addr", 10, 54, Dec)
	MetadumpExtentLen = u32[uint32](MetadumpExtent, "len", 8, Dec) // in units of 512 bytes

	MetadumpExtentAddr = U64[uint64](0) // both fields; see SplitMetadumpAddr
)

// SplitMetadumpAddr takes apart what an extent holds as its address.
func SplitMetadumpAddr(v uint64) (device uint16, addr Daddr) {
	return uint16(v >> 54), Daddr(v & (1<<54 - 1))
}
