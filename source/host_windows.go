package source

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// What all files have whose permissions the host keeps in another way: nobody but the owner, root,
// may write. Whether a file is a program cannot be seen.
const (
	dirPerm  = 0o755
	linkPerm = 0o777
	filePerm = 0o644
	readPerm = 0o444 // of files marked read-only
)

// statHost says what the host knows of the file at a path that info is about. Windows has no
// owners that are numbers, and no modes.
func statHost(path string, info fs.FileInfo) (hostStat, error) {
	st := hostStat{mode: unixMode(info.Mode()) & modeType, nlink: 1, blocks: info.Size()}
	switch {
	case info.IsDir():
		st.mode |= dirPerm
	case st.mode == modeLink:
		st.mode |= linkPerm
	case info.Mode().Perm()&0o200 == 0:
		st.mode |= readPerm
	default:
		st.mode |= filePerm
	}
	if st.mode&modeType != modeReg {
		return st, nil
	}
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return st, err
	}
	const shared = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	h, err := windows.CreateFile(name, windows.FILE_READ_ATTRIBUTES, shared, nil, windows.OPEN_EXISTING,
		windows.FILE_FLAG_BACKUP_SEMANTICS|windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if err != nil {
		return st, &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer windows.CloseHandle(h)
	var by windows.ByHandleFileInformation
	if windows.GetFileInformationByHandle(h, &by) == nil {
		st.dev, st.ino = uint64(by.VolumeSerialNumber), uint64(by.FileIndexHigh)<<32|uint64(by.FileIndexLow)
		st.nlink = uint64(by.NumberOfLinks)
	}
	return st, nil
}

// fileStamp is the stamp of a regular file.
func fileStamp(info fs.FileInfo) uint64 {
	at := info.ModTime()
	return stamp(0, 0, at.Unix(), uint32(at.Nanosecond()))
}

// fileRanges asks where an open file has data; nil when everywhere.
func fileRanges(*os.File, int64) ([]Range, error) { return nil, nil }

// hostXattrs reads all extended attributes of a file: Windows has none of ours.
func hostXattrs(string) ([]Xattr, error) { return nil, nil }

// dupFile is a file of our own for the place that f reads from.
func dupFile(f *os.File) (*os.File, error) {
	var h windows.Handle
	self := windows.CurrentProcess()
	err := windows.DuplicateHandle(self, windows.Handle(f.Fd()), self, &h, 0, false, windows.DUPLICATE_SAME_ACCESS)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(h), f.Name()), nil
}

// spoolFile makes a file that is gone when it is closed.
func spoolFile(dir string) (*os.File, error) {
	path := filepath.Join(dir, fmt.Sprintf("cowfs-spool-%08x", rand.Uint32()))
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	h, err := windows.CreateFile(name, windows.GENERIC_READ|windows.GENERIC_WRITE, 0, nil, windows.CREATE_NEW,
		windows.FILE_ATTRIBUTE_TEMPORARY|windows.FILE_FLAG_DELETE_ON_CLOSE, 0)
	if err != nil {
		return nil, &os.PathError{Op: "create", Path: path, Err: err}
	}
	return os.NewFile(uintptr(h), path), nil
}
