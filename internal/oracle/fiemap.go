package oracle

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The FIEMAP ioctl as in linux/fiemap.h; x/sys has no wrapper for it.
const (
	fsIocFiemap           = 0xc020660b
	fiemapFlagSync        = 0x1
	fiemapExtentLast      = 0x1
	fiemapExtentUnwritten = 0x800
	fiemapBatch           = 256
)

type fiemapExtent struct {
	Logical, Physical, Length uint64
	_                         [2]uint64
	Flags                     uint32
	_                         [3]uint32
}

type fiemap struct {
	Start, Length                   uint64
	Flags, MappedExtents, ExtentCnt uint32
	_                               uint32
	Extents                         [fiemapBatch]fiemapExtent
}

// Extents calls fn with each extent that the kernel maps of a file, in order.
func Extents(f *os.File, fn func(s Segment, physical int64, unwritten bool)) error {
	for start := uint64(0); ; {
		m := fiemap{Start: start, Length: ^uint64(0) - start, Flags: fiemapFlagSync, ExtentCnt: fiemapBatch}
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), fsIocFiemap, uintptr(unsafe.Pointer(&m)))
		if errno != 0 {
			return &os.PathError{Op: "fiemap", Path: f.Name(), Err: errno}
		}
		for _, e := range m.Extents[:m.MappedExtents] {
			start = e.Logical + e.Length
			fn(Segment{int64(e.Logical), int64(start)}, int64(e.Physical), e.Flags&fiemapExtentUnwritten != 0)
			if e.Flags&fiemapExtentLast != 0 {
				return nil
			}
		}
		if m.MappedExtents == 0 {
			return nil
		}
	}
}

// unwrittenSegments lists the allocated ranges that were never written, neighbours joined.
// A filesystem that cannot tell (tmpfs) has none.
func unwrittenSegments(f *os.File) ([]Segment, error) {
	var out []Segment
	err := Extents(f, func(s Segment, _ int64, unwritten bool) {
		switch {
		case !unwritten:
		case len(out) > 0 && out[len(out)-1].End == s.Start:
			out[len(out)-1].End = s.End
		default:
			out = append(out, s)
		}
	})
	if errors.Is(err, unix.EOPNOTSUPP) {
		return nil, nil
	}
	return out, err
}
