package check

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/journal"
	"github.com/cowfs/cowfs/volume"
)

// openLog looks at the log. When it holds changes, the image is checked as a mount would make it:
// the changes are replayed over the image, unfinished ones finished, and inodes without names freed.
// Where that can't be done, the replay alone is, or nothing.
func (c *checker) openLog(v *volume.Volume) error {
	at := NullPlace
	if v.Geo.LogStart == 0 {
		c.incomplete()
		c.report(Finding{Code: LogExternal, Structure: "superblock", Field: "logstart", Place: at, Got: "0"})
		return nil
	}
	at = AtBlock(v.Geo.AG(v.Geo.LogStart), v.Geo.AGB(v.Geo.LogStart), v.Geo.LogBlocks)
	l, err := journal.Open(c.dev, v.Geo)
	switch {
	case errors.Is(err, format.ErrCorrupt):
		c.incomplete()
		c.report(Finding{Code: LogDamaged, Structure: "log", Place: at, Got: strings.TrimPrefix(err.Error(), "log: ")})
		return nil
	case err != nil:
		return err
	}
	c.head = l.Head
	if l.State == journal.Zeroed {
		c.head = firstLSN
	}
	if l.State != journal.Dirty {
		return nil
	}
	c.dirty = true
	return c.replay(v, l, at)
}

// firstLSN is where a log that was zeroed begins again.
const firstLSN format.LSN = 1 << 32

// replayMemory is how much of what a replay changes is kept in memory, in bytes: what it changes again
// and again. A replay that finds the rest in a file takes hardly longer.
const replayMemory = 4 << 20

// lay lays an empty layer over the image, for a replay.
func (c *checker) lay() *device.Overlay {
	c.forget()
	c.layer = c.opt.Overlay(c.dev, replayMemory)
	return c.layer
}

// forget takes back what a replay has done.
func (c *checker) forget() {
	if c.layer != nil {
		_ = c.layer.Forget() // of what is not needed any more
	}
}

func (c *checker) replay(v *volume.Volume, l *journal.Log, at Place) error {
	w, err := volume.OpenWriter(c.lay(), volume.Options{Replay: true, InMemory: true})
	if err == nil {
		if err = w.Sync(); err == nil {
			c.use(w.Volume, w.Device())
			if l, err := journal.Open(w.Device(), w.Geo); err == nil {
				c.head = max(c.head, l.Head)
			}
			return nil
		}
	}
	if errors.Is(err, device.ErrSpill) {
		return err // which says nothing of the log
	}
	why := err
	over := c.lay()
	r, err := journal.Replay(l, over)
	switch {
	case errors.Is(err, device.ErrSpill):
		return err
	case err != nil:
		c.incomplete()
		c.report(Finding{Code: LogNotReplayed, Structure: "log", Place: at, Got: err.Error()})
		return nil
	}
	replayed, err := volume.Open(over, volume.Options{})
	if err != nil {
		return fmt.Errorf("after the replay of the log: %w", err)
	}
	c.use(replayed, over)
	if len(r.Intents) > 0 {
		c.incomplete()
		c.report(Finding{
			Code: LogUnfinished, Structure: "log", Place: at, Got: fmt.Sprintf("%d, the first is %v", len(r.Intents), r.Intents[0]),
			Note: why.Error(),
		})
	}
	return nil
}

// use makes a volume the one that is checked.
func (c *checker) use(v *volume.Volume, dev device.Device) {
	c.geo, c.sb, c.dev = v.Geo, v.Superblock()[:v.Geo.SectSize], dev
	c.src = v.Source()
	c.src.Dev = dev
}

// ahead is what metadata was found that claims to be newer than the log.
type ahead struct {
	mu        sync.Mutex
	n         int
	lsn       format.LSN // the newest
	structure string
	at        Place
}

// checkLSN judges the LSN of a block of some type: the log can't have written it yet when it lies
// ahead of the log's end. All of them have one cause, so they become one finding.
func (c *checker) checkLSN(typ *format.BlockType, b []byte, at Place) {
	if typ.LSN == format.NoField {
		return
	}
	lsn := typ.LSN.Get(b)
	if c.head == 0 || lsn <= c.head || lsn == math.MaxUint64 || c.quiet {
		return
	}
	c.ahead.mu.Lock()
	defer c.ahead.mu.Unlock()
	c.ahead.n++
	if lsn > c.ahead.lsn || lsn == c.ahead.lsn && order(Finding{Place: at, Code: LogBehind}, Finding{Place: c.ahead.at, Code: LogBehind}) < 0 {
		c.ahead.lsn, c.ahead.structure, c.ahead.at = lsn, typ.Name, at
	}
}

// reportAhead tells of what checkLSN has found.
func (c *checker) reportAhead() {
	a := &c.ahead
	if a.n == 0 {
		return
	}
	c.report(Finding{
		Code: LogBehind, Structure: a.structure, Field: "lsn", Place: a.at,
		Got: journal.Place(a.lsn), Want: "not after " + journal.Place(c.head), Note: fmt.Sprintf("%d structures are ahead", a.n),
	})
}

// cleanLog judges what must be so when there is nothing in the log.
func (w *worker) cleanLog() {
	if f := format.SBLogIncompat.Get(w.sb) &^ format.LogPendingCow; f != 0 && !w.dirty && !w.copied {
		w.report(Finding{
			Code: LogFeature, Structure: "superblock", Field: "features_log_incompat", Place: AtBlock(0, 0, 1), Got: hex(f), Want: "0x0",
		})
	}
}
