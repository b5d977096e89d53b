package volume

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/cowfs/cowfs/cow"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
)

// ErrRange is the class of errors about ranges of files that cannot share blocks: misaligned,
// overlapping, or beyond the end.
var ErrRange = cow.ErrRange

// sharer is what shares blocks in this change.
func (o *op) sharer() *cow.Sharer { return &cow.Sharer{Tx: o.tx, Groups: o.groups, Counts: o.counts} }

// onFiles runs changes of two regular files, which may be one, until f says that it is done. Each
// is a transaction, which f may be called for again. What was written to the files is written
// back before; prepare may do more.
func (w *Writer) onFiles(name, a, b string, prepare func(a, b *cow.File) error, f func(o *op, a, b *inode.Editor) (done bool, err error)) error {
	w.one.Lock()
	defer w.one.Unlock()
	src, err := w.settled(name, a)
	if err != nil {
		return pathError(name, a, err)
	}
	dst, err := w.settled(name, b)
	if err == nil && prepare != nil {
		err = prepare(src, dst)
	}
	if err != nil {
		return pathError(name, b, err)
	}
	defer w.cow.Forget(src.Ino)
	defer w.cow.Forget(dst.Ino)
	for done := false; !done; {
		path := b
		err := w.change(func(o *op) error {
			path = a
			first, err := o.regular(name, a)
			if err != nil {
				return err
			}
			path = b
			second, err := o.regular(name, b)
			if err != nil {
				return err
			}
			if second.Ino == first.Ino {
				second = first
			}
			done, err = f(o, first, second)
			return err
		})
		if err != nil {
			return pathError(name, path, err)
		}
	}
	return nil
}

// regular opens a regular file.
func (o *op) regular(name, path string) (*inode.Editor, error) {
	e, err := o.find(name, path, true)
	if err == nil && e.Mode()&format.ModeType != format.ModeReg {
		err = ErrNotRegular
	}
	return e, err
}

// CloneRange makes n bytes of dst from byte dstOff share the blocks of src from byte srcOff, as
// FICLONERANGE does; n 0 is up to the end of src. All must be multiples of the block size, except
// that the range may end where src does, if dst does not go on behind it. The two may be one file
// if the ranges are apart. Holes and unwritten blocks become holes. dst grows as needed.
//
// A long range takes several transactions: after a crash it may be cloned up to somewhere.
func (w *Writer) CloneRange(src string, srcOff int64, dst string, dstOff, n int64) error {
	c := cloning{span: cow.Span{Src: srcOff, Dst: dstOff, Len: n}}
	return w.onFiles("clone", src, dst, c.prepare, c.step)
}

// settled returns a file after writing back what was written to it.
func (w *Writer) settled(name, path string) (*cow.File, error) {
	f, err := w.file(name, path)
	if err != nil {
		return nil, err
	}
	return f, f.Settle(context.Background())
}

// prepare drops what is staged for the range that is cloned to, and makes zero what the
// destination has behind its end.
func (c *cloning) prepare(src, dst *cow.File) error {
	span := c.span
	span.Same = src == dst
	r, _, err := span.Blocks(dst.Geo(), int64(src.Size()), int64(dst.Size()))
	if err != nil {
		return err
	}
	if err := dst.Discard(r.Dst, r.Dst+format.FileOff(r.Count)); err != nil {
		return err
	}
	if uint64(span.Dst) <= dst.Size() {
		return nil
	}
	if err := dst.Extend(uint64(span.Dst)); err != nil {
		return err
	}
	return dst.Settle(context.Background())
}

// cloning is a clone that goes on for several transactions.
type cloning struct {
	span  cow.Span
	begun bool
	left  cow.Range
	end   int64 // of the range in the destination, in bytes
}

// step does what one transaction may hold.
func (c *cloning) step(o *op, src, dst *inode.Editor) (done bool, err error) {
	now := *c
	if !now.begun {
		if err := now.begin(o, src, dst); err != nil {
			return false, err
		}
	}
	if err := o.sharer().Clone(src, dst, &now.left); err != nil {
		return false, err
	}
	if reached := min(now.end, int64(now.left.Dst)<<o.Geo.BlockLog); uint64(reached) > dst.Size() {
		dst.SetSize(uint64(reached))
	}
	o.touch(dst, inode.Modified|inode.Changed)
	*c = now
	return c.left.Count == 0, nil
}

func (c *cloning) begin(o *op, src, dst *inode.Editor) (err error) {
	c.span.Same, c.begun = src == dst, true
	if c.left, c.end, err = c.span.Blocks(o.Geo, int64(src.Size()), int64(dst.Size())); err != nil {
		return err
	}
	if c.span.Src == 0 && c.span.Dst == 0 && c.end >= int64(src.Size()) && c.end >= int64(dst.Size()) {
		cow.CarryHint(src, dst)
	}
	return nil
}

// Clone makes dst a copy of src that shares all of its blocks. A new dst gets permissions and owner
// of src; what is in an old one is dropped first.
func (w *Writer) Clone(src, dst string) error {
	if err := w.withFile("clone", src, func(f *cow.File) error { return f.Settle(context.Background()) }); err != nil {
		return err
	}
	c := cloning{}
	done := false
	err := w.named("clone", dst, func(o *op, p at, d *inode.Editor) error {
		from, err := o.regular("clone", src)
		if err != nil {
			return pathError("clone", src, err)
		}
		b := from.Raw()
		to, err := o.create(d, p.name, format.ModeReg, Attr{Mode: from.Mode(), UID: format.DiUID.Get(b), GID: format.DiGID.Get(b)})
		if err != nil {
			return err
		}
		done, err = c.step(o, from, to)
		return err
	})
	if errors.Is(err, fs.ErrExist) {
		c, err = cloning{}, w.emptied(src, dst)
	}
	if err != nil || done {
		return err
	}
	return w.onFiles("clone", src, dst, c.prepare, c.step)
}

