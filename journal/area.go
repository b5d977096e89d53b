package journal

import (
	"fmt"
	"io"

	"github.com/cowfs/cowfs/format"
)

// maxRecord is the number of blocks of the largest record that there can be: 256 KiB, headers
// included or, as mkfs.xfs once wrote them, not.
const maxRecord = format.MaxLogRecord/format.BasicBlock + format.MaxLogRecord/format.LogMinRecord

// inFlight bounds what writers leave unsynced: this many records, each of the largest size at
// most. A crash can damage nothing older than that.
const (
	inFlight       = 8
	inFlightBlocks = inFlight * format.MaxLogRecord / format.BasicBlock
)

// Place is an LSN as text: cycle and block.
func Place(lsn format.LSN) string {
	return fmt.Sprintf("cycle %d, block %d", cycleOf(lsn), blockOf(lsn))
}

func lsnOf(cycle uint32, block int) format.LSN {
	return format.LSN(cycle)<<32 | format.LSN(uint32(block))
}

func cycleOf(lsn format.LSN) uint32 { return uint32(lsn >> 32) }

func blockOf(lsn format.LSN) int { return int(uint32(lsn)) }

// nextCycle and prevCycle leave out the number that would look like a record's magic number.
func nextCycle(c uint32) uint32 {
	if c++; c == format.LogMagic {
		c++
	}
	return c
}

func prevCycle(c uint32) uint32 {
	if c--; c == format.LogMagic {
		c--
	}
	return c
}

// area is the part of an image that the log lies in: a ring of blocks of 512 bytes.
type area struct {
	dev    io.ReaderAt
	g      *format.Geometry
	base   int64 // bytes from the start of the image
	blocks int
}

func newArea(dev io.ReaderAt, size int64, g *format.Geometry) (area, error) {
	if g.LogStart == 0 {
		return area{}, fmt.Errorf("%w: the log is on another device", format.ErrUnsupported)
	}
	a := area{dev: dev, g: g, base: g.Offset(g.LogStart)}
	n := int64(g.LogBlocks) << g.BlockLog
	if a.blocks = int(n >> format.BasicBlockLog); a.blocks < 2*maxRecord {
		return area{}, format.Corrupt("superblock", "logblocks", g.LogBlocks, "room for some records")
	}
	if a.base < 0 || n > size || a.base > size-n {
		return area{}, format.Corrupt("superblock", "logstart", g.LogStart, fmt.Sprintf("a log within the image's %d bytes", size))
	}
	return a, nil
}

// overlaps reports whether n bytes from off touch the log.
func (a *area) overlaps(off, n int64) bool {
	return off < a.base+int64(a.blocks)<<format.BasicBlockLog && off > a.base-n
}

// add is the place n blocks behind lsn.
func (a *area) add(lsn format.LSN, n int) format.LSN {
	cycle, block := cycleOf(lsn), blockOf(lsn)+n
	for ; block >= a.blocks; block -= a.blocks {
		cycle = nextCycle(cycle)
	}
	return lsnOf(cycle, block)
}

// distance is the number of blocks from one place to a later one; -1 when it is no place of the
// log or more than a round ahead.
func (a *area) distance(from, to format.LSN) int {
	f, t := blockOf(from), blockOf(to)
	switch {
	case f >= a.blocks || t >= a.blocks:
		return -1
	case cycleOf(from) == cycleOf(to) && f <= t:
		return t - f
	case nextCycle(cycleOf(from)) == cycleOf(to) && t <= f:
		return a.blocks - f + t
	}
	return -1
}

// read fills p, a whole number of blocks, from block at, going on at the start of the log behind
// its end.
func (a *area) read(p []byte, at int) error {
	n := min(len(p), (a.blocks-at)<<format.BasicBlockLog)
	_, err := a.dev.ReadAt(p[:n], a.base+int64(at)<<format.BasicBlockLog)
	if err == nil && n < len(p) {
		_, err = a.dev.ReadAt(p[n:], a.base)
	}
	if err != nil {
		return fmt.Errorf("read log block %d: %w", at, err)
	}
	return nil
}

// cycleIn is the cycle number of the block b. Every block starts with its own, but for headers,
// where it comes second.
func cycleIn(b []byte) uint32 {
	if first := format.LogExtCycle.Get(b); first != format.LogMagic {
		return first
	}
	return format.LogCycle.Get(b)
}

// cycle reads the cycle number of a block.
func (a *area) cycle(block int) (uint32, error) {
	var b [format.BasicBlock]byte
	err := a.read(b[:], block)
	return cycleIn(b[:]), err
}

// scanUnit is how many blocks are read at once, at least, where many follow each other.
const scanUnit = 2048

// each calls fn with n blocks from block at on, until fn is false.
func (a *area) each(at, n int, fn func(block int, b []byte) bool) error {
	buf := make([]byte, min(n, scanUnit)<<format.BasicBlockLog)
	for done := 0; done < n; {
		piece := buf[:min(len(buf), (n-done)<<format.BasicBlockLog)]
		if err := a.read(piece, (at+done)%a.blocks); err != nil {
			return err
		}
		for off := 0; off < len(piece); off += format.BasicBlock {
			if !fn((at+done)%a.blocks, piece[off:off+format.BasicBlock]) {
				return nil
			}
			done++
		}
	}
	return nil
}
