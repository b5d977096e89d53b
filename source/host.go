package source

import (
	"io/fs"
	"os"

	"github.com/cowfs/cowfs/format"
)

// hostStat is what a host knows of a file beyond what package os has names for.
type hostStat struct {
	mode         uint16 // as Unix has it
	uid, gid     uint32
	dev, ino     uint64 // 0: not known
	nlink        uint64
	blocks       int64  // bytes that the host has given the file
	major, minor uint64 // of a device node
}

// IDOf is the identity of the host's file at a path, which may be a symbolic link to it; nil when
// there is none, or the host does not number its files.
func IDOf(path string) *FileID {
	info, err := os.Stat(path)
	if err != nil {
		return nil
	}
	st, err := statHost(path, info)
	if err != nil || st.ino == 0 {
		return nil
	}
	return &FileID{Dev: st.dev, Ino: st.ino}
}

// unixMode is a mode of package os as Unix has it.
func unixMode(m fs.FileMode) uint16 {
	mode := uint16(m.Perm())
	for _, b := range [...]struct {
		os   fs.FileMode
		unix uint16
	}{{fs.ModeSetuid, 0o4000}, {fs.ModeSetgid, 0o2000}, {fs.ModeSticky, 0o1000}} {
		if m&b.os != 0 {
			mode |= b.unix
		}
	}
	switch m & fs.ModeType {
	case 0:
		mode |= modeReg
	case fs.ModeDir:
		mode |= modeDir
	case fs.ModeSymlink:
		mode |= modeLink
	case fs.ModeNamedPipe:
		mode |= format.ModeFIFO
	case fs.ModeSocket:
		mode |= format.ModeSock
	case fs.ModeDevice:
		mode |= format.ModeBlk
	case fs.ModeDevice | fs.ModeCharDevice:
		mode |= format.ModeChar
	}
	return mode
}
