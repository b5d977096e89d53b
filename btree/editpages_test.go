package btree

import (
	"bytes"
	"errors"
	"testing"

	"github.com/cowfs/cowfs/format"
)

var (
	errNoSpace = errors.New("no space")
	errFault   = errors.New("injected fault")
)

// memPages are the blocks of one tree in memory. Between begin and end it sees to it that only
// announced bytes change; cancel brings back what was at begin.
type memPages struct {
	t      testing.TB
	k      *Kind
	g      *format.Geometry
	blocks map[uint64][]byte
	free   []uint64 // given back; taken again first
	next   int      // blocks never taken before start here
	// copying gives a new copy of a block with each Change, so that nobody can rely on an older
	// slice to show or take the changes.
	copying bool
	hostile bool // blocks that are not there are the tree's fault, not the editor's

	fault  func(call string) error // asked before each call
	loaded int                     // blocks, in bulk
	taken  int
	given  int
	chunks int // 128-byte units announced, as the log would hold them

	was map[uint64]*announced // of blocks read or taken since begin; nil before
}

// announced is what was in a block, nil if it was not there, and which of its bytes may have
// changed.
type announced struct {
	was    []byte
	ranges [][2]int
	fresh  bool // all may
}

func newPages(t testing.TB, k *Kind, blockSize int) *memPages {
	return &memPages{t: t, k: k, g: geometry(blockSize), blocks: map[uint64][]byte{}}
}

// number is the place of the i-th block ever taken.
func (m *memPages) number(i int) uint64 {
	b := uint64(i*7919%40000) + 4
	if m.k.Long {
		return uint64(m.g.FSB(format.AGNumber(i%4), format.AGBlock(b)))
	}
	return b
}

func (m *memPages) ask(call string) error {
	if m.fault == nil {
		return nil
	}
	return m.fault(call)
}

func (m *memPages) Read(block uint64) ([]byte, error) {
	if err := m.ask("read"); err != nil {
		return nil, err
	}
	b, ok := m.blocks[block]
	if !ok {
		if !m.hostile {
			m.t.Errorf("block %d is read but is none of the tree's", block)
		}
		return nil, format.Corrupt("block", "type", "free block", "B+tree block")
	}
	m.remember(block, b)
	return b, nil
}

func (m *memPages) remember(block uint64, b []byte) {
	if m.was != nil && m.was[block] == nil {
		m.was[block] = &announced{was: bytes.Clone(b)}
	}
}

func (m *memPages) Change(block uint64, off, n int) ([]byte, error) {
	if err := m.ask("change"); err != nil {
		return nil, err
	}
	b, ok := m.blocks[block]
	if !ok {
		m.t.Fatalf("block %d is changed but is none of the tree's", block)
	}
	if off < 0 || n <= 0 || off+n > len(b) {
		m.t.Fatalf("change of bytes %d to %d of a block of %d", off, off+n, len(b))
	}
	m.chunks += (off+n-1)/format.LogBufChunk - off/format.LogBufChunk + 1
	if m.copying {
		b = bytes.Clone(b)
		m.blocks[block] = b
	}
	if m.was != nil {
		m.remember(block, b)
		m.was[block].ranges = append(m.was[block].ranges, [2]int{off, off + n})
	}
	return b, nil
}

func (m *memPages) New(near uint64) (uint64, []byte, error) {
	if err := m.ask("new"); err != nil {
		return 0, nil, err
	}
	var block uint64
	if n := len(m.free); n > 0 {
		block, m.free = m.free[n-1], m.free[:n-1]
	} else {
		if m.next == 40000 {
			return 0, nil, errNoSpace
		}
		block = m.number(m.next)
		m.next++
	}
	b := make([]byte, m.g.BlockSize)
	m.blocks[block] = b
	if m.was != nil {
		if m.was[block] == nil {
			m.was[block] = &announced{}
		}
		m.was[block].fresh = true
	}
	m.taken++
	return block, b, nil
}

func (m *memPages) Free(block uint64) error {
	if err := m.ask("free"); err != nil {
		return err
	}
	b, ok := m.blocks[block]
	if !ok {
		m.t.Fatalf("block %d is given back but is none of the tree's", block)
	}
	m.remember(block, b)
	delete(m.blocks, block)
	m.free = append(m.free, block)
	m.given++
	return nil
}

func (m *memPages) begin() { m.was = map[uint64]*announced{} }

// end checks that no bytes changed but those announced.
func (m *memPages) end() {
	m.t.Helper()
	for block, a := range m.was {
		b, ok := m.blocks[block]
		if !ok || a.fresh {
			continue
		}
		for _, r := range a.ranges {
			copy(a.was[r[0]:r[1]], b[r[0]:r[1]])
		}
		if !bytes.Equal(a.was, b) {
			m.t.Fatalf("block %d changed unannounced", block)
		}
	}
	m.was = nil
}

// cancel undoes everything since begin.
func (m *memPages) cancel() {
	for block, a := range m.was {
		if a.was != nil {
			m.blocks[block] = a.was
		} else {
			delete(m.blocks, block)
		}
	}
	m.was = nil
	m.free = m.free[:0]
	for i := range m.next {
		if _, used := m.blocks[m.number(i)]; !used {
			m.free = append(m.free, m.number(i))
		}
	}
}

// ReadAt shows the blocks as they would lie on the device, with their checksums, to a Tree.
func (m *memPages) ReadAt(p []byte, off int64) (int, error) {
	block := uint64(off >> m.g.BlockLog)
	if m.k.Long {
		block = uint64(m.g.FSB(format.AGNumber(block/uint64(m.g.AGBlocks)), format.AGBlock(block%uint64(m.g.AGBlocks))))
	} else {
		block -= 2 * uint64(m.g.AGBlocks)
	}
	b, ok := m.blocks[block]
	if !ok {
		return 0, format.Corrupt("block", "type", "free block", "B+tree block")
	}
	copy(p, b)
	format.SetChecksum(p, m.k.crcField())
	return len(p), nil
}
