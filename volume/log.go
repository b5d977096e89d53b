package volume

import (
	"fmt"
	"io"
	"sort"

	"github.com/cowfs/cowfs/format"
)

// LogState says whether a volume's log holds changes that are not in place yet.
type LogState uint8

// The states. A zeroed log, as a repair leaves it, is as good as a clean one.
const (
	LogClean LogState = iota
	LogZeroed
	LogDirty
	LogExternal // on another device, which is not looked at
)

// String names the state.
func (s LogState) String() string {
	return [...]string{"clean", "zeroed", "dirty", "external"}[s]
}

// LogInfo is what the end of a log looks like.
type LogInfo struct {
	State LogState
	Cycle uint32 // of the last record; 0 in a zeroed log
	Head  uint32 // the log block, of 512 bytes, where the next record goes
	Tail  uint32 // the log block where recovery would begin
	// TailCycle is the cycle of the record at Tail.
	TailCycle uint32
	Blocks    uint32 // size of the log in blocks of 512 bytes
}

// ReadLog looks at the log's head.
func (v *Volume) ReadLog() (LogInfo, error) { return readLog(v.under, v.Geo) }

func readLogState(dev io.ReaderAt, g *format.Geometry) (LogState, error) {
	info, err := readLog(dev, g)
	return info.State, err
}

// logReader reads blocks of the log.
type logReader struct {
	dev  io.ReaderAt
	base int64 // bytes
	size int   // log blocks
	buf  [format.BasicBlock]byte
	err  error
}

// readLog finds the head: where the cycle number that every block begins with changes. The
// log is clean when the last record before the head is nothing but the note of an unmount.
// Anything that does not fit this picture counts as dirty.
func readLog(dev io.ReaderAt, g *format.Geometry) (LogInfo, error) {
	if g.LogStart == 0 {
		return LogInfo{State: LogExternal}, nil
	}
	r := &logReader{dev: dev, base: g.Offset(g.LogStart), size: int(int64(g.LogBlocks) << g.BlockLog >> format.BasicBlockLog)}
	info := LogInfo{State: LogDirty, Blocks: uint32(r.size)}
	first, last := r.cycle(0), r.cycle(r.size-1)
	if r.err == nil && first == 0 && last == 0 {
		info.State = LogZeroed
		return info, nil
	}
	head := r.size
	if first != last {
		head = sort.Search(r.size, func(b int) bool { return r.cycle(b) != first })
	}
	info.Head, info.Cycle = uint32(head%r.size), first
	r.lastRecord(head, &info)
	if r.err != nil {
		return info, fmt.Errorf("read the log: %w", r.err)
	}
	return info, nil
}

// block reads one block of the log.
func (r *logReader) block(b int) []byte {
	if r.err == nil {
		_, r.err = r.dev.ReadAt(r.buf[:], r.base+int64(b)<<format.BasicBlockLog)
	}
	if r.err != nil {
		clear(r.buf[:])
	}
	return r.buf[:]
}

// cycle is the cycle number of a block: its first word, or the second in a record's header.
func (r *logReader) cycle(b int) uint32 {
	p := r.block(b)
	if format.LogMagicNo.Get(p) == format.LogMagic {
		return format.LogCycle.Get(p)
	}
	return format.LogMagicNo.Get(p)
}

// maxRecordBlocks is the size of the largest record there can be, in log blocks: 256 KiB and
// the headers for it.
const maxRecordBlocks = (256<<10)/format.BasicBlock + 8

// lastRecord looks at the record that ends at head. It may lie across the end of the log.
func (r *logReader) lastRecord(head int, info *LogInfo) {
	for n := 1; n <= min(maxRecordBlocks, r.size) && r.err == nil; n++ {
		at := (head - n + r.size) % r.size
		p := r.block(at)
		if format.LogMagicNo.Get(p) != format.LogMagic {
			continue
		}
		tail := format.LogTailLSN.Get(p)
		info.Cycle = format.LogCycle.Get(p)
		info.TailCycle, info.Tail = uint32(tail>>32), uint32(tail)
		headers := format.LogHeaders(format.LogSize.Get(p))
		payload := (int64(format.LogLen.Get(p)) + format.BasicBlock - 1) >> format.BasicBlockLog
		if int64(headers)+payload != int64(n) || headers == n || format.LogNumOps.Get(p) != 1 {
			return // cut short, or more than a note
		}
		op := r.block((at + headers) % r.size)
		if format.LogOpFlags.Get(op)&format.LogOpUnmount != 0 && format.LogOpClient.Get(op) == format.LogClientLog {
			info.State = LogClean
		}
		return
	}
}
