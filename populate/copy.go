package populate

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/source"
)

// unitSize is the most that one read-and-write moves, in bytes: large enough for few I/Os,
// small enough to stay in a processor's cache on the way. Units end at multiples of it in the
// image, because hosts like aligned writes best.
const unitSize = 1 << 20

// unit is a run of bytes of the image that is read from files and written at once.
type unit struct {
	off   int64 // in the image
	n     int   // bytes, whole blocks
	parts []part
}

// part is a range of one file within a unit; bytes beyond the file's end stay zero.
type part struct {
	id   source.ID
	off  int64 // in the file
	pos  int   // in the unit
	n    int   // bytes of content
	room int   // bytes of blocks
}

// copyData starts the goroutines that copy file data.
func (p *Plan) copyData(ctx context.Context, g *errgroup.Group, dev device.Device) error {
	clone, err := p.newCloner(dev)
	if err != nil {
		return err
	}
	workers := runtime.GOMAXPROCS(0)
	units := make(chan unit, 2*workers)
	var turn sync.Mutex
	pr := &progress{total: p.bytes, report: p.o.Progress}
	g.Go(func() error {
		defer close(units)
		return p.cutUnits(ctx, units)
	})
	for range workers {
		g.Go(func() error {
			c := copier{p: p, dev: dev, turn: &turn, clone: clone, r: p.t.NewReader()}
			defer c.r.Close()
			for u := range units {
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := c.copy(u); err != nil {
					return err
				}
				pr.add(int64(u.n))
			}
			return nil
		})
	}
	return nil
}

// cutUnits divides the data of all files, in the order in which they lie on the image.
func (p *Plan) cutUnits(ctx context.Context, out chan<- unit) error {
	var u unit
	send := func() error {
		if u.n == 0 {
			return nil
		}
		select {
		case out <- u:
		case <-ctx.Done():
			return ctx.Err()
		}
		u = unit{parts: make([]part, 0, len(u.parts))}
		return nil
	}
	for i := range p.t.Len() {
		id := source.ID(i)
		n := p.t.Node(id)
		if !isReg(n) {
			continue
		}
		var buf [1]piece
		for _, q := range p.piecesOf(id, &buf) {
			if q.unwritten || q.copied {
				continue
			}
			disk, file := p.g.Offset(p.dataBlock(q.place)), int64(q.off)<<p.g.BlockLog
			for left := int64(q.count) << p.g.BlockLog; left > 0; {
				if u.n > 0 && (u.off+int64(u.n) != disk || disk%unitSize == 0) {
					if err := send(); err != nil {
						return err
					}
				}
				if u.n == 0 {
					u.off = disk
				}
				room := min(left, unitSize-disk%unitSize)
				u.parts = append(u.parts, part{id: id, off: file, pos: u.n, n: int(max(0, min(room, n.Size-file))), room: int(room)})
				u.n += int(room)
				disk, file, left = disk+room, file+room, left-room
			}
		}
	}
	return send()
}

// copier copies units; one for each goroutine.
type copier struct {
	p     *Plan
	dev   device.Device
	turn  *sync.Mutex
	clone *cloner // nil: never
	r     source.Reader
	buf   []byte
}

func (c *copier) copy(u unit) error {
	if c.buf == nil {
		c.buf = make([]byte, unitSize)
	}
	if c.clone != nil {
		return c.cloneUnit(u)
	}
	return c.readWrite(u.off, u.parts)
}

// readWrite reads parts that follow one another and writes them at off.
func (c *copier) readWrite(off int64, parts []part) error {
	first := parts[0].pos
	end := first
	for _, q := range parts {
		b := c.buf[q.pos-first:][:q.room]
		if err := c.r.ReadAt(q.id, b[:q.n], q.off); err != nil {
			return err
		}
		clear(b[q.n:])
		end = q.pos + q.room
	}
	// The host takes writes to one file one at a time; waiting here costs no processor time.
	c.turn.Lock()
	defer c.turn.Unlock()
	_, err := c.dev.WriteAt(c.buf[:end-first], off)
	return err
}

// cloneUnit shares whole blocks with the source files and copies what is left.
func (c *copier) cloneUnit(u unit) error {
	for _, q := range u.parts {
		whole := q.n &^ (c.p.g.BlockSize - 1)
		if whole > 0 {
			ok, err := c.clone.try(c.r, q, u.off+int64(q.pos), int64(whole))
			if err != nil {
				return fmt.Errorf("%s: %w", c.p.t.Path(q.id), err)
			}
			if !ok {
				whole = 0
			}
		}
		if whole < q.room {
			q.off, q.pos, q.n, q.room = q.off+int64(whole), q.pos+whole, q.n-whole, q.room-whole
			if err := c.readWrite(u.off+int64(q.pos), []part{q}); err != nil {
				return err
			}
		}
	}
	return nil
}

// cloner shares blocks between source files and the image.
type cloner struct {
	dev    device.Cloner
	always bool
	done   atomic.Int64 // ranges cloned
	missed atomic.Int64 // ranges that could not be
}

// enoughMisses is how many failures in a row, from the start, show that the host can't clone.
const enoughMisses = 16

// newCloner returns nil when data is to be copied.
func (p *Plan) newCloner(dev device.Device) (*cloner, error) {
	d, ok := dev.(device.Cloner)
	switch {
	case p.o.Clone == CloneNever:
		return nil, nil
	case !ok && p.o.Clone == CloneAlways:
		return nil, device.ErrCannotClone
	case !ok:
		return nil, nil
	}
	return &cloner{dev: d, always: p.o.Clone == CloneAlways}, nil
}

// try clones n bytes of a part to off; not ok means that they must be copied.
func (c *cloner) try(r source.Reader, q part, off, n int64) (ok bool, err error) {
	if c.done.Load() == 0 && c.missed.Load() >= enoughMisses && !c.always {
		return false, nil
	}
	err = device.ErrCannotClone
	if fd, base, ok := r.Host(q.id); ok {
		err = c.dev.CloneRange(off, fd, base+q.off, n)
	}
	switch {
	case err == nil:
		c.done.Add(1)
		return true, nil
	case errors.Is(err, device.ErrCannotClone) && !c.always:
		c.missed.Add(1)
		return false, nil
	}
	return false, err
}

// progress sums up what several goroutines do.
type progress struct {
	mu          sync.Mutex
	done, total int64
	report      func(done, total int64)
}

func (p *progress) add(n int64) {
	if p.report == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	p.report(p.done, p.total)
}
