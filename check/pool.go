package check

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/cowfs/cowfs/format"
)

// unit is a piece of work that one worker does. Units of a stage run in any order and side by
// side, so they are small, and none waits for another.
type unit func(w *worker)

// worker is what one goroutine has for itself. The same workers serve all stages.
type worker struct {
	*checker
	stats Stats
	sums  []groupSums // by group: who owns what
	found []ownerList // by group, only while the owners of some groups are collected
	tree  treeBufs
	files fileBufs
	hint  int // of the last search among shared blocks

	queue  *queue
	unsaid int64 // bytes read that Progress was not told of
}

// queue holds the units of a stage that nobody has begun. Those that units add come first, so
// that what was begun is ended before memory is taken for more.
type queue struct {
	mu      sync.Mutex
	changed sync.Cond
	units   []unit // taken from the end
	running int
}

func newQueue(units []unit) *queue {
	q := &queue{}
	q.changed.L = &q.mu
	for i := len(units) - 1; i >= 0; i-- {
		q.units = append(q.units, units[i])
	}
	return q
}

// next returns a unit to do; ok is false when all are done.
func (q *queue) next() (u unit, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.units) == 0 && q.running > 0 {
		q.changed.Wait()
	}
	if len(q.units) == 0 {
		return nil, false
	}
	u = q.units[len(q.units)-1]
	q.units = q.units[:len(q.units)-1]
	q.running++
	return u, true
}

// done ends a unit that next gave.
func (q *queue) done() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running--
	q.changed.Broadcast()
}

// add has some worker of the stage do u. It may be called by units.
func (w *worker) add(u unit) {
	w.queue.mu.Lock()
	defer w.queue.mu.Unlock()
	w.queue.units = append(w.queue.units, u)
	w.queue.changed.Signal()
}

// stage does units with all workers and returns when they are done, or the run is to end.
func (c *checker) stage(ctx context.Context, name string, units []unit) {
	c.stageName.Store(name)
	q := newQueue(units)
	var all sync.WaitGroup
	for _, w := range c.workers {
		w.queue = q
		all.Add(1)
		go func() {
			defer all.Done()
			for !c.stopped() {
				u, ok := q.next()
				if !ok {
					return
				}
				u(w)
				q.done()
				if ctx.Err() != nil {
					c.stop.Store(true)
				}
				w.tell()
			}
		}()
	}
	all.Wait()
}

// stopped reports whether the run is to end early. Long loops ask.
func (c *checker) stopped() bool { return c.stop.Load() }

// progressStep is how many bytes are read before Progress is told.
const progressStep = 4 << 20

// expect adds to the number of bytes that the run is going to read.
func (c *checker) expect(n int64) { c.total.Add(n) }

// read fills b from a place of the volume, in bytes. Where that fails, it is reported, as
// something about the place at, and ok is false: what should be there is left out.
func (w *worker) read(b []byte, off int64, at Place) (ok bool) {
	n, err := w.dev.ReadAt(b, off)
	w.count(n)
	if err == nil {
		return true
	}
	w.incomplete()
	if !errors.Is(err, io.ErrUnexpectedEOF) { // that the image is cut short is said once
		w.report(Finding{Code: DeviceUnreadable, Place: at, Got: err.Error()})
	}
	return false
}

// count takes note of n bytes that were read.
func (w *worker) count(n int) {
	w.bytes.Add(int64(n))
	if w.unsaid += int64(n); w.unsaid >= progressStep {
		w.tell()
	}
}

// tell tells Progress how far the run is.
func (w *worker) tell() {
	if w.unsaid == 0 || w.opt.Progress == nil {
		return
	}
	w.unsaid = 0
	done := w.bytes.Load()
	name, _ := w.stageName.Load().(string)
	w.opt.Progress(name, done, max(done, w.total.Load()))
}

// report takes a finding of any pass.
func (c *checker) report(f Finding) {
	if !c.quiet && c.opt.wants(&f) {
		c.out.report(f)
	}
}

// corrupt reports what a decoder or package format's Verify has refused. An error of another
// class, which these never give, is one of the program.
func (c *checker) corrupt(code *Code, err error, at Place) {
	var e *format.CorruptError
	if !errors.As(err, &e) {
		e = &format.CorruptError{Got: err.Error()}
	}
	c.report(Finding{Code: code, Structure: e.Structure, Field: e.Field, Place: at, Got: e.Got, Want: e.Want})
}

// incomplete says that a part of the image was not judged.
func (c *checker) incomplete() { c.partial.Store(true) }
