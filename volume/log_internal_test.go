package volume

import (
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
)

// logImage is a device with nothing but a log.
func logImage() (*device.Memory, *format.Geometry) {
	return device.NewMemory(16 << 20), &format.Geometry{
		BlockSize: 4096, BlockLog: 12, AGBlocks: 4096, AGBlkLog: 12, AGCount: 1, DBlocks: 4096, LogStart: 16, LogBlocks: 256,
	}
}

// The log that our own mkfs writes is clean, with and without a stripe unit.
func TestFreshLogIsClean(t *testing.T) {
	for _, unit := range []uint32{0, 4096, 32768, 262144} {
		dev, g := logImage()
		if info, _, err := readLog(dev, g); err != nil || info.State != LogZeroed {
			t.Errorf("zeroes: %+v, %v", info, err)
		}
		g.LogSUnit = unit
		b := format.CleanLog(g)
		if _, err := dev.WriteAt(b, g.Offset(g.LogStart)); err != nil {
			t.Fatal(err)
		}
		info, _, err := readLog(dev, g)
		if want := (LogInfo{State: LogClean, Cycle: 1, TailCycle: 1, Head: uint32(len(b) / 512), Blocks: 2048}); err != nil || info != want {
			t.Errorf("stripe unit %d: %+v, %v, want %+v", unit, info, err, want)
		}
	}
}

// A volume with a damaged log can be opened for reading, and its log is not called clean.
func TestDamagedLogState(t *testing.T) {
	dev, g := logImage()
	b := make([]byte, 1<<20)
	for i := range b {
		b[i] = byte(i*i>>7 + i)
	}
	if _, err := dev.WriteAt(b, g.Offset(g.LogStart)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := readLog(dev, g); err == nil {
		t.Error("garbage is taken for a log")
	}
	v := &Volume{under: dev, Geo: g}
	if err := v.openLog(); v.Log != LogDirty || err != nil {
		t.Errorf("the state of garbage: %v, %v", v.Log, err)
	}
	if info, _, err := readLog(nil, &format.Geometry{BlockSize: 4096, BlockLog: 12}); err != nil || info.State != LogExternal {
		t.Errorf("an external log: %+v, %v", info, err)
	}
}
