package btree

import (
	"testing"

	"github.com/cowfs/cowfs/format"
)

// TestInspect looks at a leaf whose records are out of order twice.
func TestInspect(t *testing.T) {
	b := make([]byte, format.MinBlockSize)
	Bnobt.header(b, 0, 5, 7, 9, address{})
	n := Bnobt.NodeOf(b)
	for i, start := range []format.AGBlock{10, 30, 20, 40, 40} {
		format.FreeStart.Put(n.Rec(i), start)
		format.FreeCount.Put(n.Rec(i), 3)
	}
	if i, j, k := n.Unsorted(1), n.Unsorted(3), n.Unsorted(5); i != 2 || j != 4 || k != -1 {
		t.Errorf("out of order: %d, %d, %d, want 2, 4, -1", i, j, k)
	}
	if n.Low(0).Compare(n.Low(1)) >= 0 || n.Low(3).Compare(n.Low(4)) != 0 || n.High(0).String() != "12" {
		t.Error("points compare or print wrongly")
	}
	if n.MaxHigh() != n.High(3) {
		t.Errorf("highest key: %v", n.MaxHigh())
	}
	if l, r := Bnobt.Siblings(b); l != 7 || r != 9 {
		t.Errorf("siblings %d and %d", l, r)
	}
}

func TestKindType(t *testing.T) {
	for _, k := range []*Kind{Bnobt, Cntbt, Inobt, Finobt, Rmapbt, Refcountbt, Bmbt} {
		if bt := k.Type(); bt == nil || bt.Magic != uint32(k.Magic) || (bt.OwnerIno != format.NoField) != k.Long {
			t.Errorf("%s: type %v", k.Name, bt)
		}
	}
}
