package device

import (
	"fmt"
	"math/rand/v2"
	"sync"
)

// sector is what storage writes whole or not at all, in bytes.
const sector = 512

// Lost says what a power failure does to the writes that were not synced yet. Those that
// were are always kept.
type Lost int

// The ways. Storage that reorders writes is covered too: what it can leave behind is what
// LostSectors can, each sector having any of the contents it went through since the last sync.
const (
	LostAll     Lost = iota // none of them got to storage
	LostNone                // all did
	LostSome                // each got there whole or not at all, at random
	LostSectors             // each sector of each did or did not, at random
)

var lostNames = [...]string{"all", "none", "some", "sectors"}

// String is a word for the mode.
func (l Lost) String() string {
	if l >= 0 && int(l) < len(lostNames) {
		return lostNames[l]
	}
	return fmt.Sprintf("lost %d", int(l))
}

// Crash is a device for tests. It remembers every write and sync, so that a test can run an
// operation once and then look at each image that a power failure during it could have left:
//
//	d := device.NewCrash(image)
//	operation(d)
//	for n := range d.Writes() + 1 {
//		check(d.After(n, seed, device.LostSome))
//	}
//
// It keeps the data of all writes in memory.
type Crash struct {
	mu     sync.Mutex
	now    *Memory
	writes []write
	epochs []epoch
}

// write is one write, or a punch when data is nil.
type write struct {
	off  int64
	n    int64
	data []byte
}

// epoch begins when a sync returns.
type epoch struct {
	first int     // the first write in it
	base  *Memory // what was on storage then
}

var (
	_ Device  = (*Crash)(nil)
	_ Puncher = (*Crash)(nil)
	_ Seeker  = (*Crash)(nil)
)

// NewCrash makes a device that begins with the content of m, all of it on storage. It works on
// a copy.
func NewCrash(m *Memory) *Crash {
	return &Crash{now: m.Clone(), epochs: []epoch{{base: m.Clone()}}}
}

// Size is the size in bytes.
func (c *Crash) Size() int64 { return c.now.Size() }

// ReadAt reads what was last written, synced or not.
func (c *Crash) ReadAt(p []byte, off int64) (int, error) { return c.now.ReadAt(p, off) }

// WriteAt writes p at off and remembers it.
func (c *Crash) WriteAt(p []byte, off int64) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := c.now.WriteAt(p, off)
	if err == nil {
		c.writes = append(c.writes, write{off: off, n: int64(n), data: append([]byte{}, p...)})
	}
	return n, err
}

// Punch gives up a range; it counts as a write.
func (c *Crash) Punch(off, n int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.now.Punch(off, n)
	if err == nil {
		c.writes = append(c.writes, write{off: off, n: n})
	}
	return err
}

// SeekData finds data; see Seeker.
func (c *Crash) SeekData(off int64) (int64, error) { return c.now.SeekData(off) }

// SeekHole finds a hole; see Seeker.
func (c *Crash) SeekHole(off int64) (int64, error) { return c.now.SeekHole(off) }

// Sync marks all earlier writes as being on storage.
func (c *Crash) Sync() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.now.Sync(); err != nil {
		return err
	}
	c.epochs = append(c.epochs, epoch{first: len(c.writes), base: c.now.Clone()})
	return nil
}

// Close ends the use of c as a device. After can still be called.
func (c *Crash) Close() error { return c.now.Close() }

// Writes is the number of writes so far.
func (c *Crash) Writes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.writes)
}

// After is the image that a power failure leaves when it comes after the first n writes and
// before whatever followed them, a sync included. Equal arguments give equal images.
func (c *Crash) After(n int, seed uint64, lost Lost) *Memory {
	c.mu.Lock()
	defer c.mu.Unlock()
	n = min(max(n, 0), len(c.writes))
	e := c.epochs[0]
	for _, later := range c.epochs[1:] {
		if later.first >= n {
			break // this sync had not returned yet
		}
		e = later
	}
	m := e.base.Clone()
	rng := rand.New(rand.NewPCG(seed, uint64(n)))
	for _, w := range c.writes[e.first:n] {
		w.replay(m, rng, lost)
	}
	return m
}

// Synced is the image as of the last sync: what no power failure from now on can take away.
func (c *Crash) Synced() *Memory {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.epochs[len(c.epochs)-1].base.Clone()
}

// replay does to m what survives of w.
func (w write) replay(m *Memory, rng *rand.Rand, lost Lost) {
	switch lost {
	case LostAll:
	case LostNone:
		w.part(m, w.off, w.off+w.n)
	case LostSome:
		if rng.IntN(2) == 0 {
			w.part(m, w.off, w.off+w.n)
		}
	case LostSectors:
		for at := w.off; at < w.off+w.n; {
			end := min(at-at%sector+sector, w.off+w.n)
			if rng.IntN(2) == 0 {
				w.part(m, at, end)
			}
			at = end
		}
	}
}

// part writes the bytes of w from at up to end. w once succeeded, so this cannot fail.
func (w write) part(m *Memory, at, end int64) {
	if w.data == nil {
		_ = m.Punch(at, end-at)
		return
	}
	_, _ = m.WriteAt(w.data[at-w.off:end-w.off], at)
}
