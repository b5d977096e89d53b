package check

import (
	"context"
	"testing"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
)

// fuzzTreeBlocks is how many blocks a fuzzed tree may lie in.
const fuzzTreeBlocks = 16

// fuzzGeometry is a volume of one group with small blocks.
func fuzzGeometry() *format.Geometry {
	return &format.Geometry{
		BlockSize: 1024, BlockLog: 10, SectSize: 512, SectLog: 9, InodeSize: 512, InodeLog: 9, InoPBLog: 1, DirBlockSize: 4096,
		DBlocks: 32768, AGBlocks: 32768, AGBlkLog: 15, AGCount: 1, LogSectLog: 9, Incompat: format.InSparse, UUID: format.UUID{1}, MetaUUID: format.UUID{1},
	}
}

// FuzzTreeWalk walks trees whose blocks hold any bytes, but for what would keep the walk from
// looking at them: magic number, address, owner and checksum are right. Whatever they hold, the
// walk ends, reads no block more than twice, and says so when it has not seen all; and a tree
// about which it finds nothing can be read by package btree, with the same records.
func FuzzTreeWalk(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 255, 255, 255, 255, 255, 255, 255, 255}, uint8(0), uint8(1))
	f.Add([]byte{0, 1, 0, 1, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 9}, uint8(2), uint8(2))
	for kind := range 7 { // what a sound tree of two leaves is made of
		f.Add(fuzzSeed(kind), uint8(kind), uint8(2))
	}
	kinds := []*btree.Kind{btree.Bnobt, btree.Cntbt, btree.Inobt, btree.Finobt, btree.Rmapbt, btree.Refcountbt, btree.Bmbt}
	f.Fuzz(func(t *testing.T, data []byte, kind, levels uint8) {
		geo, k := fuzzGeometry(), kinds[int(kind)%len(kinds)]
		dev := &countingDevice{Memory: device.NewMemory(int64(geo.DBlocks) << geo.BlockLog), read: map[int64]int{}}
		first := format.AGBlock(4)
		for i := range format.AGBlock(fuzzTreeBlocks) {
			b := make([]byte, geo.BlockSize)
			part := data[min(len(data), int(i)*fuzzPart):min(len(data), int(i+1)*fuzzPart)]
			copy(b[4:], part[:min(8, len(part))]) // level and number of records
			if k.Long {
				spread(b[8:24], part, 8)
			} else {
				spread(b[8:16], part, 8)
			}
			copy(b[k.HeaderSize():], part[min(len(part), 24):])
			spreadPointers(k, b)
			fuzzStamp(geo, k, b, first+i)
			if _, err := dev.Memory.WriteAt(b, geo.AGOffset(0, first+i)); err != nil {
				t.Fatal(err)
			}
		}
		c := newChecker(context.Background(), dev, Options{})
		c.geo, c.groups = geo, make([]group, 1)
		w := &worker{checker: c, sums: make([]groupSums, 1)}
		var got [][]byte
		walk := treeWalk{
			w: w, kind: k, ino: 77, at: NullPlace, root: uint64(first), levels: int(levels), owner: space.Owner{ID: 77},
			visit: func(rec []byte) { got = append(got, append([]byte(nil), rec...)) },
		}
		complete := walk.run()
		for off, n := range dev.read {
			if n > 2 {
				t.Fatalf("the block at byte %d was read %d times", off, n)
			}
		}
		if len(c.out.list) == 0 && !complete {
			t.Fatal("not complete, and nothing was found")
		}
		bad := false
		for _, x := range c.out.list {
			bad = bad || x.Code.Severity == Damage
		}
		if bad {
			return
		}
		tree := btree.Tree{Kind: k, Geo: geo, Dev: dev.Memory, Owner: 77, Root: uint64(first), Levels: int(levels)}
		i := 0
		for rec, err := range tree.All() {
			if err != nil {
				t.Fatalf("nothing was found, and the tree can't be read: %v", err)
			}
			if i >= len(got) || string(rec) != string(got[i]) {
				t.Fatalf("record %d differs", i)
			}
			i++
		}
		if i != len(got) {
			t.Fatalf("%d records, while the walk gave %d", i, len(got))
		}
	})
}

// fuzzPart is how many bytes of the fuzzer's data go to each block.
const fuzzPart = 96

// spread copies links from fuzzed bytes, as small numbers so that they often fit.
func spread(to, from []byte, at int) {
	for i := range to {
		if at+i < len(from) {
			to[i] = from[at+i]
		}
	}
}

// spreadPointers makes the pointers of a node, which lie far behind its keys, from the last bytes
// of its keys: blocks of the tree for the most part.
func spreadPointers(k *btree.Kind, b []byte) {
	n := k.NodeOf(b)
	if n.Level == 0 {
		return
	}
	at := k.HeaderSize() + k.MaxRecs(len(b), n.Level)*k.KeySize
	for i := range n.Len() {
		key := n.Key(i)
		p := uint64(4 + (int(key[len(key)-1])+i+1)%(fuzzTreeBlocks+2))
		if k.Long {
			format.LongPtrTo.Put(b[at+8*i:], format.FSBlock(p))
		} else {
			format.ShortPtrTo.Put(b[at+4*i:], format.AGBlock(p))
		}
	}
}

func fuzzStamp(g *format.Geometry, k *btree.Kind, b []byte, at format.AGBlock) {
	k.Type().Stamp(g, b, format.Place{AG: 0, Ino: 77, Daddr: g.AGToDaddr(0, at)})
	k.Type().SetChecksum(b)
}

// fuzzSeed is data for a root with two leaves.
func fuzzSeed(kind int) []byte {
	data := make([]byte, 3*fuzzPart)
	data[1], data[3] = 1, 2
	for i := 8; i < 24; i++ {
		data[i] = 0xff
	}
	for leaf := range 2 {
		part := data[(leaf+1)*fuzzPart:]
		part[3] = 1
		for i := 8; i < 24; i++ {
			part[i] = 0xff
		}
		part[24+3], part[24+7] = byte(10*leaf+10), 1
		data[24+8*leaf+3] = byte(10*leaf + 10)
	}
	data[fuzzPart+8+4+3] = byte(6)
	return append(data, byte(kind))
}

// countingDevice counts how often each block is read.
type countingDevice struct {
	*device.Memory
	read map[int64]int
}

func (d *countingDevice) ReadAt(p []byte, off int64) (int, error) {
	for at := off; at < off+int64(len(p)); at += 1024 {
		d.read[at]++
	}
	return d.Memory.ReadAt(p, off)
}
