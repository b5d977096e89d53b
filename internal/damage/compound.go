package damage

import (
	"fmt"
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/refcount"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/space/spacetest"
	"github.com/cowfs/cowfs/txn"
	"github.com/cowfs/cowfs/volume"
)

// Compound is a fault of more than one field: an image without any wrong field that is wrong as
// a whole, as an interrupted or a mistaken program could leave it.
type Compound struct {
	Name string
	do   func(x *edit)
}

// Apply makes the fault in a copy of an image that Rich has made with blocks of 1 KiB.
func (c Compound) Apply(t testing.TB, sound *device.Memory) *device.Memory {
	t.Helper()
	v, err := volume.Open(sound.Clone(), volume.Options{})
	if err != nil {
		t.Fatal(err)
	}
	dev := sound.Clone()
	x := &edit{t: t, sound: v, v: spacetest.Open(t, dev)}
	x.counts = refcount.New(x.v.Geo, x.v.Groups)
	x.tx = x.v.Begin(t)
	c.do(x)
	spacetest.Commit(t, x.tx)
	x.v.Close(t)
	for _, p := range x.patches {
		p(dev)
	}
	return dev
}

// edit is an image that is being made wrong.
type edit struct {
	t       testing.TB
	sound   *volume.Volume
	v       *spacetest.Volume
	tx      *txn.Tx
	counts  *refcount.Counts
	patches []func(dev device.Device) // what is done at the end, behind the back of transactions
}

func (x *edit) must(err error) {
	x.t.Helper()
	if err != nil {
		x.t.Fatal("make a fault: ", err)
	}
}

func (x *edit) ino(path string) format.Ino {
	x.t.Helper()
	i, err := x.sound.LookupLink(path)
	x.must(err)
	return i.Ino
}

// mapping is a mapping of a file's data fork: the n-th that is wanted.
func (x *edit) mapping(path string, wanted func(m format.Mapping) bool) format.Mapping {
	x.t.Helper()
	i, err := x.sound.LookupLink(path)
	x.must(err)
	f, err := i.Fork(inode.Data)
	x.must(err)
	for m, err := range f.All() {
		x.must(err)
		if wanted(m) {
			return m
		}
	}
	x.t.Fatalf("make a fault: %s has no such mapping", path)
	return format.Mapping{}
}

// single is an extent of a file that it shares with nobody, and who owns it.
func (x *edit) single(path string) (space.Extent, space.Owner) {
	x.t.Helper()
	m := x.mapping(path, func(m format.Mapping) bool { return !m.Unwritten })
	return space.Extent{Start: m.Start, Count: m.Count}, space.ForkOwner(x.ino(path), false, m.Off, m.Unwritten)
}

// shared is an extent of a file that several files have.
func (x *edit) shared(path string) space.Extent {
	x.t.Helper()
	var e space.Extent
	x.mapping(path, func(m format.Mapping) bool {
		var err error
		e, err = x.counts.FindShared(x.tx, space.Extent{Start: m.Start, Count: m.Count})
		x.must(err)
		return e.Count > 0
	})
	return e
}

// unused is an extent that is allocated and that nobody has been told of, unless an owner is given.
func (x *edit) unused(n uint32, o space.Owner) space.Extent {
	x.t.Helper()
	e, err := x.v.Groups.Alloc(x.tx, space.Request{Min: n, Owner: o})
	x.must(err)
	return e
}

// free is an extent that is free.
func (x *edit) free(n uint32) space.Extent {
	x.t.Helper()
	tx := x.tx
	tx.Cancel()
	x.tx = x.v.Begin(x.t)
	e := x.unused(n, space.Owner{})
	x.tx.Cancel()
	x.tx = x.v.Begin(x.t)
	return e
}

// patch changes a structure that is in place when all transactions are over.
func (x *edit) patch(off int64, t *format.BlockType, change func(g *format.Geometry, b []byte)) {
	x.patches = append(x.patches, func(dev device.Device) {
		head := make([]byte, t.Table.Size)
		_, err := dev.ReadAt(head, off)
		x.must(err)
		b := make([]byte, t.Len(x.v.Geo, head))
		_, err = dev.ReadAt(b, off)
		x.must(err)
		change(x.v.Geo, b)
		t.SetChecksum(b)
		_, err = dev.WriteAt(b, off)
		x.must(err)
	})
}

// set sets fields of an inode: name, value, name, value.
func (x *edit) set(ino format.Ino, fields ...any) {
	x.patch(x.v.Geo.InoOffset(ino), format.TypeInode, func(g *format.Geometry, b []byte) {
		for i := 0; i < len(fields); i += 2 {
			x.must(format.Dinode.Set(g, b, fields[i].(string), fmt.Sprint(fields[i+1])))
		}
	})
}

// firstEntry is the inode number in the first entry of a directory in shortform.
const firstEntry = "u3.sfdir3.list[0].inumber.i4"

// parentEntry is the one of its parent.
const parentEntry = "u3.sfdir3.hdr.parent.i4"

// sector patches a header of a group.
func (x *edit) sector(ag format.AGNumber, n int, t *format.BlockType, change func(g *format.Geometry, b []byte)) {
	x.patch(x.v.Geo.SectorOffset(ag, n), t, change)
}

// structure patches the n-th structure of a kind.
func (x *edit) structure(kind string, n int, change func(g *format.Geometry, b []byte)) {
	x.patches = append(x.patches, func(dev device.Device) {
		m, err := Open(dev)
		x.must(err)
		for _, s := range m.Structures {
			if s.Kind != kind {
				continue
			}
			if n--; n < 0 {
				b := make([]byte, s.Len)
				_, err := dev.ReadAt(b, s.Off)
				x.must(err)
				change(m.Geo, b)
				s.Type.SetChecksum(b)
				_, err = dev.WriteAt(b, s.Off)
				x.must(err)
				return
			}
		}
		x.t.Fatalf("make a fault: there is no %s", kind)
	})
}
