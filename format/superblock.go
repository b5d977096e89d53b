package format

// Magic numbers of the sectors at the head of each allocation group.
const (
	SBMagic   = 0x58465342 // "XFSB"
	AGFMagicN = 0x58414746 // "XAGF"
	AGIMagicN = 0x58414749 // "XAGI"
	AGFLMagic = 0x5841464c // "XAFL"
)

// The superblock: sector 0 of every group, the primary one in group 0.
var (
	Superblock = newStruct("sb", 304)

	SBMagicNum    = u32[uint32](Superblock, "magicnum", 0, Hex)
	SBBlockSize   = u32[uint32](Superblock, "blocksize", 4, Bytes)
	SBDBlocks     = u64[uint64](Superblock, "dblocks", 8, Blocks)
	SBRBlocks     = u64[uint64](Superblock, "rblocks", 16, Blocks)
	SBRExtents    = u64[uint64](Superblock, "rextents", 24, Dec)
	SBUUID        = uuid(Superblock, "uuid", 32)
	SBLogStart    = u64[FSBlock](Superblock, "logstart", 48, FSBlockPtr)
	SBRootIno     = u64[Ino](Superblock, "rootino", 56, InoPtr)
	SBRbmIno      = u64[Ino](Superblock, "rbmino", 64, InoPtr)
	SBRsumIno     = u64[Ino](Superblock, "rsumino", 72, InoPtr)
	SBRExtSize    = u32[uint32](Superblock, "rextsize", 80, Blocks)
	SBAGBlocks    = u32[uint32](Superblock, "agblocks", 84, Blocks)
	SBAGCount     = u32[uint32](Superblock, "agcount", 88, Dec)
	SBRbmBlocks   = u32[uint32](Superblock, "rbmblocks", 92, Blocks)
	SBLogBlocks   = u32[uint32](Superblock, "logblocks", 96, Blocks)
	SBVersionNum  = u16[VersionBits](Superblock, "versionnum", 100, Hex)
	SBSectSize    = u16[uint16](Superblock, "sectsize", 102, Bytes)
	SBInodeSize   = u16[uint16](Superblock, "inodesize", 104, Bytes)
	SBInoPBlock   = u16[uint16](Superblock, "inopblock", 106, Dec)
	SBFName       = text(Superblock, "fname", 108, 12)
	SBBlockLog    = u8[uint8](Superblock, "blocklog", 120, Log2)
	SBSectLog     = u8[uint8](Superblock, "sectlog", 121, Log2)
	SBInodeLog    = u8[uint8](Superblock, "inodelog", 122, Log2)
	SBInoPBLog    = u8[uint8](Superblock, "inopblog", 123, Log2)
	SBAGBlkLog    = u8[uint8](Superblock, "agblklog", 124, Log2)
	SBRExtsLog    = u8[uint8](Superblock, "rextslog", 125, Log2)
	SBInProgress  = u8[uint8](Superblock, "inprogress", 126, Dec)
	SBIMaxPct     = u8[uint8](Superblock, "imax_pct", 127, Dec)
	SBICount      = u64[uint64](Superblock, "icount", 128, Dec)
	SBIFree       = u64[uint64](Superblock, "ifree", 136, Dec)
	SBFDBlocks    = u64[uint64](Superblock, "fdblocks", 144, Blocks)
	SBFRExtents   = u64[uint64](Superblock, "frextents", 152, Dec)
	SBUQuotIno    = u64[Ino](Superblock, "uquotino", 160, InoPtr)
	SBGQuotIno    = u64[Ino](Superblock, "gquotino", 168, InoPtr)
	SBQFlags      = u16[uint16](Superblock, "qflags", 176, Hex)
	SBFlags       = u8[uint8](Superblock, "flags", 178, Hex)
	SBSharedVN    = u8[uint8](Superblock, "shared_vn", 179, Dec)
	SBInoAlignMt  = u32[uint32](Superblock, "inoalignmt", 180, Blocks)
	SBUnit        = u32[uint32](Superblock, "unit", 184, Blocks)
	SBWidth       = u32[uint32](Superblock, "width", 188, Blocks)
	SBDirBlkLog   = u8[uint8](Superblock, "dirblklog", 192, Log2)
	SBLogSectLog  = u8[uint8](Superblock, "logsectlog", 193, Log2)
	SBLogSectSize = u16[uint16](Superblock, "logsectsize", 194, Bytes)
	SBLogSUnit    = u32[uint32](Superblock, "logsunit", 196, Bytes)
	SBFeatures2   = named(u32[Features2](Superblock, "features2", 200, Hex), Superblock, features2Names)
	SBBadFeat2    = named(u32[Features2](Superblock, "bad_features2", 204, Hex), Superblock, features2Names)
	SBCompat      = u32[uint32](Superblock, "features_compat", 208, Hex)
	SBROCompat    = named(u32[ROCompat](Superblock, "features_ro_compat", 212, Hex), Superblock, roNames)
	SBIncompat    = named(u32[Incompat](Superblock, "features_incompat", 216, Hex), Superblock, inNames)
	SBLogIncompat = named(u32[LogIncompat](Superblock, "features_log_incompat", 220, Hex), Superblock, logIncompatNames)
	SBCRC         = crc(Superblock, "crc", 224)
	SBSpInoAlign  = u32[uint32](Superblock, "spino_align", 228, Blocks)
	SBPQuotIno    = u64[Ino](Superblock, "pquotino", 232, InoPtr)
	SBLSN         = u64[LSN](Superblock, "lsn", 240, LSNKind)
	SBMetaUUID    = uuid(Superblock, "meta_uuid", 248)
	// With the METADIR feature only; zero without it.
	SBMetaDirIno = variant(u64[Ino](Superblock, "metadirino", 264, InoPtr), Superblock, metadir)
	SBRGCount    = variant(u32[uint32](Superblock, "rgcount", 272, Dec), Superblock, metadir)
	SBRGExtents  = variant(u32[uint32](Superblock, "rgextents", 276, Dec), Superblock, metadir)
	SBRGBlkLog   = variant(u8[uint8](Superblock, "rgblklog", 280, Log2), Superblock, metadir)
	_            = variant(padding(Superblock, "pad", 281, 7), Superblock, metadir)
	SBRTStart    = variant(u64[uint64](Superblock, "rtstart", 288, Blocks), Superblock, metadir)
	SBRTReserved = variant(u64[uint64](Superblock, "rtreserved", 296, Blocks), Superblock, metadir)
	_            = variant(padding(Superblock, "pad", 264, 40), Superblock, metadir.not())

	_ = contents(Superblock, superblockParts)
)

