package device

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/windows"
)

// Control codes of files.
const (
	setZeroData     = 0x980c8
	allocatedRanges = 0x940cf
)

// lockAt is the byte that is locked to lock a file: behind all that a file can hold, as a lock here
// keeps others from reading, too.
const lockAt = 1<<63 - 2

func lockRange() *windows.Overlapped {
	return &windows.Overlapped{Offset: lockAt & 0xffffffff, OffsetHigh: lockAt >> 32}
}

// lock takes an advisory lock on the whole file, without waiting.
func lock(f *os.File, exclusive bool) error {
	how := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if exclusive {
		how |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	err := windows.LockFileEx(windows.Handle(f.Fd()), how, 0, 1, 0, lockRange())
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return fmt.Errorf("%s: %w by another process", f.Name(), ErrBusy)
	}
	return named("lock", f, err)
}

func unlock(f *os.File) { _ = windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, lockRange()) }

func isBusy(err error) bool { return errors.Is(err, windows.ERROR_SHARING_VIOLATION) }

// punch gives up storage. It is ErrUnsupported where the host's filesystem cannot.
func punch(f *os.File, off, n int64) error {
	err := deviceControl(f, setZeroData, pair(off, off+n), nil, nil)
	if isUnsupported(err) {
		return errors.ErrUnsupported
	}
	return named("punch", f, err)
}

// makeSparse tells the host not to give storage to what was never written.
func makeSparse(f *os.File) error {
	err := deviceControl(f, windows.FSCTL_SET_SPARSE, nil, nil, nil)
	if isUnsupported(err) {
		return nil
	}
	return named("make sparse", f, err)
}

func seekData(f *os.File, off int64) (int64, error) {
	from, _, err := allocated(f, off)
	return from, err
}

func seekHole(f *os.File, off int64) (int64, error) {
	for {
		from, end, err := allocated(f, off)
		switch {
		case errors.Is(err, io.EOF) || err == nil && from > off:
			return off, nil
		case err != nil:
			return 0, err
		}
		off = end // where the next range may begin
	}
}

// allocated returns the first range at or behind off that has storage, io.EOF if there is none.
func allocated(f *os.File, off int64) (from, end int64, err error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, 0, err
	}
	var out [16]byte
	var n uint32
	err = deviceControl(f, allocatedRanges, pair(off, size-off), out[:], &n)
	switch {
	case isUnsupported(err):
		return 0, 0, errors.ErrUnsupported
	case err != nil && !errors.Is(err, windows.ERROR_MORE_DATA):
		return 0, 0, named("seek", f, err)
	case n < uint32(len(out)):
		return 0, 0, io.EOF
	}
	from = int64(binary.LittleEndian.Uint64(out[:]))
	end = from + int64(binary.LittleEndian.Uint64(out[8:]))
	return max(from, off), end, nil
}

func pair(a, b int64) []byte {
	p := binary.LittleEndian.AppendUint64(nil, uint64(a))
	return binary.LittleEndian.AppendUint64(p, uint64(b))
}

func deviceControl(f *os.File, code uint32, in, out []byte, n *uint32) error {
	var inPtr, outPtr *byte
	if len(in) > 0 {
		inPtr = &in[0]
	}
	if len(out) > 0 {
		outPtr = &out[0]
	}
	if n == nil {
		n = new(uint32)
	}
	return windows.DeviceIoControl(windows.Handle(f.Fd()), code, inPtr, uint32(len(in)), outPtr, uint32(len(out)), n, nil)
}

func isUnsupported(err error) bool {
	return errors.Is(err, windows.ERROR_INVALID_FUNCTION) || errors.Is(err, windows.ERROR_NOT_SUPPORTED) ||
		errors.Is(err, windows.ERROR_INVALID_PARAMETER)
}

func chownLike(*os.File, os.FileInfo) {}

// movesOpen says that a file that is open can be replaced by another one.
const movesOpen = false

// openFile is os.OpenFile, but that the file can get another name while it is open.
func openFile(path string, flags int, perm os.FileMode) (*os.File, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	access := uint32(windows.GENERIC_READ)
	if flags&os.O_RDWR != 0 {
		access |= windows.GENERIC_WRITE
	}
	create := uint32(windows.OPEN_EXISTING)
	if flags&os.O_CREATE != 0 {
		create = windows.CREATE_NEW
	}
	const shared = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	h, err := windows.CreateFile(name, access, shared, nil, create, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(h), path), nil
}

// SyncDir has nothing to do: the host does not let names be waited for.
func SyncDir(string) error { return nil }
