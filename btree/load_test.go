package btree

import (
	"github.com/cowfs/cowfs/format"
	"testing"
)

type mem []byte

func (m mem) ReadAt(b []byte, off int64) (int, error) { return copy(b, m[off:]), nil }
func TestSmoke(t *testing.T) {
	g := &format.Geometry{BlockSize: 1024, BlockLog: 10, SectSize: 512, SectLog: 9, AGBlocks: 32768, AGBlkLog: 15, AGCount: 1, DBlocks: 32768}
	m := make(mem, 32<<20)
	l := &Load{Kind: Rmapbt, Geo: g, Block: func(i int) uint64 { return uint64(i + 10) }}
	l.Write = func(i int, b []byte) error { copy(m[(i+10)*1024:], b); return nil }
	root, levels, err := l.Run(100000, func(i int, b []byte) {
		format.RmapStart.Put(b, format.AGBlock(i*2))
		format.RmapCount.Put(b, 2)
		format.RmapOwner.Put(b, 100)
	})
	if err != nil {
		t.Fatal(err)
	}
	tr := &Tree{Kind: Rmapbt, Geo: g, Dev: m, Root: root, Levels: levels}
	n := 0
	for r, err := range tr.All() {
		if err != nil {
			t.Fatal(err)
		}
		if int(format.RmapStart.Get(r)) != 2*n {
			t.Fatal(n)
		}
		n++
	}
	t.Log(n, root, levels, Shape(Rmapbt, 1024, 100000, 0))
	w := 0
	if err := tr.Walk(func(int, uint64, []byte) error { w++; return nil }); err != nil || w != Blocks(Shape(Rmapbt, 1024, 100000, 0)) {
		t.Fatal(err, w)
	}
}
