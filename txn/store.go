package txn

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
)

// ErrFailed says that an earlier write failed, so that the store can't be changed any more.
// What is in the log is safe.
var ErrFailed = errors.New("an earlier write to the image failed")

// Store is the metadata of an open volume, changed by transactions. Transactions run one at a
// time; View may be read by any number of goroutines between them.
type Store struct {
	Geo *format.Geometry

	dev    device.Device
	log    Log
	turn   sync.RWMutex // held for writing by the open transaction, Sync and Close
	cur    *Tx          // the open transaction
	spare  Tx           // memory for the next one
	sums   sync.Mutex   // held while a view makes a checksum
	bufs   map[int64]*Buf
	pages  map[int64][]*Buf // those that aren't clean, by page
	cached int              // bytes of all buffers
	packed int              // bytes of all buffers from which on it is worth to look for clean ones
	ckpt   checkpoint       // what is committed and not in the log
	logged []*Buf           // what is in the log and not in place
	held   int              // bytes of the buffers in logged
	wrote  bool             // file data since the last sync
	used   bool             // the log has had checkpoints since it was clean
	count  uint64           // transactions that were committed
	failed error
}

// NewStore makes a store of a volume whose log is clean.
func NewStore(dev device.Device, g *format.Geometry, log Log) *Store {
	return &Store{Geo: g, dev: dev, log: log, bufs: map[int64]*Buf{}, pages: map[int64][]*Buf{}}
}

// Device is what the store lies on. File data may be written to it directly; see Busy.
func (s *Store) Device() device.Device { return s.dev }

// Limits of memory, in bytes.
const (
	maxClean = 64 << 20 // of clean buffers that are kept, about
	maxCkpt  = 4 << 20  // of a checkpoint before it goes to the log
	maxHeld  = 64 << 20 // of buffers that wait to be written in place
)

// read finds a buffer in the cache or on the device, where it lies in one run if pieces is nil. It
// holds one of the types.
func (s *Store) read(off int64, pieces []Piece, at format.Place, types ...*format.BlockType) (*Buf, error) {
	if b, ok := s.bufs[off]; ok {
		if !slices.Contains(types, b.Type) {
			return nil, format.Corrupt(types[0].Name, "type", b.Type, types[0]).At(at)
		}
		if !slices.Equal(b.pieces, pieces) {
			return nil, format.Corrupt(types[0].Name, "", "blocks that are mapped twice", "a place of its own").At(at)
		}
		return b, nil
	}
	t := types[0]
	data := make([]byte, t.Len(s.Geo, nil))
	if err := s.readParts(data, off, pieces); err != nil {
		return nil, fmt.Errorf("read %s at byte %d: %w", t, off, err)
	}
	for _, other := range types[1:] {
		if other.Is(data) {
			t = other
		}
	}
	if err := format.Verify(s.Geo, t, data, at); err != nil {
		return nil, err
	}
	b := &Buf{Off: off, Data: data, Type: t, pieces: slices.Clone(pieces)}
	s.shrink()
	s.keep(b)
	return b, nil
}

// keep puts a buffer into the cache, drop takes it out.
func (s *Store) keep(b *Buf) {
	s.bufs[b.Off] = b
	s.cached += len(b.Data)
}

func (s *Store) drop(b *Buf) {
	if s.bufs[b.Off] == b {
		delete(s.bufs, b.Off)
		s.cached -= len(b.Data)
	}
}

// shrink drops clean buffers that the open transaction doesn't use, when there are too many.
func (s *Store) shrink() {
	busy := s.ckpt.bytes + s.held
	if s.cached < max(maxClean+busy, s.packed) {
		return
	}
	// When most of them can't be dropped it would take long to look again each time.
	defer func() { s.packed = s.cached + maxClean/4 }()
	for _, b := range s.bufs {
		if b.clean() && b.tx != s.cur {
			s.drop(b)
		}
		if s.cached < maxClean/2+busy {
			return
		}
	}
}