// emptied makes dst, which is there, an empty file, unless it is src.
func (w *Writer) emptied(src, dst string) error {
	from, err := w.Lookup(src)
	if err != nil {
		return err
	}
	to, err := w.Lookup(dst)
	if err != nil {
		return err
	}
	if from.Ino == to.Ino {
		return pathError("clone", dst, fmt.Errorf("%w: source and destination are one file", ErrRange))
	}
	return w.Truncate(dst, 0)
}

// Dedupe compares n bytes of file a from byte aOff with those of file b from byte bOff. same is how
// many are equal, from the start. If all are, b gives its blocks up and shares those of a.
//
// Offsets must be multiples of the block size. If n is not, and the ranges don't both end where
// their files do, the last part of a block stays as it is.
func (w *Writer) Dedupe(a string, aOff int64, b string, bOff, n int64) (same int64, err error) {
	var left cow.Range
	compared := false
	err = w.onFiles("dedupe", a, b, nil, func(o *op, src, dst *inode.Editor) (bool, error) {
		if !compared {
			whole := n
			if ends := aOff+n == int64(src.Size()) && bOff+n == int64(dst.Size()); !ends {
				whole -= n % int64(o.Geo.BlockSize)
			}
			if n > int64(dst.Size())-bOff || n > int64(src.Size())-aOff {
				return false, fmt.Errorf("%w: %d bytes reach beyond the end of a file", ErrRange, n)
			}
			span := cow.Span{Src: aOff, Dst: bOff, Len: whole, Same: src == dst}
			r, _, err := span.Blocks(o.Geo, int64(src.Size()), int64(dst.Size()))
			if err != nil && whole > 0 {
				return false, err
			}
			if same, err = o.sameBytes(src, aOff, dst, bOff, n); err != nil {
				return false, err
			}
			if same < n || whole == 0 {
				return true, nil
			}
			left, compared = r, true
		}
		r := left
		if err := o.sharer().Clone(src, dst, &r); err != nil {
			return false, err
		}
		o.touch(dst, inode.Changed)
		left = r
		return left.Count == 0, nil
	})
	return same, err
}

// sameBytes tells how many bytes of two files are equal.
func (o *op) sameBytes(a *inode.Editor, aOff int64, b *inode.Editor, bOff, n int64) (int64, error) {
	v := *o.Volume
	v.dev, v.cow = o.tx.View(), nil // nothing of them is in memory only
	v.src.Dev = v.dev
	var files [2]*File
	for i, e := range []*inode.Editor{a, b} {
		ino, err := v.Inode(e.Ino)
		if err != nil {
			return 0, err
		}
		if files[i], err = v.openFile("", ino); err != nil {
			return 0, err
		}
	}
	return cow.SameBytes(files[0], aOff, files[1], bOff, n)
}

// Unshare gives a file blocks of its own for n bytes from byte off, and the rest of the blocks that
// these begin and end in; n 0 is up to the end of the file. What is shared is copied; holes stay
// holes. When nothing of the file is shared any more, its mark goes too.
func (w *Writer) Unshare(path string, off, n int64) error {
	if off < 0 || n < 0 || off+n < 0 {
		return &fs.PathError{Op: "unshare", Path: path, Err: fs.ErrInvalid}
	}
	at, copied := format.FileOff(0), false
	return w.onFile("unshare", path, func(o *op, e *inode.Editor) (bool, error) {
		if copied {
			_, err := o.sharer().ClearFlag(e)
			return true, err
		}
		end := format.MaxFileOff
		if n > 0 {
			end = format.FileOff(o.Geo.BlocksUp(uint64(off + n)))
		}
		from := max(at, format.FileOff(off>>o.Geo.BlockLog))
		to, err := o.sharer().Unshare(e, from, end)
		if err != nil {
			return false, err
		}
		if to > from && e.Reflink() {
			o.touch(e, inode.Changed)
		}
		at, copied = to, to >= end
		return false, nil
	})
}

// SetCowExtSize sets the hint of a file or directory how long the extents should be, in bytes,
// that take writes to shared blocks; 0 takes the hint away. What is made in a directory gets its
// hint.
func (w *Writer) SetCowExtSize(path string, size int64) error {
	return w.setHint(path, cow.CowExtSize, size)
}

// SetExtSize sets the hint how long new extents should be, in bytes, like SetCowExtSize. A file
// must have no blocks yet.
func (w *Writer) SetExtSize(path string, size int64) error { return w.setHint(path, cow.ExtSize, size) }

func (w *Writer) setHint(path string, h cow.Hint, size int64) error {
	return w.on("set "+h.String(), path, true, func(o *op, e *inode.Editor) error {
		return cow.SetHint(e, o.Geo, h, size)
	})
}

// CowExtSize is the hint that SetCowExtSize sets, in bytes, and ExtSize that of SetExtSize; 0 is
// none.
func (v *Volume) CowExtSize(i *inode.Inode) int64 {
	return int64(cow.HintOf(i.Raw, cow.CowExtSize)) << v.Geo.BlockLog
}

// ExtSize is the hint of SetExtSize, in bytes.
func (v *Volume) ExtSize(i *inode.Inode) int64 {
	return int64(cow.HintOf(i.Raw, cow.ExtSize)) << v.Geo.BlockLog
}
