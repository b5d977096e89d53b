package device

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ErrSpill says that no temporary file could be had for changes that there is no memory for, not one
// that is large enough, or that it could not be read.
var ErrSpill = errors.New("keep changes in a temporary file")

// overlayPage is the unit in which an Overlay keeps what was written, in bytes.
const overlayPage = 4 << 10

// chunkPages is how many pages get their memory at once.
const chunkPages = 16

// pages keeps pages of overlayPage bytes, known by the order in which they came. As many as a limit
// allows are in memory, those that were written last, more or less, and the others in a temporary
// file. Where the file can't be made, or grow, more of them stay in memory.
type pages struct {
	limit int      // pages in memory; 0: all
	most  int      // pages in memory when there is no room for the others; counts if it is more
	file  *os.File // without a name; nil until it is needed

	frames []int32  // by page: the frame of memory that it is in; absent: it is in the file only
	chunks [][]byte // the memory, chunkPages frames each
	held   []int32  // by frame: the page in it, or absent
	used   []bool   // by frame: written since the hand came by
	hand   int      // the frame that is looked at next for one to take
}

const absent = -1

// add makes room for another page, which holds p, and returns its number.
func (s *pages) add(p []byte) (int, error) {
	frame, err := s.free()
	if err != nil {
		return 0, err
	}
	no := len(s.frames)
	s.frames = append(s.frames, absent)
	s.hold(no, frame)
	copy(s.memory(frame), p)
	return no, nil
}

// free finds a frame that is nobody's.
func (s *pages) free() (int, error) {
	n := len(s.held)
	if s.limit > 0 && n >= s.limit {
		frame, err := s.evict()
		if err == nil {
			return frame, nil
		}
		if n >= s.most {
			return 0, spillError(err)
		}
	}
	if n%chunkPages == 0 {
		s.chunks = append(s.chunks, make([]byte, chunkPages*overlayPage))
	}
	s.held, s.used = append(s.held, absent), append(s.used, false)
	return n, nil
}

// evict takes the frame of a page that was not written to for a while, which goes to the file.
func (s *pages) evict() (int, error) {
	if s.file == nil {
		if err := s.create(); err != nil {
			return 0, err
		}
	}
	for ; s.used[s.hand]; s.hand = (s.hand + 1) % len(s.held) {
		s.used[s.hand] = false
	}
	if no := s.held[s.hand]; no != absent {
		if _, err := s.file.WriteAt(s.memory(s.hand), place(int(no))); err != nil {
			return 0, err
		}
		s.frames[no], s.held[s.hand] = absent, absent
	}
	return s.hand, nil
}

// create makes the file, and takes its name away at once, so that nothing is left of it.
func (s *pages) create() error {
	p := pending{path: filepath.Join(os.TempDir(), "cowfs")}
	name := p.tempName()
	f, err := openFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := os.Remove(name); err != nil {
		return errors.Join(err, f.Close())
	}
	s.file = f
	return nil
}

func spillError(err error) error { return fmt.Errorf("%w: %w", ErrSpill, err) }

// hold gives a frame to a page.
func (s *pages) hold(no, frame int) {
	s.frames[no], s.held[frame], s.used[frame] = int32(frame), int32(no), true
}

// read reads from byte off of a page on.
func (s *pages) read(no, off int, p []byte) error {
	if frame := s.frames[no]; frame != absent {
		copy(p, s.memory(int(frame))[off:])
		return nil
	}
	if _, err := s.file.ReadAt(p, place(no)+int64(off)); err != nil {
		return spillError(err)
	}
	return nil
}

// write writes from byte off of a page on.
func (s *pages) write(no, off int, p []byte) error {
	frame := int(s.frames[no])
	if frame == absent {
		var err error
		if frame, err = s.free(); err != nil {
			return err
		}
		if len(p) < overlayPage {
			if _, err := s.file.ReadAt(s.memory(frame), place(no)); err != nil {
				return spillError(err)
			}
		}
		s.hold(no, frame)
	}
	s.used[frame] = true
	copy(s.memory(frame)[off:], p)
	return nil
}

func (s *pages) memory(frame int) []byte {
	return s.chunks[frame/chunkPages][frame%chunkPages*overlayPage:][:overlayPage]
}

// place is where a page is in the file.
func place(no int) int64 { return int64(no) * overlayPage }

// drop forgets all pages.
func (s *pages) drop() error {
	var err error
	if s.file != nil {
		err = s.file.Close()
	}
	*s = pages{limit: s.limit, most: s.most}
	return err
}
