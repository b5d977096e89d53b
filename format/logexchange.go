package format

// An intent to exchange the mappings of two ranges, of two inodes' data forks or as flags say.
// It has no regions behind the first.
var (
	LogXMI = logItem("logxmi", 88)

	_               = padding(LogXMI, "pad", 4, 4)
	LogXMIID        = l64[uint64](LogXMI, "id", 8, Hex)
	LogXMIIno1      = l64[Ino](LogXMI, "inode1", 16, InoPtr)
	LogXMIIno2      = l64[Ino](LogXMI, "inode2", 24, InoPtr)
	LogXMIGen1      = l32[uint32](LogXMI, "igen1", 32, Dec)
	LogXMIGen2      = l32[uint32](LogXMI, "igen2", 36, Dec)
	LogXMIStartOff1 = l64[FileOff](LogXMI, "startoff1", 40, FileOffKind)
	LogXMIStartOff2 = l64[FileOff](LogXMI, "startoff2", 48, FileOffKind)
	LogXMICount     = l64[uint64](LogXMI, "blockcount", 56, Blocks)
	LogXMIFlags     = l64[uint64](LogXMI, "flags", 64, Hex)
	LogXMISize1     = l64[uint64](LogXMI, "isize1", 72, Bytes) // sizes to set in the end; negative: none
	LogXMISize2     = l64[uint64](LogXMI, "isize2", 80, Bytes)
)

// Flags of an exchange.
const (
	XMIAttrFork      uint64 = 1 << iota // of the attribute forks
	XMISetSizes                         // the files get the sizes that the intent names
	XMIIno1Written                      // only where the first file has written blocks
	XMIClearReflink1                    // in the end the first file shares nothing any more
	XMIClearReflink2                    // in the end the second file shares nothing any more

	XMIKnown = XMIAttrFork | XMISetSizes | XMIIno1Written | XMIClearReflink1 | XMIClearReflink2
)
