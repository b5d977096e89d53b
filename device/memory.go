package device

import (
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// pageSize is the unit in which Memory keeps data, in bytes.
const pageSize = 64 << 10

// Memory is a sparse image in memory: it takes room for what was written, in pages of 64 KiB,
// whatever its size.
type Memory struct {
	mu     sync.RWMutex
	size   int64
	pages  map[int64]*page // by offset / pageSize
	sorted []int64         // the keys of pages in order; nil when not known
	closed bool
}

// page is one page. Once shared by two images it is never written again.
type page struct {
	data   [pageSize]byte
	shared atomic.Bool
}

var (
	_ Device  = (*Memory)(nil)
	_ Puncher = (*Memory)(nil)
	_ Seeker  = (*Memory)(nil)
	_ Resizer = (*Memory)(nil)
)

// NewMemory makes an image of size bytes, all zero.
func NewMemory(size int64) *Memory {
	return &Memory{size: max(size, 0), pages: map[int64]*page{}}
}

// Clone makes an independent copy. The two share pages until one of them writes, so it is
// cheap. The copy is open even if m is closed.
func (m *Memory) Clone() *Memory {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, p := range m.pages {
		p.shared.Store(true)
	}
	return &Memory{size: m.size, pages: maps.Clone(m.pages)}
}

// Size is the size in bytes.
func (m *Memory) Size() int64 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.size
}

// Allocated is the number of bytes that m keeps in memory, pages shared with a clone included.
func (m *Memory) Allocated() int64 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return int64(len(m.pages)) * pageSize
}

// ReadAt reads len(p) bytes at off.
func (m *Memory) ReadAt(p []byte, off int64) (int, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return 0, ErrClosed
	}
	n, short := readable(off, len(p), m.size)
	for rest := p[:n]; len(rest) > 0; {
		at := off % pageSize
		piece := rest[:min(int64(len(rest)), pageSize-at)]
		if pg := m.pages[off/pageSize]; pg != nil {
			copy(piece, pg.data[at:])
		} else {
			clear(piece)
		}
		off, rest = off+int64(len(piece)), rest[len(piece):]
	}
	return n, short
}

// WriteAt writes p at off.
func (m *Memory) WriteAt(p []byte, off int64) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return 0, ErrClosed
	}
	if err := writable(off, len(p), m.size); err != nil {
		return 0, err
	}
	for rest := p; len(rest) > 0; {
		n := copy(m.own(off / pageSize)[off%pageSize:], rest)
		off, rest = off+int64(n), rest[n:]
	}
	return len(p), nil
}

// own returns page i for writing.
func (m *Memory) own(i int64) []byte {
	old := m.pages[i]
	if old != nil && !old.shared.Load() {
		return old.data[:]
	}
	pg := new(page)
	if old != nil {
		pg.data = old.data
	} else {
		m.sorted = nil
	}
	m.pages[i] = pg
	return pg.data[:]
}

// Punch gives up n bytes from off.
func (m *Memory) Punch(off, n int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	if err := rangeError("punch", off, n, m.size); err != nil {
		return err
	}
	m.punch(off, off+n)
	return nil
}

// punch drops whole pages between off and end and clears the parts at both ends.
func (m *Memory) punch(off, end int64) {
	first, last := (off+pageSize-1)/pageSize, end/pageSize // whole pages
	if first > last {                                      // within one page
		m.clear(last, off%pageSize, end%pageSize)
		return
	}
	if at := off % pageSize; at != 0 {
		m.clear(first-1, at, pageSize)
	}
	if at := end % pageSize; at != 0 {
		m.clear(last, 0, at)
	}
	keys := m.keys()
	lo, _ := slices.BinarySearch(keys, first)
	hi, _ := slices.BinarySearch(keys, last)
	for _, i := range keys[lo:hi] {
		delete(m.pages, i)
	}
	if lo < hi {
		m.sorted = nil
	}
}

func (m *Memory) clear(i, from, to int64) {
	if m.pages[i] != nil {
		clear(m.own(i)[from:to])
	}
}

// keys are the numbers of the pages in order. The caller holds the lock for writing.
func (m *Memory) keys() []int64 {
	if m.sorted == nil {
		m.sorted = slices.Sorted(maps.Keys(m.pages))
	}
	return m.sorted
}

// SeekData finds the next page; see Seeker.
func (m *Memory) SeekData(off int64) (int64, error) {
	return m.seek(off, func(keys []int64, i int, _ int64) (int64, error) {
		if i == len(keys) {
			return 0, io.EOF
		}
		return max(off, keys[i]*pageSize), nil
	})
}

// SeekHole finds the next gap between pages; see Seeker.
func (m *Memory) SeekHole(off int64) (int64, error) {
	return m.seek(off, func(keys []int64, i int, page int64) (int64, error) {
		for ; i < len(keys) && keys[i] == page; i++ {
			page++
		}
		return min(max(off, page*pageSize), m.size), nil
	})
}

// seek calls find with the keys in order, the index of the first one not before off, and off's
// page.
func (m *Memory) seek(off int64, find func(keys []int64, i int, page int64) (int64, error)) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return 0, ErrClosed
	}
	if _, err := allData(off, m.size); err != nil {
		return 0, err
	}
	i, _ := slices.BinarySearch(m.keys(), off/pageSize)
	return find(m.keys(), i, off/pageSize)
}

// Truncate changes the size.
func (m *Memory) Truncate(size int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed:
		return ErrClosed
	case size < 0:
		return rangeError("truncate", size, 0, m.size)
	}
	if size < m.size {
		m.punch(size, m.size)
	}
	m.size = size
	return nil
}

// Sync does nothing: memory outlasts no power failure. Crash is the device to test with.
func (m *Memory) Sync() error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return ErrClosed
	}
	return nil
}

// Close ends the use of m; its memory is free when nobody refers to it.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	m.closed = true
	return nil
}
