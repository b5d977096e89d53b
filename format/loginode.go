package format

// LogInodeField says what of an inode an item holds; each but the device number is a region
// behind the inode's core.
type LogInodeField uint32

// Bits of LogInodeField.
const (
	LogInodeCore   LogInodeField = 1 << 0
	LogInodeDData  LogInodeField = 1 << 1 // data fork in local format
	LogInodeDExt   LogInodeField = 1 << 2
	LogInodeDRoot  LogInodeField = 1 << 3 // root of the data fork's tree
	LogInodeDev    LogInodeField = 1 << 4
	LogInodeAData  LogInodeField = 1 << 6 // attribute fork, as above
	LogInodeAExt   LogInodeField = 1 << 7
	LogInodeARoot  LogInodeField = 1 << 8
	LogInodeDOwner LogInodeField = 1 << 9 // give the fork's tree blocks this inode as owner
	LogInodeAOwner LogInodeField = 1 << 10
)

var logInodeFieldNames = &Names{Mask: true, By: map[int]string{
	0: "core", 1: "ddata", 2: "dext", 3: "dbroot", 4: "dev", 6: "adata", 7: "aext", 8: "abroot", 9: "downer", 10: "aowner",
}}

// The first region of an inode item. A LogDinode follows, then the forks that fields names.
var (
	LogInode = logItem("loginode", 56)

	LogInodeFields  = named(l32[LogInodeField](LogInode, "fields", 4, Hex), LogInode, logInodeFieldNames)
	LogInodeASize   = l16[uint16](LogInode, "asize", 8, Bytes)
	LogInodeDSize   = l16[uint16](LogInode, "dsize", 10, Bytes)
	_               = padding(LogInode, "pad", 12, 4)
	LogInodeIno     = l64[Ino](LogInode, "ino", 16, InoPtr)
	LogInodeRdev    = l32[uint32](LogInode, "rdev", 24, Hex) // see DecodeDev
	_               = padding(LogInode, "u", 28, 12)
	LogInodeBlkno   = l64[Daddr](LogInode, "blkno", 40, DaddrPtr) // of the inode cluster's buffer
	LogInodeLen     = l32[uint32](LogInode, "len", 48, Dec)       // of the buffer, in units of 512 bytes
	LogInodeBOffset = l32[uint32](LogInode, "boffset", 52, Bytes) // of the inode in the buffer
)

// LogDinode is the fixed part of an inode in the log: Dinode in little-endian. A time without
// bigtime is two words there, seconds first.
var LogDinode = littleCopy("logdinode", Dinode)
