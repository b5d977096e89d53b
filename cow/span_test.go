package cow

import (
	"errors"
	"math"
	"testing"

	"github.com/cowfs/cowfs/format"
)

// TestSpanLimits tries ranges up to the largest size that a file can have.
func TestSpanLimits(t *testing.T) {
	for _, bs := range []int{1024, 4096, 65536} {
		g := &format.Geometry{BlockSize: bs}
		r, end, err := Span{Len: int64(bs)}.Blocks(g, int64(bs), 0)
		if err != nil || r.Count != 1 || end != int64(bs) {
			t.Errorf("one block of %d bytes: %+v, end %d, %v", bs, r, end, err)
		}
		last := math.MaxInt64 / int64(bs) * int64(bs)
		if _, _, err := (Span{Dst: last, Len: int64(bs)}).Blocks(g, int64(bs), 0); !errors.Is(err, ErrRange) {
			t.Errorf("a block of %d bytes beyond the largest size: %v", bs, err)
		}
		if _, _, err := (Span{Dst: last - int64(bs), Len: int64(bs)}).Blocks(g, int64(bs), 0); err != nil {
			t.Errorf("a block of %d bytes below the largest size: %v", bs, err)
		}
	}
}
