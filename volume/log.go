package volume

import (
	"errors"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/journal"
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
	Tail  uint32 // the log block where recovery would begin; in a clean log that of the last record
	// TailCycle is the cycle of the record at Tail.
	TailCycle uint32
	Blocks    uint32 // size of the log in blocks of 512 bytes
}

// OpenLog opens the log as it lies on the device, also when it was replayed in memory.
func (v *Volume) OpenLog() (*journal.Log, error) { return journal.Open(v.under, v.Geo) }

// ReadLog looks at the log's head. A log that is damaged is a format.ErrCorrupt.
func (v *Volume) ReadLog() (LogInfo, error) {
	info, _, err := readLog(v.under, v.Geo)
	return info, err
}

// readLog gives no log, and no error, where it is on another device.
func readLog(dev device.Device, g *format.Geometry) (LogInfo, *journal.Log, error) {
	if g.LogStart == 0 {
		return LogInfo{State: LogExternal}, nil, nil
	}
	l, err := journal.Open(dev, g)
	if err != nil {
		return LogInfo{State: LogDirty}, nil, err
	}
	tail := l.Tail
	if l.State == journal.Clean {
		tail = l.Last
	}
	return LogInfo{
		State: logStates[l.State], Cycle: uint32(l.Last >> 32), Head: uint32(l.Head),
		Tail: uint32(tail), TailCycle: uint32(tail >> 32), Blocks: uint32(l.Blocks),
	}, l, nil
}

var logStates = map[journal.State]LogState{journal.Clean: LogClean, journal.Dirty: LogDirty, journal.Zeroed: LogZeroed}

// openLog looks at the log of a volume that is being opened: one that is damaged counts as dirty, so that
// the rest can be looked at.
func (v *Volume) openLog() error {
	info, l, err := readLog(v.under, v.Geo)
	v.Log, v.log = info.State, l
	if errors.Is(err, format.ErrCorrupt) {
		err = nil
	}
	return err
}
