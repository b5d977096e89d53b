package format

// DquotMagic is the magic number of a quota record, "DQ"; DquotVersion its version.
const (
	DquotMagic   = 0x4451
	DquotVersion = 1
)

// DquotType says whose quota a record is, and in what form its timers are.
type DquotType uint8

// Bits of DquotType; just one of the first three is set.
const (
	DquotUser    DquotType = 1 << 0
	DquotProject DquotType = 1 << 1
	DquotGroup   DquotType = 1 << 2
	DquotBigtime DquotType = 1 << 7 // timers count in units of 4 seconds
)

var dquotTypeNames = &Names{Mask: true, By: map[int]string{0: "user", 1: "project", 2: "group", 7: "bigtime"}}

// A quota record. Blocks of a quota file are filled with as many as fit, each with a checksum of
// its own. The log holds just the fields before the checksum. Timers are Unix seconds, or with
// DquotBigtime a quarter of them; 0 is "not running".
var (
	Dquot = newStruct("dqblk", 136)

	DquotMagicNum = u16[uint16](Dquot, "diskdq.magic", 0, Hex)
	DquotVersionN = u8[uint8](Dquot, "diskdq.version", 2, Dec)
	DquotTypeMask = named(u8[DquotType](Dquot, "diskdq.type", 3, Hex), Dquot, dquotTypeNames)
	DquotID       = u32[uint32](Dquot, "diskdq.id", 4, Dec)
	DquotBlkHard  = u64[uint64](Dquot, "diskdq.blk_hardlimit", 8, Blocks)
	DquotBlkSoft  = u64[uint64](Dquot, "diskdq.blk_softlimit", 16, Blocks)
	DquotInoHard  = u64[uint64](Dquot, "diskdq.ino_hardlimit", 24, Dec)
	DquotInoSoft  = u64[uint64](Dquot, "diskdq.ino_softlimit", 32, Dec)
	DquotBCount   = u64[uint64](Dquot, "diskdq.bcount", 40, Blocks)
	DquotICount   = u64[uint64](Dquot, "diskdq.icount", 48, Dec)
	DquotITimer   = u32[uint32](Dquot, "diskdq.itimer", 56, Dec)
	DquotBTimer   = u32[uint32](Dquot, "diskdq.btimer", 60, Dec)
	DquotIWarns   = u16[uint16](Dquot, "diskdq.iwarns", 64, Dec)
	DquotBWarns   = u16[uint16](Dquot, "diskdq.bwarns", 66, Dec)
	_             = padding(Dquot, "diskdq.pad0", 68, 4)
	DquotRtbHard  = u64[uint64](Dquot, "diskdq.rtb_hardlimit", 72, Blocks)
	DquotRtbSoft  = u64[uint64](Dquot, "diskdq.rtb_softlimit", 80, Blocks)
	DquotRtbCount = u64[uint64](Dquot, "diskdq.rtbcount", 88, Blocks)
	DquotRtbTimer = u32[uint32](Dquot, "diskdq.rtbtimer", 96, Dec)
	DquotRtbWarns = u16[uint16](Dquot, "diskdq.rtbwarns", 100, Dec)
	_             = padding(Dquot, "diskdq.pad", 102, 2)
	_             = padding(Dquot, "fill", 104, 4)
	DquotCRC      = crc(Dquot, "crc", 108)
	DquotLSN      = u64[LSN](Dquot, "lsn", 112, LSNKind)
	DquotUUID     = uuid(Dquot, "uuid", 120)
)

// DquotLogSize is the size of the part of a quota record that the log holds.
const DquotLogSize = 104

// checkDquot judges what a quota record says of itself.
func checkDquot(g *Geometry, b []byte, _ Place, _ report) *CorruptError {
	t := DquotTypeMask.Get(b)
	kind := t &^ DquotBigtime
	switch {
	case DquotVersionN.Get(b) != DquotVersion:
		return bad("diskdq.version", DquotVersionN.Get(b), DquotVersion)
	case kind != DquotUser && kind != DquotProject && kind != DquotGroup:
		return bad("diskdq.type", hexed(t), "user, project or group")
	case t&DquotBigtime != 0 && (!g.HasBigtime() || DquotID.Get(b) == 0):
		return bad("diskdq.type", hexed(t), "no bigtime on a volume without it, nor in the defaults")
	}
	return nil
}
