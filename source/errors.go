package source

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrChanged is the class of errors about a source that is no longer what was scanned.
var ErrChanged = errors.New("changed while it was read")

// ChangedError is an ErrChanged about one file.
type ChangedError struct {
	Path   string // of the host: the file, or the archive
	Detail string // what differs
}

func (e *ChangedError) Error() string {
	return fmt.Sprintf("%s: %v: %s", e.Path, ErrChanged, e.Detail)
}

// Is makes every ChangedError an ErrChanged.
func (e *ChangedError) Is(target error) bool { return target == ErrChanged }

// Errors that an ArchiveError wraps.
var (
	ErrTruncated    = errors.New("archive is cut off")
	ErrNoEnd        = errors.New("archive is cut off: its end marker is missing")
	ErrEscapes      = errors.New("path leads out of the tree")
	ErrNotDirectory = errors.New("a parent of the path is not a directory")
	ErrNoLinkTarget = errors.New("target of the hard link is not there")
	ErrNameTooLong  = errors.New("name is longer than 255 bytes")
)

// ArchiveError says what is wrong with an archive, or with an entry of it.
type ArchiveError struct {
	Archive string // its path or digest
	Entry   string // path of the entry, as stored; empty before the first
	After   bool   // the place is behind the entry rather than at it
	Offset  int64  // of the place in the unpacked archive, in bytes
	Err     error
}

func (e *ArchiveError) Error() string {
	var b strings.Builder
	b.WriteString(e.Archive + ": ")
	switch {
	case e.Entry == "":
	case e.After:
		fmt.Fprintf(&b, "in or behind entry %q: ", e.Entry)
	default:
		fmt.Fprintf(&b, "entry %q: ", e.Entry)
	}
	fmt.Fprintf(&b, "offset %d: %v", e.Offset, e.Err)
	return b.String()
}

func (e *ArchiveError) Unwrap() error { return e.Err }

// cutOff turns the two errors that readers have for a missing rest into one.
func cutOff(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrTruncated
	}
	return err
}
