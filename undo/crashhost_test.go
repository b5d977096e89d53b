package undo_test

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"time"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/undo"
)

var errPower = errors.New("power failure")

// machine is an image and the directory with its undo file, under one clock: it remembers all writes
// and syncs of both, in order, and goes down after some number of them. It keeps apart what lasts
// and what a power failure can take away: each has its own sync.
type machine struct {
	image    store
	file     store
	exists   bool // the undo file does, as programs see it
	lasting  bool // and its name would still be there after a power failure
	steps    int  // writes, syncs and the like so far
	deadline int  // the step that is not done any more; -1 for none
}

// store is something that is written and synced. What was synced is in pages, the rest in pending.
type store struct {
	base    io.ReaderAt // what pages don't hold; may be nil
	size    int64
	pages   map[int64][]byte
	synced  int64 // the size that lasts
	pending []pending
}

// pending is a write that was not synced yet, or a change of size when data is nil.
type pending struct {
	off  int64
	data []byte
}

const pageSize = 4096

func (s *store) page(i int64) []byte {
	p := s.pages[i]
	if p == nil {
		p = make([]byte, pageSize)
		if s.base != nil && i*pageSize < s.size {
			if _, err := s.base.ReadAt(p[:min(pageSize, s.size-i*pageSize)], i*pageSize); err != nil {
				panic(err) // an image in memory
			}
		}
		s.pages[i] = p
	}
	return p
}

// apply does a write to the pages.
func (s *store) apply(w pending) {
	if w.data == nil {
		for i := range s.pages {
			if i*pageSize >= w.off {
				delete(s.pages, i)
			}
		}
		s.size = w.off
		return
	}
	for done := 0; done < len(w.data); {
		at := w.off + int64(done)
		done += copy(s.page(at / pageSize)[at%pageSize:], w.data[done:])
	}
	s.size = max(s.size, w.off+int64(len(w.data)))
}

// now is a store as programs see it: all writes are done.
func (s *store) now() *store {
	c := s.clone()
	for _, w := range s.pending {
		c.apply(w)
	}
	return c
}

func (s *store) clone() *store {
	c := &store{base: s.base, size: s.size, synced: s.size, pages: make(map[int64][]byte, len(s.pages))}
	for i, p := range s.pages {
		c.pages[i] = append([]byte(nil), p...)
	}
	return c
}

func (s *store) sync() {
	for _, w := range s.pending {
		s.apply(w)
	}
	s.pending, s.synced = nil, s.size
}

// fail is what a power failure leaves of a store.
func (s *store) fail(rng *rand.Rand, lost device.Lost) *store {
	c := s.clone()
	for _, w := range s.pending {
		switch {
		case lost == device.LostAll:
		case lost == device.LostNone, w.data == nil && rng.IntN(2) == 0, lost == device.LostSome && rng.IntN(2) == 0:
			c.apply(w)
		case lost == device.LostSectors && w.data != nil:
			for at := 0; at < len(w.data); at += 512 {
				if rng.IntN(2) == 0 {
					c.apply(pending{w.off + int64(at), w.data[at:min(at+512, len(w.data))]})
				}
			}
		}
	}
	c.synced = c.size
	return c
}

func newMachine(image device.Device) *machine {
	return &machine{deadline: -1, image: store{base: image, size: image.Size(), pages: map[int64][]byte{}}, file: store{pages: map[int64][]byte{}}}
}

// fail is what is left after a power failure: a machine that goes on from there.
func (m *machine) fail(seed uint64, lost device.Lost) *machine {
	rng := rand.New(rand.NewPCG(seed, uint64(m.steps)))
	c := &machine{deadline: -1, image: *m.image.fail(rng, lost), file: *m.file.fail(rng, lost)}
	c.lasting = m.lasting
	if m.exists != m.lasting && (lost == device.LostNone || lost != device.LostAll && rng.IntN(2) == 0) {
		c.lasting = m.exists
	}
	if c.exists = c.lasting; !c.exists {
		c.file = store{pages: map[int64][]byte{}}
	}
	return c
}

// step counts, and tells whether the machine is still up.
func (m *machine) step() error {
	if m.steps == m.deadline {
		return errPower
	}
	m.steps++
	return nil
}

func (m *machine) Create(string) (undo.Handle, error) {
	if m.exists {
		return nil, fs.ErrExist
	}
	if err := m.step(); err != nil {
		return nil, err
	}
	m.exists, m.file = true, store{pages: map[int64][]byte{}}
	return &open{m, &m.file, true}, nil
}

func (m *machine) Open(string) (undo.Handle, error) {
	if !m.exists {
		return nil, fs.ErrNotExist
	}
	return &open{m, &m.file, true}, nil
}

func (m *machine) Remove(string) error {
	if err := m.step(); err != nil {
		return err
	}
	m.exists = false
	return nil
}

func (m *machine) SyncDir(string) error {
	if err := m.step(); err != nil {
		return err
	}
	m.lasting = m.exists
	return nil
}

// device is the image of the machine.
func (m *machine) device() device.Device { return &open{m, &m.image, false} }

// open is a store of a machine, opened by a program.
type open struct {
	m     *machine
	s     *store
	grows bool
}

func (o *open) Size() int64 {
	size := o.s.size
	for _, w := range o.s.pending {
		if w.data == nil {
			size = w.off
		}
		size = max(size, w.off+int64(len(w.data)))
	}
	return size
}

func (o *open) ReadAt(p []byte, off int64) (int, error) {
	s := o.s
	if len(s.pending) > 0 {
		s = s.now()
	}
	n := int(max(0, min(int64(len(p)), s.size-off)))
	for done := 0; done < n; {
		at := off + int64(done)
		done += copy(p[done:n], s.page(at / pageSize)[at%pageSize:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (o *open) WriteAt(p []byte, off int64) (int, error) {
	if err := o.m.step(); err != nil {
		return 0, err
	}
	o.s.pending = append(o.s.pending, pending{off, append([]byte{}, p...)})
	return len(p), nil
}

func (o *open) Truncate(size int64) error {
	if err := o.m.step(); err != nil {
		return err
	}
	o.s.pending = append(o.s.pending, pending{off: size})
	return nil
}

func (o *open) Sync() error {
	if err := o.m.step(); err != nil {
		return err
	}
	o.s.sync()
	return nil
}

func (o *open) Close() error               { return nil }
func (o *open) Stat() (fs.FileInfo, error) { return fileInfo(o.Size()), nil }

// fileInfo is a size.
type fileInfo int64

func (i fileInfo) Name() string     { return "undo" }
func (i fileInfo) Size() int64      { return int64(i) }
func (fileInfo) Mode() fs.FileMode  { return 0o600 }
func (fileInfo) ModTime() time.Time { return time.Time{} }
func (fileInfo) IsDir() bool        { return false }
func (fileInfo) Sys() any           { return nil }
