package cow

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/refcount"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/txn"
)

// Engine writes to the files of a volume. It is safe for concurrent use; of those who change
// files in other ways see File.Settle.
//
// Locks are taken in this order: a file's writeback (File.flush), the transaction, the file's
// state (File.mu), the engine's (Engine.mu). So a transaction is never begun by one who holds a
// file's state; what was looked up before it may have changed meanwhile, and its cookie tells.
type Engine struct {
	// Now is the clock.
	Now func() time.Time
	// Budget is the number of bytes of dirty pages from which on a writer first writes back.
	Budget int64

	geo    *format.Geometry
	store  *txn.Store
	dev    device.Device
	groups *space.Groups
	counts *refcount.Counts
	forks  *Forks

	mu    sync.Mutex
	files map[format.Ino]*File
	room  room

	dirty    atomic.Int64 // bytes of dirty pages
	low      atomic.Bool  // space is short, so nothing is delayed
	counters counters
	pause    func(where string) // a test's, called where no lock is held
}

// defaultBudget is of Engine.Budget.
const defaultBudget = 256 << 20

// NewEngine returns the engine of a volume that is open for writing. There must be one for a volume
// only.
func NewEngine(s *txn.Store, groups *space.Groups, counts *refcount.Counts) *Engine {
	return &Engine{
		Now: time.Now, Budget: defaultBudget,
		geo: s.Geo, store: s, dev: s.Device(), groups: groups, counts: counts, forks: NewForks(s.Geo, counts),
		files: map[format.Ino]*File{}, pause: func(string) {},
	}
}

// Forks are the CoW forks on disk.
func (e *Engine) Forks() *Forks { return e.forks }

// counters count what the engine does.
type counters struct{ allocs, remaps, cancels, pages, ios, stale atomic.Uint64 }

// Stats says what an engine has done so far.
type Stats struct {
	Allocs  uint64 // calls of the allocator
	Remaps  uint64 // extents that became part of a file
	Cancels uint64 // extents that were given up instead
	Pages   uint64 // blocks written back from the page cache
	IOs     uint64 // writes of data to the device
	Stale   uint64 // mappings that were looked up again, because the file had changed
	// Promised is the number of blocks that are reserved at the moment.
	Promised uint64
	// Dirty is the number of bytes in the page cache.
	Dirty uint64
}

// Stats counts.
func (e *Engine) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := &e.counters
	return Stats{c.allocs.Load(), c.remaps.Load(), c.cancels.Load(), c.pages.Load(), c.ios.Load(), c.stale.Load(), e.room.promised, uint64(e.dirty.Load())}
}

// change is a transaction of the engine.
type change struct {
	*txn.Tx
	eng  *Engine
	sec  int64
	nsec uint32
	then []func() // changes of what is in memory, for when nothing else can fail
}

// look runs f in a transaction that changes nothing on disk.
func (e *Engine) look(f func(c *change) error) error {
	tx, err := e.store.Begin()
	if err != nil {
		return err
	}
	defer tx.Cancel()
	return f(&change{Tx: tx, eng: e})
}

// change runs f in a transaction of its own. When space is only waiting for earlier changes to
// be safe, these are synced, and f is called again; before it changes anything in memory, it must
// not fail any more.
func (e *Engine) change(f func(c *change) error) error {
	err := e.try(f)
	if errors.Is(err, space.ErrBusy) {
		if err = e.store.Sync(); err == nil {
			err = e.try(f)
		}
	}
	return err
}

func (e *Engine) try(f func(c *change) error) error {
	tx, err := e.store.Begin()
	if err != nil {
		return err
	}
	now := e.Now()
	c := &change{Tx: tx, eng: e, sec: now.Unix(), nsec: uint32(now.Nanosecond())}
	if err := f(c); err != nil {
		tx.Cancel()
		return err
	}
	for _, f := range c.then {
		f()
	}
	return tx.Commit()
}

// edit opens a file's inode.
func (c *change) edit(f *File) (*inode.Editor, error) { return inode.Edit(c.Tx, c.eng.groups, f.Ino) }

// Open returns what is in memory of a regular file; at first that is its size and the CoW fork
// that it may have on disk.
func (e *Engine) Open(ino format.Ino) (f *File, err error) {
	if f := e.Lookup(ino); f != nil {
		return f, nil
	}
	err = e.look(func(c *change) error {
		if f = e.Lookup(ino); f != nil {
			return nil
		}
		if f, err = e.load(c, ino); err == nil {
			e.mu.Lock()
			e.files[ino] = f
			e.mu.Unlock()
		}
		return err
	})
	return f, err
}

// Lookup returns what is in memory of a file, or nil.
func (e *Engine) Lookup(ino format.Ino) *File {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.files[ino]
}

// Files are the files that something is in memory of, in the order of their numbers.
func (e *Engine) Files() []*File {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.SortedFunc(maps.Values(e.files), func(a, b *File) int { return cmp.Compare(a.Ino, b.Ino) })
}

// load reads what is on disk of a file.
func (e *Engine) load(c *change, ino format.Ino) (*File, error) {
	ed, err := inode.Edit(c.Tx, e.groups, ino)
	if err != nil {
		return nil, err
	}
	switch raw := ed.Raw(); {
	case ed.Mode()&format.ModeType != format.ModeReg:
		return nil, fmt.Errorf("inode %d: %w", ino, ErrNotRegular)
	case format.DiFlags.Get(raw)&format.FlagRealtime != 0:
		return nil, fmt.Errorf("inode %d: %w", ino, errRealtime)
	}
	f := newFile(e, ino)
	f.size.Store(ed.Size())
	if !e.geo.HasReflink() {
		return f, nil
	}
	fork, err := e.forks.Open(c.Tx, ed)
	if err != nil {
		return nil, err
	}
	for at := format.FileOff(0); ; {
		m, ok, err := fork.From(at)
		if err != nil || !ok {
			return f, err
		}
		f.cow.put(ExtentOf(m))
		at = m.End()
	}
}

// ExtentOf is a mapping of the CoW fork on disk.
func ExtentOf(m format.Mapping) Extent {
	x := Extent{Off: m.Off, End: m.End(), State: Written, Start: m.Start, Kept: true}
	if m.Unwritten {
		x.State = Allocated
	}
	return x
}

// mapping is the extent as the CoW fork on disk has it.
func (x Extent) mapping() format.Mapping {
	return format.Mapping{Off: x.Off, Start: x.Start, Count: uint32(x.Blocks()), Unwritten: x.State != Written}
}

// blocks are the blocks of an extent.
func (x Extent) blocks() space.Extent { return space.Extent{Start: x.Start, Count: uint32(x.Blocks())} }
