package format

import "strconv"

// FType is a file's type as directory entries hold it.
type FType uint8

// File types.
const (
	FTUnknown FType = iota
	FTReg
	FTDir
	FTChar
	FTBlk
	FTFIFO
	FTSock
	FTLink
	FTWhiteout
)

var ftypeNames = &Names{By: map[int]string{
	0: "unknown", 1: "regular", 2: "directory", 3: "char", 4: "block", 5: "fifo", 6: "socket", 7: "symlink", 8: "whiteout",
}}

// String names the type.
func (t FType) String() string {
	if n := ftypeNames.describe(uint64(t)); n != "" {
		return n
	}
	return "file type " + strconv.Itoa(int(t))
}

// FTypeOf is the entry type for a mode.
func FTypeOf(mode uint16) FType {
	switch mode & ModeType {
	case ModeReg:
		return FTReg
	case ModeDir:
		return FTDir
	case ModeChar:
		return FTChar
	case ModeBlk:
		return FTBlk
	case ModeFIFO:
		return FTFIFO
	case ModeSock:
		return FTSock
	case ModeLink:
		return FTLink
	}
	return FTUnknown
}

// The file type behind the name of a directory entry.
var (
	ftypeField = newStruct("ftype", 1)

	_ = named(u8[FType](ftypeField, "", 0, Dec), ftypeField, ftypeNames)
)

// validName reports whether a directory entry can have the name: neither empty nor with a
// slash or a NUL byte in it.
func validName(name []byte) bool {
	for _, c := range name {
		if c == 0 || c == '/' {
			return false
		}
	}
	return len(name) > 0
}
