package spacetest

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/journal"
	"github.com/cowfs/cowfs/populate"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/txn"
)

// Volume is a volume in memory, open for transactions.
type Volume struct {
	Dev    *device.Memory
	Geo    *format.Geometry
	Store  *txn.Store
	Groups *space.Groups
}

// New makes an empty volume.
func New(t testing.TB, g *format.Geometry) *Volume {
	t.Helper()
	dev := device.NewMemory(int64(g.DBlocks) << g.BlockLog)
	plan, err := populate.NewPlan(context.Background(), populate.Options{Geo: g})
	if err == nil {
		err = plan.Write(context.Background(), dev)
	}
	if err != nil {
		t.Fatal(err)
	}
	return Open(t, dev)
}

// Load copies an image into memory and opens it.
func Load(t testing.TB, path string) *Volume {
	t.Helper()
	f, err := device.Open(path, device.ReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dev := device.NewMemory(f.Size())
	copyTo(t, dev, f)
	return Open(t, dev)
}

// data is a device that knows where it has data.
type data interface {
	device.Device
	device.Seeker
}

// copyTo copies all data.
func copyTo(t testing.TB, to io.WriterAt, from data) {
	t.Helper()
	b := make([]byte, 1<<20)
	for end := int64(0); ; {
		off, err := from.SeekData(end)
		if errors.Is(err, io.EOF) {
			return
		}
		if err == nil {
			end, err = from.SeekHole(off)
		}
		for ; err == nil && off < end; off += int64(len(b)) {
			p := b[:min(int64(len(b)), end-off)]
			if _, err = from.ReadAt(p, off); err == nil {
				_, err = to.WriteAt(p, off)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Open opens a volume whose log is clean.
func Open(t testing.TB, dev *device.Memory) *Volume {
	t.Helper()
	sb := make([]byte, 4096)
	if _, err := dev.ReadAt(sb, 0); err != nil {
		t.Fatal(err)
	}
	g, err := format.GeometryOf(sb)
	if err != nil {
		t.Fatal(err)
	}
	log, err := journal.Open(dev, g)
	if err != nil {
		t.Fatal(err)
	}
	w, err := journal.NewWriter(log, journal.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return &Volume{Dev: dev, Geo: g, Store: txn.NewStore(dev, g, txn.NewLog(w)), Groups: space.New(g)}
}

// Begin opens a transaction.
func (v *Volume) Begin(t testing.TB) *txn.Tx {
	t.Helper()
	tx, err := v.Store.Begin()
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// Commit ends a transaction.
func Commit(t testing.TB, tx *txn.Tx) {
	t.Helper()
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

// Close brings the superblock's counters up to date and closes the store.
func (v *Volume) Close(t testing.TB) {
	t.Helper()
	tx := v.Begin(t)
	c, err := space.Count(tx)
	if err != nil {
		t.Fatal(err)
	}
	sb, err := tx.Read(0, format.TypeSuperblock, format.NullPlace)
	if err != nil {
		t.Fatal(err)
	}
	c.Put(tx.Change(sb, 0, format.Superblock.Size))
	Commit(t, tx)
	if err := v.Store.Close(); err != nil {
		t.Fatal(err)
	}
}

// Save writes the volume to a file and returns its path.
func (v *Volume) Save(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image")
	f, err := device.Create(path, v.Dev.Size())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	copyTo(t, f, v.Dev)
	return path
}
