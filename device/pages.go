package device

import (
	"errors"
	"os"
	"path/filepath"
)

// overlayPage is the unit in which an Overlay keeps what was written, in bytes.
const overlayPage = 4 << 10

// chunkPages is how many pages get their memory at once.
const chunkPages = 16

// pages keeps pages of overlayPage bytes, known by the order in which they came. The first ones are
// in memory, those beyond a limit in a temporary file.
type pages struct {
	limit  int // pages in memory at most; 0: all
	n      int
	chunks [][]byte // of chunkPages pages each
	file   *os.File // without a name; nil until it is needed
}

// add makes room for another page, which holds p, and returns its number.
func (s *pages) add(p *[overlayPage]byte) (int, error) {
	no := s.n
	if s.inMemory(no) {
		if no%chunkPages == 0 {
			s.chunks = append(s.chunks, make([]byte, chunkPages*overlayPage))
		}
	} else if s.file == nil {
		if err := s.create(); err != nil {
			return 0, err
		}
	}
	if err := s.write(no, 0, p[:]); err != nil {
		return 0, err
	}
	s.n++
	return no, nil
}

func (s *pages) inMemory(no int) bool { return s.limit == 0 || no < s.limit }

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

// read reads from byte off of a page on.
func (s *pages) read(no, off int, p []byte) error {
	if s.inMemory(no) {
		copy(p, s.memory(no)[off:])
		return nil
	}
	_, err := s.file.ReadAt(p, s.place(no)+int64(off))
	return err
}

// write writes from byte off of a page on.
func (s *pages) write(no, off int, p []byte) error {
	if s.inMemory(no) {
		copy(s.memory(no)[off:], p)
		return nil
	}
	_, err := s.file.WriteAt(p, s.place(no)+int64(off))
	return err
}

func (s *pages) memory(no int) []byte {
	return s.chunks[no/chunkPages][no%chunkPages*overlayPage:][:overlayPage]
}

func (s *pages) place(no int) int64 { return int64(no-s.limit) * overlayPage }

// drop forgets all pages.
func (s *pages) drop() error {
	var err error
	if s.file != nil {
		err = s.file.Close()
	}
	*s = pages{limit: s.limit}
	return err
}