// metadir is the condition that the volume has the METADIR feature.
var metadir = ifBits(216, 4, uint64(InMetaDir))

// superblockParts is the rest of the sector, which must be zero.
func superblockParts(_ *Geometry, b []byte) ([]Part, error) {
	if len(b) == Superblock.Size {
		return nil, nil
	}
	return []Part{padPart("unused", Superblock.Size, len(b)-Superblock.Size)}, nil
}

// VersionBits is the superblock's versionnum: version 5 in the low nibble, old feature bits above.
type VersionBits uint16

// Bits of VersionBits.
const (
	Version5         VersionBits = 5
	VersionMask      VersionBits = 0xf
	VersionAttr      VersionBits = 0x10
	VersionNLink     VersionBits = 0x20
	VersionQuota     VersionBits = 0x40
	VersionAlign     VersionBits = 0x80
	VersionDAlign    VersionBits = 0x100
	VersionLogV2     VersionBits = 0x400
	VersionSector    VersionBits = 0x800
	VersionExtFlag   VersionBits = 0x1000
	VersionDirV2     VersionBits = 0x2000
	VersionASCIICI   VersionBits = 0x4000
	VersionMoreBits  VersionBits = 0x8000
	VersionMandatory             = Version5 | VersionNLink | VersionAlign | VersionLogV2 | VersionExtFlag | VersionDirV2 | VersionMoreBits
)

// Features2 is the superblock's features2 mask.
type Features2 uint32

// Bits of Features2; a version 5 filesystem has all of them.
const (
	Feat2LazySB    Features2 = 0x2
	Feat2Attr2     Features2 = 0x8
	Feat2ProjID32  Features2 = 0x80
	Feat2CRC       Features2 = 0x100
	Feat2Mandatory           = Feat2LazySB | Feat2Attr2 | Feat2ProjID32 | Feat2CRC
)

// ROCompat holds features that a reader may ignore and a writer must not.
type ROCompat uint32

// Bits of ROCompat.
const (
	ROFinobt      ROCompat = 1 << 0
	RORmapbt      ROCompat = 1 << 1
	ROReflink     ROCompat = 1 << 2
	ROInobtCount  ROCompat = 1 << 3
	ROPendingCow  ROCompat = 1 << 31 // some inode has a persistent CoW fork; see docs/format-extension.md
	ROKnown                = ROFinobt | RORmapbt | ROReflink | ROInobtCount | ROPendingCow
	ROPendingName          = "PENDING_COW"
)

// Incompat holds features that nobody may ignore.
type Incompat uint32

// Bits of Incompat.
const (
	InFType       Incompat = 1 << 0
	InSparse      Incompat = 1 << 1
	InMetaUUID    Incompat = 1 << 2
	InBigtime     Incompat = 1 << 3
	InNeedsRepair Incompat = 1 << 4
	InNrext64     Incompat = 1 << 5
	InExchange    Incompat = 1 << 6
	InParent      Incompat = 1 << 7
	InMetaDir     Incompat = 1 << 8
	InZoned       Incompat = 1 << 9
	InZoneGaps    Incompat = 1 << 10
	InKnown                = InFType | InSparse | InMetaUUID | InBigtime | InNeedsRepair | InNrext64 | InExchange | InParent
)

// LogIncompat holds features that whoever replays the log must know. Those of log items are not
// set while the log is clean.
type LogIncompat uint32

// Bits of LogIncompat.
const (
	LogXattrs     LogIncompat = 1 << 0  // the log may hold attribute intents
	LogPendingCow LogIncompat = 1 << 31 // set along with ROPendingCow: after a replay staged blocks must stay
)

// Quotas are the three sorts of quotas that a superblock knows of: the field that names the inode which
// holds them, and the bits of qflags that are about them. Kept is the one that says that they are kept.
var Quotas = [...]struct {
	Name  string
	Ino   U64[Ino]
	Flags uint16
	Kept  uint16
}{{"uquotino", SBUQuotIno, 0x007, 0x001}, {"gquotino", SBGQuotIno, 0x1c0, 0x040}, {"pquotino", SBPQuotIno, 0x608, 0x008}}
