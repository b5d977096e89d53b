package metadump

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/journal"
	"github.com/cowfs/cowfs/volume"
)

// Options say what a dump is to hold; the zero value is a dump with real names.
type Options struct {
	Obfuscate bool // replace names, values of attributes and targets of links
	Full      bool // keep what is left over in blocks; not together with Obfuscate
	// Seed, if not nil, makes the key of obfuscation, so that the dump can be made again. Who knows
	// it can try out names.
	Seed *uint64
}

// Report tells what a dump holds.
type Report struct {
	Blocks  uint64 // pieces of metadata
	Bytes   uint64 // of metadata and log
	Missing []error
}

// maxMissing is how many errors a report keeps.
const maxMissing = 100

// ErrDirtyLog says that names can't be obfuscated, as the log holds some.
var ErrDirtyLog = errors.New("the log is dirty and holds names; replay it first")

// dumper writes a dump.
type dumper struct {
	ctx    context.Context
	v      *volume.Volume
	w      *bufio.Writer
	report Report
}

// Dump writes the metadata of a volume, as the volume shows it: with a log that was replayed in
// memory, as after the replay. What could not be read is in the report, and the dump goes on.
func Dump(ctx context.Context, v *volume.Volume, out io.Writer, o Options) (*Report, error) {
	if o.Obfuscate && o.Full {
		return nil, errors.New("what is left over in blocks can't be obfuscated")
	}
	if o.Obfuscate && v.Geo.HasASCIICI() {
		return nil, fmt.Errorf("%w: names whose case does not count, for obfuscation", format.ErrUnsupported)
	}
	if o.Obfuscate && v.Log == volume.LogDirty {
		return nil, ErrDirtyLog
	}
	d := &dumper{ctx: ctx, v: v, w: bufio.NewWriterSize(out, 1<<20)}
	c := &cleaner{v: v, full: o.Full}
	if o.Obfuscate {
		key := make([]byte, 32)
		if o.Seed != nil {
			key = keyOf(*o.Seed)
		} else if _, err := rand.Read(key); err != nil {
			return nil, err
		}
		c.names = newNamer(key)
	}
	if err := d.header(o); err != nil {
		return nil, err
	}
	if err := d.metadata(c); err != nil {
		return nil, err
	}
	if err := d.log(o.Obfuscate); err != nil {
		return nil, err
	}
	return &d.report, d.w.Flush()
}

func (d *dumper) header(o Options) error {
	b := make([]byte, format.Metadump2.Size)
	format.Metadump2MagicNo.Put(b, format.Metadump2Magic)
	format.Metadump2Version.Put(b, 2)
	var flags format.MetadumpFlag
	if o.Obfuscate {
		flags |= format.MetadumpObfuscated
	}
	if o.Full {
		flags |= format.MetadumpFullBlocks
	}
	if d.v.Log == volume.LogDirty {
		flags |= format.MetadumpDirtyLog
	}
	format.Metadump2Flags.Put(b, flags)
	_, err := d.w.Write(b)
	return err
}

func (d *dumper) miss(err error) {
	if len(d.report.Missing) < maxMissing {
		d.report.Missing = append(d.report.Missing, err)
	}
}

func (d *dumper) metadata(c *cleaner) error {
	for m, err := range d.v.Metadata(d.ctx) {
		if cerr := d.ctx.Err(); cerr != nil {
			return cerr
		}
		if err != nil {
			d.miss(err)
			continue
		}
		b, err := d.v.ReadMeta(m)
		if err != nil {
			d.miss(err)
			continue
		}
		if err := c.block(m, b); err != nil {
			d.miss(err)
			if c.names != nil && m.Type != format.TypeInode {
				continue
			}
		}
		d.report.Blocks++
		for _, r := range m.Ranges {
			if err := d.extent(r.Off, b[:r.Len]); err != nil {
				return err
			}
			b = b[r.Len:]
		}
	}
	return nil
}

// extent writes bytes and where they belong.
func (d *dumper) extent(off int64, b []byte) error {
	head := make([]byte, format.MetadumpExtent.Size)
	format.MetadumpExtentAddr.Put(head, uint64(off>>format.BasicBlockLog))
	format.MetadumpExtentLen.Put(head, uint32(len(b)>>format.BasicBlockLog))
	d.report.Bytes += uint64(len(b))
	_, err := d.w.Write(head)
	if err == nil {
		_, err = d.w.Write(b)
	}
	return err
}

// log writes the log: as it is when the volume is shown as it is on the device, or else an empty
// one in a later cycle, so that no LSN is ahead of it.
func (d *dumper) log(empty bool) error {
	g := d.v.Geo
	if g.LogStart == 0 {
		return nil
	}
	dev := d.v.Device()
	if empty || d.v.Replayed {
		info, err := d.v.ReadLog()
		if err != nil {
			return err
		}
		cycle := info.Cycle + 2 // a replay in memory may have begun the next one
		if fresh(info) {
			cycle = 1
		}
		mem := device.NewMemory(int64(g.DBlocks) << g.BlockLog)
		if err := journal.Reset(mem, g, cycle); err != nil {
			return err
		}
		dev = mem
	}
	base, size := g.Offset(g.LogStart), int64(g.LogBlocks)<<g.BlockLog
	buf := make([]byte, 1<<20)
	for off := int64(0); off < size; {
		if err := d.ctx.Err(); err != nil {
			return err
		}
		b := buf[:min(int64(len(buf)), size-off)]
		if _, err := dev.ReadAt(b, base+off); err != nil {
			return err
		}
		if err := d.sparse(base+off, b); err != nil {
			return err
		}
		off += int64(len(b))
	}
	return nil
}

// fresh reports whether a log is as mkfs left it.
func fresh(info volume.LogInfo) bool {
	return info.State == volume.LogClean && info.Cycle == 1 && info.Tail == 0
}

// sparse writes those parts of b that are not zero.
func (d *dumper) sparse(off int64, b []byte) error {
	const unit = 4096
	for from := 0; from < len(b); {
		to := from
		for to < len(b) && !zero(b[to:min(to+unit, len(b))]) {
			to = min(to+unit, len(b))
		}
		if to > from {
			if err := d.extent(off+int64(from), b[from:to]); err != nil {
				return err
			}
		}
		from = to + unit
	}
	return nil
}
