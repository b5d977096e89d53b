package refcount_test

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/refcount"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/space/spacetest"
	"github.com/cowfs/cowfs/txn"
)

// damaged is a volume with trees of some height, and where its metadata lies.
type damaged struct {
	dev    *device.Memory
	geo    *format.Geometry
	blocks []int64       // bytes from the start
	some   []space.Owner // owners of extents
	at     []space.Extent
	staged []space.Extent
}

func prepare(t testing.TB) *damaged {
	t.Helper()
	c := mkfs.Config{Size: 32 << 20, BlockSize: 1024, AGCount: 2}
	g, err := c.Geometry()
	if err != nil {
		t.Fatal(err)
	}
	v := spacetest.New(t, g)
	counts := refcount.New(v.Geo, v.Groups)
	d := &damaged{dev: v.Dev, geo: v.Geo}
	for i := range 400 {
		tx := v.Begin(t)
		o := space.ForkOwner(format.Ino(5000+i%7), false, format.FileOff(i)<<10, false)
		e, err := v.Groups.Alloc(tx, space.Request{Min: 4, Only: true, Owner: o})
		if err == nil && i%2 == 0 {
			_, err = counts.Increase(tx, e)
		}
		if err == nil && i%2 == 0 {
			err = v.Groups.Map(tx, e, space.Owner{ID: o.ID + 100, Offset: o.Offset})
		}
		if err == nil && i%3 == 0 {
			var s space.Extent
			s, err = counts.AllocStaging(tx, space.Request{Min: 1, Only: true})
			d.staged = append(d.staged, s)
		}
		if err == nil && i%10 == 1 {
			err = v.Groups.Free(tx, e, o, true)
		} else {
			d.some, d.at = append(d.some, o), append(d.at, e)
		}
		if err != nil {
			t.Fatal(err)
		}
		spacetest.Commit(t, tx)
	}
	for _, a := range spacetest.Judge(t, v.Store.View(), v.Geo) {
		for s := 1; s < 4; s++ {
			d.blocks = append(d.blocks, v.Geo.SectorOffset(a.No, s))
		}
		for _, owner := range []uint64{format.OwnAG, format.OwnRefc} {
			for _, b := range a.Trees[owner] {
				d.blocks = append(d.blocks, v.Geo.AGOffset(a.No, b))
			}
		}
	}
	v.Close(t)
	return d
}

// FuzzDamage changes bytes of a volume's metadata, with checksums that are right again, and has
// space allocated, shared, staged and freed. Nothing may panic or run for ever, and each error is
// one that callers can expect.
func FuzzDamage(f *testing.F) {
	d := prepare(f)
	f.Add([]byte{})
	f.Add([]byte{0, 0, 48, 77})
	f.Add([]byte{0, 3, 5, 255, 0, 1, 40, 200})
	f.Add([]byte{0, 9, 60, 1, 0, 12, 61, 9, 0, 20, 100, 0})
	f.Fuzz(func(t *testing.T, edits []byte) {
		dev := d.dev.Clone()
		for ; len(edits) >= 4; edits = edits[4:] {
			damage(t, d, dev, int(binary.BigEndian.Uint16(edits)), int(edits[2]), edits[3])
		}
		d.use(t, spacetest.Open(t, dev))
	})
}

// damage changes byte at of a block; larger blocks have some at several places.
func damage(t *testing.T, d *damaged, dev *device.Memory, block, at int, to byte) {
	t.Helper()
	off := d.blocks[block%len(d.blocks)]
	b := make([]byte, d.geo.BlockSize)
	if _, err := dev.ReadAt(b, off); err != nil {
		t.Fatal(err)
	}
	typ := format.Detect(d.geo, b)
	if typ == nil {
		return
	}
	b = b[:typ.Len(d.geo, b)]
	if block >= 1<<15 {
		at = at * len(b) / 256
	}
	b[at%len(b)] = to
	typ.SetChecksum(b)
	if _, err := dev.WriteAt(b, off); err != nil {
		t.Fatal(err)
	}
}

// use does a bit of everything, each in a transaction of its own.
func (d *damaged) use(t *testing.T, v *spacetest.Volume) {
	counts := refcount.New(v.Geo, v.Groups)
	do := func(name string, op func(tx *txn.Tx) error) {
		tx := v.Begin(t)
		err := op(tx)
		switch {
		case err == nil:
			spacetest.Commit(t, tx)
			return
		case errors.Is(err, format.ErrCorrupt), errors.Is(err, space.ErrNoSpace), errors.Is(err, space.ErrBusy), errors.Is(err, space.ErrShort):
		default:
			t.Errorf("%s: %v", name, err)
		}
		tx.Cancel()
	}
	for i := 0; i < len(d.at); i += 17 {
		e, o := d.at[i], d.some[i]
		do("alloc", func(tx *txn.Tx) error {
			_, err := v.Groups.Alloc(tx, space.Request{Min: 1, Max: 50, Near: e.Start, Owner: o, Data: true, Align: 2})
			return err
		})
		do("increase", func(tx *txn.Tx) error { _, err := counts.Increase(tx, e); return err })
		do("map", func(tx *txn.Tx) error { return v.Groups.Map(tx, e, space.Owner{ID: 9000, Offset: o.Offset}) })
		do("convert", func(tx *txn.Tx) error { return v.Groups.Convert(tx, e, o, false) })
		do("find", func(tx *txn.Tx) error { _, err := counts.FindShared(tx, e); return err })
		do("decrease", func(tx *txn.Tx) error { _, _, err := counts.Decrease(tx, e); return err })
		do("free", func(tx *txn.Tx) error { return v.Groups.Free(tx, e, o, true) })
		do("unmap", func(tx *txn.Tx) error { return v.Groups.Unmap(tx, e, o) })
	}
	for _, e := range d.staged[:10] {
		do("free staging", func(tx *txn.Tx) error { return counts.FreeStaging(tx, e, true) })
	}
	do("drop", func(tx *txn.Tx) error { _, err := counts.DropStaging(tx, 0); return err })
	do("available", func(tx *txn.Tx) error { _, err := v.Groups.Available(tx); return err })
	do("count", func(tx *txn.Tx) error { _, err := space.Count(tx); return err })
}
