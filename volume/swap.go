package volume

import (
	"errors"
	"fmt"

	"github.com/cowfs/cowfs/cow"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/journal"
)

// ErrExchangeTooLong says that an exchange does not fit into one transaction, on a volume whose log
// may not tell what is left of it.
var ErrExchangeTooLong = errors.New("too many extents to exchange them at once, and the volume has no exchange-range")

// exchangeID names the intent in the log: there is never more than one.
const exchangeID = 1

// Exchange exchanges the contents of n bytes of file a from byte aOff and of file b from byte bOff,
// by exchanging their blocks. Offsets and length are multiples of the block size. With n 0 what
// lies behind the offsets is exchanged, and with it where the files end.
//
// However long the ranges are, a recovery after a crash exchanges them as a whole or not at all. On
// volumes without the exchange-range feature this limits them; see ErrExchangeTooLong.
func (w *Writer) Exchange(a string, aOff int64, b string, bOff, n int64) error {
	var left *journal.Exchange
	prepare := func(first, second *cow.File) error { return w.prepareExchange(first, aOff, second, bOff, n) }
	return w.onFiles("exchange", a, b, prepare, func(o *op, first, second *inode.Editor) (bool, error) {
		intent := journal.Intent{Type: format.LogItemXMI, ID: exchangeID}
		var x journal.Exchange
		if left == nil {
			var err error
			if x, err = o.planExchange(first, aOff, second, bOff, n); err != nil {
				return false, err
			}
		} else {
			x = *left
			o.tx.Note(intent.Done())
		}
		done, err := o.exchange(&x)
		switch {
		case err != nil:
			return false, err
		case !done && !o.Geo.HasExchange():
			return false, ErrExchangeTooLong
		case !done:
			intent.Exchange = &x
			o.tx.Note(intent.Item())
		}
		o.touch(first, inode.Modified|inode.Changed)
		o.touch(second, inode.Modified|inode.Changed)
		left = &x
		return done, nil
	})
}

// prepareExchange checks the ranges of an exchange, and drops what is staged for them: it was for
// what they held before.
func (w *Writer) prepareExchange(a *cow.File, aOff int64, b *cow.File, bOff, n int64) error {
	bad := func(form string, args ...any) error {
		return fmt.Errorf("%w: "+form, append([]any{ErrRange}, args...)...)
	}
	bs, aSize, bSize := int64(w.Geo.BlockSize), int64(a.Size()), int64(b.Size())
	switch {
	case aOff < 0 || bOff < 0 || n < 0:
		return bad("negative offsets or length")
	case aOff%bs != 0 || bOff%bs != 0 || n%bs != 0:
		return bad("offsets %d and %d and length %d must be multiples of the block size, %d", aOff, bOff, n, bs)
	case aOff > aSize || bOff > bSize || n > aSize-aOff || n > bSize-bOff:
		return bad("%d bytes from %d and %d reach beyond the end of a file", n, aOff, bOff)
	case n == 0 && a == b:
		return bad("the ends of one file")
	case a == b && aOff < bOff+n && bOff < aOff+n:
		return bad("the ranges overlap in one file")
	}
	for _, r := range []struct {
		f   *cow.File
		off int64
	}{{a, aOff}, {b, bOff}} {
		first, end := format.FileOff(r.off/bs), format.MaxFileOff
		if n > 0 {
			end = first + format.FileOff(n/bs)
		}
		if err := r.f.Discard(first, end); err != nil {
			return err
		}
	}
	return nil
}

// planExchange makes the ranges of an exchange what the log knows.
func (o *op) planExchange(a *inode.Editor, aOff int64, b *inode.Editor, bOff, n int64) (x journal.Exchange, err error) {
	bs := int64(o.Geo.BlockSize)
	x = journal.Exchange{
		Ino1: a.Ino, Ino2: b.Ino, Gen1: a.Gen(), Gen2: b.Gen(),
		Off1: format.FileOff(aOff / bs), Off2: format.FileOff(bOff / bs), Count: uint64(n / bs),
	}
	if n > 0 {
		return x, nil
	}
	x.Flags |= format.XMISetSizes
	x.Size1, x.Size2 = uint64(aOff-bOff)+b.Size(), uint64(bOff-aOff)+a.Size()
	if x.Count, err = o.behind(a, x.Off1); err != nil {
		return x, err
	}
	other, err := o.behind(b, x.Off2)
	x.Count = max(x.Count, other)
	return x, err
}

// behind is how many blocks of a file, from off on, reach up to the last one that is mapped.
func (o *op) behind(e *inode.Editor, off format.FileOff) (uint64, error) {
	m, ok, err := e.Fork(inode.Data).Before(format.NullFileOff)
	if err != nil || !ok || m.End() <= off {
		return 0, err
	}
	return uint64(m.End() - off), nil
}
