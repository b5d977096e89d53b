package undo

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/cowfs/cowfs/device"
)

// Errors that callers decide upon.
var (
	// ErrNotUndo says that a file is no undo file, or a damaged one.
	ErrNotUndo = errors.New("not an undo file")
	// ErrWrongImage says that an image is not the one that the file belongs to, or was changed
	// since.
	ErrWrongImage = errors.New("undo file does not fit the image")
	// ErrNothing says that a file has nothing to put back: its image was never changed.
	ErrNothing = errors.New("undo file was never finished; the image is as it was")
)

// State says how far a file's changes have come.
type State uint32

// The states.
const (
	Writing State = iota + 1
	Applying
	Applied
	Undoing
	Undone
)

var stateNames = [...]string{Writing: "writing", Applying: "applying", Applied: "applied", Undoing: "undoing", Undone: "undone"}

// String returns the state's name.
func (s State) String() string {
	if s >= Writing && s <= Undone {
		return stateNames[s]
	}
	return fmt.Sprintf("state %d", uint32(s))
}

const (
	pageSize   = 4 << 10
	sectorSize = 512 // the unit in which an interrupted write is old or new
	magic      = "cowfundo"
	version    = 1
	headerSize = 40
	entrySize  = 16
)

// entry is what the index says of a page.
type entry struct {
	off      int64
	old, new uint32 // checksums
}

// file is an open undo file.
type file struct {
	f     handle
	state State
	size  int64 // of the image, in bytes
	index []entry
}

var crcTable = crc32.MakeTable(crc32.Castagnoli)

func sum(p []byte) uint32 { return crc32.Checksum(p, crcTable) }

// oldAt and newAt are where the two versions of page i lie in the file.
func (u *file) oldAt(i int) int64 {
	first := roundUp(pageSize + int64(len(u.index))*entrySize)
	return first + int64(i)*pageSize
}

func (u *file) newAt(i int) int64 { return u.oldAt(len(u.index) + i) }

func roundUp(n int64) int64 { return (n + pageSize - 1) / pageSize * pageSize }

// setState writes the header and makes sure that it lasts.
func (u *file) setState(s State) error {
	u.state = s
	b := make([]byte, headerSize)
	copy(b, magic)
	binary.BigEndian.PutUint32(b[8:], version)
	binary.BigEndian.PutUint32(b[12:], uint32(s))
	binary.BigEndian.PutUint64(b[16:], uint64(u.size))
	binary.BigEndian.PutUint64(b[24:], uint64(len(u.index)))
	binary.BigEndian.PutUint32(b[36:], sum(b[:36]))
	if _, err := u.f.WriteAt(b, 0); err != nil {
		return err
	}
	return u.f.Sync()
}

// writeIndex writes the index.
func (u *file) writeIndex() error {
	b := make([]byte, 0, len(u.index)*entrySize)
	for _, e := range u.index {
		b = binary.BigEndian.AppendUint64(b, uint64(e.off))
		b = binary.BigEndian.AppendUint32(b, e.old)
		b = binary.BigEndian.AppendUint32(b, e.new)
	}
	_, err := u.f.WriteAt(b, pageSize)
	return err
}

// open reads header and index of a file.
func open(h host, path string) (*file, error) {
	f, err := h.Open(path)
	if err != nil {
		return nil, err
	}
	u := &file{f: f}
	if err := u.read(); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return u, nil
}

func (u *file) read() error {
	b := make([]byte, headerSize)
	if _, err := u.f.ReadAt(b, 0); err != nil && err != io.EOF {
		return err
	}
	info, err := u.f.Stat()
	if err != nil {
		return err
	}
	if info.Size() <= headerSize && len(bytes.Trim(b, "\x00")) == 0 {
		u.state = Writing // the header lasts before anything else is written
		return nil
	}
	if string(b[:8]) != magic || binary.BigEndian.Uint32(b[36:]) != sum(b[:36]) {
		return ErrNotUndo
	}
	if v := binary.BigEndian.Uint32(b[8:]); v != version {
		return fmt.Errorf("%w of version %d: it has version %d", ErrNotUndo, version, v)
	}
	u.state = State(binary.BigEndian.Uint32(b[12:]))
	u.size = int64(binary.BigEndian.Uint64(b[16:]))
	n := binary.BigEndian.Uint64(b[24:])
	if u.state == Writing {
		return nil // the rest may not be there
	}
	if u.state < Writing || u.state > Undone || n > uint64(info.Size())/pageSize {
		return ErrNotUndo
	}
	index := make([]byte, n*entrySize)
	if _, err := u.f.ReadAt(index, pageSize); err != nil {
		return fmt.Errorf("%w: %w", ErrNotUndo, err)
	}
	u.index = make([]entry, n)
	last := int64(-pageSize)
	for i := range u.index {
		e := index[i*entrySize:]
		off := int64(binary.BigEndian.Uint64(e))
		if off < last+pageSize || off%pageSize != 0 || off >= u.size {
			return ErrNotUndo
		}
		u.index[i] = entry{off, binary.BigEndian.Uint32(e[8:]), binary.BigEndian.Uint32(e[12:])}
		last = off
	}
	return nil
}

// length is the number of bytes of a page that the image has.
func (u *file) length(e entry) int { return int(min(pageSize, u.size-e.off)) }

// page reads one version of page i and checks it.
func (u *file) page(p []byte, at int64, want uint32) error {
	if _, err := u.f.ReadAt(p, at); err != nil {
		return err
	}
	if sum(p) != want {
		return fmt.Errorf("%w: page at byte %d is damaged", ErrNotUndo, at)
	}
	return nil
}

// current reads a page of the image; behind the image's end it is zero.
func (u *file) current(image device.Device, e entry, p []byte) error {
	n := u.length(e)
	clear(p[n:])
	_, err := image.ReadAt(p[:n], e.off)
	return err
}
