package mkfs

import (
	"context"
	"errors"

	"github.com/cowfs/cowfs/format"
)

// ErrNoSpace is what a fit function says when the content needs a larger image.
var ErrNoSpace = errors.New("content does not fit into an image")

// fitFunc tries whether the content fits into an image of some geometry: nil, an ErrNoSpace, or
// an error that no other size would help with.
type fitFunc func(*format.Geometry) error

// sizer searches the smallest image that holds some content.
type sizer struct {
	ctx context.Context
	c   Config
	fit fitFunc
}

// smallest sets c.Size to the size of the smallest image, in whole MiB, that the content fits
// into; of a large image up to a thousandth too much. hint, in bytes, is about what the content
// takes.
//
// With a larger size more fits, except that from 300 MiB on the log is much larger. So these two
// ranges are searched one after the other.
func smallest(ctx context.Context, c *Config, hint uint64, fit fitFunc) error {
	s := sizer{ctx, *c, fit}
	size, err := s.search(format.MinAGBytes, realImage-mib, hint)
	if err == nil && size == 0 {
		size, err = s.search(realImage, 1<<60, hint)
	}
	if err == nil && size == 0 {
		err = ErrNoSpace
	}
	if err != nil {
		return err
	}
	c.Size = size
	return nil
}

// search returns the smallest size from lo to hi that will do, 0 if there is none. All sizes are
// whole MiB.
func (s *sizer) search(lo, hi, hint uint64) (uint64, error) {
	good, bad, err := s.gallop(lo, hi, min(max(roundUp(hint, mib), lo), hi))
	for err == nil && good != 0 && good-bad > stride(good) {
		mid, ok := bad+roundUp((good-bad)/2, mib), false
		if ok, err = s.fits(mid); ok {
			good = mid
		} else {
			bad = mid
		}
	}
	return good, err
}

// gallop goes from a size in growing steps, up or down, until it has a size that will do and a
// smaller one that won't. good is 0 when not even hi will do; bad is below lo when lo does.
func (s *sizer) gallop(lo, hi, at uint64) (good, bad uint64, err error) {
	ok, err := s.fits(at)
	if err != nil {
		return 0, 0, err
	}
	down := ok
	for step := stride(at); ; step *= 2 {
		if ok {
			good = at
		} else {
			bad = at
		}
		switch {
		case ok != down: // turned round
			return good, bad, nil
		case down && at == lo:
			return good, lo - mib, nil
		case down:
			at = max(lo, at-min(at, step))
		case at == hi:
			return 0, bad, nil
		default:
			at = min(hi, at+step)
		}
		if ok, err = s.fits(at); err != nil {
			return 0, 0, err
		}
	}
}

// stride is how exactly a size is to be found.
func stride(size uint64) uint64 { return roundUp(max(mib, size/1024), mib) }

// fits tries one size.
func (s *sizer) fits(size uint64) (bool, error) {
	if err := s.ctx.Err(); err != nil {
		return false, err
	}
	c := s.c
	c.Size = size
	g, err := c.Geometry()
	if err == nil {
		err = s.fit(g)
	}
	var small tooSmall
	if errors.As(err, &small) || errors.Is(err, ErrNoSpace) {
		return false, nil // another size may do
	}
	return err == nil, err
}
