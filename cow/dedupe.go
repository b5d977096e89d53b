package cow

import (
	"bytes"
	"fmt"
	"io"
	"math"

	"github.com/cowfs/cowfs/format"
)

// compareUnit is how much of two files is compared at a time, in bytes.
const compareUnit = 1 << 20

// SameBytes tells how many bytes from the start of two ranges of n bytes are the same.
func SameBytes(a io.ReaderAt, aOff int64, b io.ReaderAt, bOff, n int64) (same int64, err error) {
	size := min(n, compareUnit)
	p, q := make([]byte, size), make([]byte, size)
	for same < n {
		k := min(n-same, size)
		for _, s := range []struct {
			r   io.ReaderAt
			b   []byte
			off int64
		}{{a, p[:k], aOff + same}, {b, q[:k], bOff + same}} {
			if _, err := s.r.ReadAt(s.b, s.off); err != nil && err != io.EOF {
				return same, err
			}
		}
		if bytes.Equal(p[:k], q[:k]) {
			same += k
			continue
		}
		for i := range k {
			if p[i] != q[i] {
				return same + i, nil
			}
		}
	}
	return same, nil
}

// ErrRange is the class of errors about ranges that can't be shared.
var ErrRange = fmt.Errorf("ranges that can't be shared")

// Span says which bytes of a file become those of another, as FICLONERANGE has it.
type Span struct {
	Src, Dst, Len int64 // bytes; Len 0 is up to the end of the source
	Same          bool  // both are one file
}

// Blocks checks the span against the sizes of the two files, and turns it into blocks. Both
// offsets must be at the start of a block, and so must the end be; but it may be the end of the
// source, if the destination does not go on behind it. end is the byte of the destination behind
// the span.
func (s Span) Blocks(g *format.Geometry, srcSize, dstSize int64) (r Range, end int64, err error) {
	bs := int64(g.BlockSize)
	bad := func(form string, args ...any) (Range, int64, error) {
		return Range{}, 0, fmt.Errorf("%w: "+form, append([]any{ErrRange}, args...)...)
	}
	switch {
	case s.Src < 0 || s.Dst < 0 || s.Len < 0:
		return bad("negative offsets or length")
	case s.Src%bs != 0 || s.Dst%bs != 0:
		return bad("offsets %d and %d are not multiples of the block size, %d", s.Src, s.Dst, bs)
	case s.Src > srcSize || s.Len > srcSize-s.Src:
		return bad("%d bytes from %d reach beyond the end of the source, %d", s.Len, s.Src, srcSize)
	}
	n := s.Len
	if n == 0 {
		n = srcSize - s.Src
	}
	if last := math.MaxInt64 / bs * bs; n > last-s.Dst { // of blocks, a fork has room for more than that
		return bad("the destination would become too large")
	}
	end = s.Dst + n
	if n%bs != 0 && (s.Src+n != srcSize || end < dstSize) {
		return bad("length %d is not a multiple of the block size, %d, and does not end where both files end", n, bs)
	}
	count := (n + bs - 1) / bs
	if s.Same && s.Src < s.Dst+count*bs && s.Dst < s.Src+count*bs {
		return bad("bytes %d and %d, %d of them, overlap in one file", s.Src, s.Dst, n)
	}
	return Range{format.FileOff(s.Src / bs), format.FileOff(s.Dst / bs), uint64(count)}, end, nil
}
