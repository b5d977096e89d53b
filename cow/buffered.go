package cow

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
)

// ErrTooLarge says that a file would become larger than files can be.
var ErrTooLarge = errors.New("file too large")

// Write writes p to the file at byte off, which may lie behind its end: into the page cache, with
// blocks reserved for when it is written back. It returns how much of p was written; what it has
// reserved beyond that it gives up again. When space is short it writes back before it fails.
func (f *File) Write(p []byte, off int64) (n int, err error) {
	if off < 0 || int64(len(p)) > math.MaxInt64-off {
		return 0, ErrTooLarge
	}
	if len(p) == 0 {
		return 0, nil
	}
	if err := f.zeroGap(uint64(off)); err != nil {
		return 0, err
	}
	for n < len(p) && err == nil {
		var k int
		k, err = f.writePart(p[n:min(len(p), n+runSize)], off+int64(n))
		n += k
	}
	if err != nil {
		return n, &WriteError{f.Ino, off + int64(n), off + int64(len(p)), err}
	}
	return n, nil
}

// writePart writes some bytes. With too many dirty pages it writes back first; and afterwards,
// when there is little space. When there is none a writeback may give back some of what was
// promised for the worst case.
func (f *File) writePart(p []byte, off int64) (n int, err error) {
	ctx := context.Background()
	if f.eng.dirty.Load() >= f.eng.Budget {
		if err := f.eng.Writeback(ctx); err != nil {
			return 0, err
		}
	}
	n, err = f.write(p, off, true)
	if errors.Is(err, space.ErrNoSpace) {
		if err = f.eng.Flush(ctx); err == nil {
			var more int
			more, err = f.write(p[n:], off+int64(n), true)
			n += more
		}
	}
	if n > 0 && err == nil && f.eng.low.Load() {
		err = f.WritebackBytes(ctx, off, int64(n))
	}
	return n, err
}

// write makes the pages of a range dirty; grow says that the file goes as far as they do. First all
// of it is reserved, so that for want of space it does nothing. What it reserves and doesn't use
// it gives up.
func (f *File) write(p []byte, off int64, grow bool) (n int, err error) {
	var made []Iomap
	if s := f.blocksOf(off, int64(len(p))); s.blocks() > 1 && !f.allDirty(s) {
		for at := s.off; at < s.end; {
			m, err := f.Begin(at, s.end, ForWrite)
			if err != nil {
				f.End(made...)
				return 0, err
			}
			made = append(made, m)
			at = m.End
		}
	}
	for n < len(p) {
		k := f.rewrite(p[n:], off+int64(n), grow)
		if k == 0 {
			var m Iomap
			m, k, err = f.fill(p[n:], off+int64(n), grow)
			made = append(made, m)
			if err != nil {
				f.End(made...)
				return n, err
			}
		}
		n += k
	}
	return n, nil
}

// allDirty reports whether all blocks of a range have dirty pages.
func (f *File) allDirty(s span) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for at := s.off; at < s.end; at++ {
		if f.pages[at] == nil {
			return false
		}
	}
	return true
}

// rewrite writes to pages that are dirty already, as far as there are any.
func (f *File) rewrite(p []byte, off int64, grow bool) (n int) {
	bs := int64(f.eng.geo.BlockSize)
	f.mu.Lock()
	defer f.mu.Unlock()
	for n < len(p) {
		at := off + int64(n)
		page := f.pages[format.FileOff(at/bs)]
		if page == nil {
			break
		}
		n += copy(page.data[at%bs:], p[n:])
	}
	if n > 0 && grow {
		f.grow(uint64(off) + uint64(n))
	}
	return n
}

// fill writes to pages that are not dirty yet, as far as one mapping goes. A mapping that is not
// true any more when the pages are made is looked up again.
func (f *File) fill(p []byte, off int64, grow bool) (made Iomap, n int, err error) {
	bs := int64(f.eng.geo.BlockSize)
	p = p[:min(int64(len(p)), runSize-off%bs)]
	first, end := format.FileOff(off/bs), format.FileOff((off+int64(len(p))+bs-1)/bs)
	for {
		m, err := f.Begin(first, end, ForWrite)
		if m.Flags&New != 0 {
			made = m
		}
		if err != nil {
			return made, 0, err
		}
		part := p[:min(int64(len(p)), int64(m.End)*bs-off)]
		r := newRun(int(m.End-m.Off), int(bs))
		err = f.edges(m, r, off, off+int64(len(part)))
		if err != nil {
			return made, 0, err
		}
		f.eng.pause("write")
		if f.install(m, r, part, off, grow) {
			return made, len(part), nil
		}
	}
}

// edges reads what a write from byte from to byte to leaves of the first and the last block of a
// mapping.
func (f *File) edges(m Iomap, r *run, from, to int64) error {
	bs := int64(f.eng.geo.BlockSize)
	last := m.End - 1
	if from%bs != 0 || m.Off == last && to%bs != 0 {
		if err := f.source(m, m.Off, r.mem[:bs]); err != nil {
			return err
		}
	}
	if to%bs != 0 && m.Off != last {
		return f.source(m, last, r.mem[int64(last-m.Off)*bs:])
	}
	return nil
}

