package volume

import (
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
)

// logImage is a device with nothing but a log, of n blocks of 512 bytes.
type logImage struct {
	*device.Memory
	g *format.Geometry
	n int
}

func newLogImage(n int) *logImage {
	g := &format.Geometry{BlockSize: 4096, BlockLog: 12, AGBlocks: 4096, AGBlkLog: 12, AGCount: 1, DBlocks: 4096, LogStart: 16, LogBlocks: uint32(n / 8)}
	return &logImage{device.NewMemory(16 << 20), g, n}
}

func (l *logImage) put(t *testing.T, at int, b []byte) {
	t.Helper()
	for len(b) > 0 { // a record goes on at the beginning of the log
		if _, err := l.WriteAt(b[:512], l.g.Offset(l.g.LogStart)+int64(at%l.n)*512); err != nil {
			t.Fatal(err)
		}
		at, b = at+1, b[512:]
	}
}

// fill sets the cycle of blocks from one to another.
func (l *logImage) fill(t *testing.T, from, to int, cycle uint32) {
	for at := from; at < to; at++ {
		b := make([]byte, 512)
		format.LogExtCycle.Put(b, cycle)
		l.put(t, at, b)
	}
}

// record writes a record of some payload blocks at a place. cycles are of its header and, from
// the first block of a new round on, of the rest.
func (l *logImage) record(t *testing.T, at, payload int, cycle uint32, unmount bool) {
	b := make([]byte, 512*(1+payload))
	format.LogMagicNo.Put(b, format.LogMagic)
	format.LogCycle.Put(b, cycle)
	format.LogVersionNo.Put(b, format.LogVersion)
	format.LogLen.Put(b, uint32(payload*512))
	format.LogSize.Put(b, format.LogMinRecord)
	format.LogTailLSN.Put(b, format.LSN(cycle)<<32|7)
	ops := uint32(5)
	if unmount {
		ops = 1
		format.LogOpFlags.Put(b[512:], format.LogOpUnmount)
		format.LogOpClient.Put(b[512:], format.LogClientLog)
	}
	format.LogNumOps.Put(b, ops)
	for i := 1; i <= payload; i++ {
		c := cycle
		if at+i >= l.n {
			c++
		}
		format.LogExtCycle.Put(b[512*i:], c)
	}
	l.put(t, at, b)
}

func TestReadLog(t *testing.T) {
	const n = 1024
	for name, c := range map[string]struct {
		make  func(t *testing.T, l *logImage)
		state LogState
		head  uint32
	}{
		"zeroed":      {func(*testing.T, *logImage) {}, LogZeroed, 0},
		"first round": {func(t *testing.T, l *logImage) { l.record(t, 0, 4, 1, false); l.record(t, 5, 1, 1, true) }, LogClean, 7},
		"busy":        {func(t *testing.T, l *logImage) { l.record(t, 0, 1, 1, true); l.record(t, 2, 4, 1, false) }, LogDirty, 7},
		"later round": {func(t *testing.T, l *logImage) {
			l.fill(t, 0, n, 4)
			l.fill(t, 0, 300, 5)
			l.record(t, 298, 1, 5, true)
		}, LogClean, 300},
		"busy later": {func(t *testing.T, l *logImage) {
			l.fill(t, 0, n, 4)
			l.fill(t, 0, 300, 5)
			l.record(t, 280, 19, 5, false)
		}, LogDirty, 300},
		"at the end":     {func(t *testing.T, l *logImage) { l.fill(t, 0, n, 4); l.record(t, n-2, 1, 4, true) }, LogClean, 0},
		"across the end": {func(t *testing.T, l *logImage) { l.fill(t, 0, n, 4); l.record(t, n-1, 1, 4, true) }, LogClean, 1},
		"busy across":    {func(t *testing.T, l *logImage) { l.fill(t, 0, n, 4); l.record(t, n-3, 6, 4, false) }, LogDirty, 4},
		"stripe unit":    {func(t *testing.T, l *logImage) { l.record(t, 0, 63, 1, true) }, LogClean, 64},
		"cut short":      {func(t *testing.T, l *logImage) { l.record(t, 0, 8, 1, true); l.fill(t, 4, 9, 0) }, LogDirty, 4},
		"no record":      {func(t *testing.T, l *logImage) { l.fill(t, 0, 600, 3) }, LogDirty, 600},
		"stamped ahead": {func(t *testing.T, l *logImage) { // as a mount leaves it: headers of the cycle before
			l.record(t, 0, 1, 1, true)
			for at := 2; at < 500; at++ {
				b := make([]byte, 512)
				format.LogMagicNo.Put(b, format.LogMagic)
				l.put(t, at, b)
			}
		}, LogClean, 2},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLogImage(n)
			c.make(t, l)
			info, err := readLog(l, l.g)
			if err != nil || info.State != c.state || info.Head != c.head {
				t.Errorf("%+v, %v, want state %v and head %d", info, err, c.state, c.head)
			}
		})
	}
	external := &format.Geometry{BlockSize: 4096, BlockLog: 12}
	if info, err := readLog(nil, external); err != nil || info.State != LogExternal {
		t.Errorf("an external log: %+v, %v", info, err)
	}
}

// The log that our own mkfs writes is clean, with and without a stripe unit.
func TestFreshLogIsClean(t *testing.T) {
	for _, unit := range []uint32{0, 4096, 32768, 262144} {
		l := newLogImage(2048)
		l.g.LogSUnit = unit
		b := format.CleanLog(l.g)
		l.put(t, 0, b)
		if info, err := readLog(l, l.g); err != nil || info.State != LogClean || int(info.Head) != len(b)/512 {
			t.Errorf("stripe unit %d: %+v, %v", unit, info, err)
		}
	}
}