// source reads a block from where a mapping says it is to be read from. What lies behind the end
// of the file is zero.
func (f *File) source(m Iomap, at format.FileOff, b []byte) error {
	bs := uint64(f.eng.geo.BlockSize)
	size := f.Size()
	if m.Source != Mapped || uint64(at)*bs >= size {
		clear(b)
		return nil
	}
	if _, err := f.eng.dev.ReadAt(b, f.eng.geo.Offset(m.SourceStart+format.FSBlock(at-m.Off))); err != nil {
		return fmt.Errorf("read block %d: %w", at, err)
	}
	if left := size - uint64(at)*bs; left < bs {
		clear(b[left:])
	}
	return nil
}

// install makes the pages of a mapping dirty, unless it is not true any more. A page that is there
// already is newer than what the mapping's source holds.
func (f *File) install(m Iomap, r *run, p []byte, off int64, grow bool) bool {
	bs := int64(f.eng.geo.BlockSize)
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.valid(m) {
		return false
	}
	from := off - int64(m.Off)*bs
	to := from + int64(len(p))
	for i := range int(m.End - m.Off) {
		at, lo, hi := m.Off+format.FileOff(i), int64(i)*bs, int64(i+1)*bs
		old := f.cached(at)
		if old != nil && (lo < from || hi > to) {
			copy(r.mem[lo:hi], old.data)
		}
		if dirty := f.clean(at); dirty != nil {
			dirty.free()
		}
		f.dirtied(at, r.page(i, int(bs)))
	}
	copy(r.mem[from:to], p)
	if grow {
		f.grow(uint64(off) + uint64(len(p)))
	}
	return true
}

// End ends the use of mappings for a write that did not get as far as it was to: what Begin has
// reserved for them and no dirty page needs is given up, and nothing else.
func (f *File) End(made ...Iomap) {
	_ = f.eng.look(func(*change) error { // fails only when nothing works any more
		f.update(func() {
			for _, m := range made {
				if m.Flags&New == 0 {
					continue
				}
				fork := &f.data
				if m.Flags&Cow != 0 {
					fork = &f.cow
				}
				f.punchReserved(fork, m.reserved)
			}
		})
		return nil
	})
}

// punchReserved gives up what is reserved in a range of a fork and has no dirty pages.
func (f *File) punchReserved(fork *extents, s span) {
	for _, x := range fork.in(s.off, s.end) {
		if x.State != Reserved {
			continue
		}
		at := x.Off
		for _, dirty := range append(f.dirtyIn(x.Off, x.End), x.End) {
			if at < dirty {
				fork.cut(at, dirty)
			}
			at = dirty + 1
		}
	}
}

// zeroGap makes what a file has between its end and byte off zero, before it grows to there: the
// rest of the block that it ends in, and blocks that a crash has left.
func (f *File) zeroGap(off uint64) error {
	size := f.Size()
	if size >= off {
		return nil
	}
	return f.zero(size, off)
}

// zero writes zeroes from byte from up to byte to, where the file, or what is staged for it, does
// not read as zeroes anyway.
func (f *File) zero(from, to uint64) error {
	bs := uint64(f.eng.geo.BlockSize)
	for from < to {
		m, err := f.Begin(format.FileOff(from/bs), format.FileOff((to+bs-1)/bs), ForDirect)
		if err != nil {
			return err
		}
		end, cached := f.alike(span{m.Off, m.End})
		next := min(to, uint64(end)*bs)
		if cached || m.Source == Mapped {
			if err := f.writeZeroes(from, next); err != nil {
				return err
			}
		}
		from = next
	}
	return nil
}

// alike finds how far blocks from the first one of a range on all have pages, or all have none.
func (f *File) alike(s span) (end format.FileOff, cached bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.pages)+len(f.flight) == 0 {
		return s.end, false
	}
	cached = f.cached(s.off) != nil
	if !cached && uint64(len(f.pages)+len(f.flight)) < s.blocks() {
		end = s.end
		for _, pages := range []map[format.FileOff]*page{f.pages, f.flight} {
			for at := range pages {
				if s.off <= at && at < end {
					end = at
				}
			}
		}
		return end, false
	}
	for end = s.off; end < s.end && (f.cached(end) != nil) == cached; end++ {
	}
	return end, cached
}

func (f *File) writeZeroes(from, to uint64) error {
	b := make([]byte, min(to-from, runSize))
	for from < to {
		n, err := f.write(b[:min(uint64(len(b)), to-from)], int64(from), false)
		if err != nil {
			return err
		}
		from += uint64(n)
	}
	return nil
}

// Zero makes a range of bytes read as zeroes, as far as the file goes, without giving it blocks
// where it has none.
func (f *File) Zero(off, n int64) error {
	to := min(uint64(off)+uint64(n), f.Size())
	if uint64(off) >= to {
		return nil
	}
	return f.zero(uint64(off), to)
}

// Extend makes the file longer: what is new reads as zeroes.
func (f *File) Extend(size uint64) error { return f.zeroGap(size) }
