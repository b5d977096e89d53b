package device

import (
	"errors"
	"io"
	"iter"
	"maps"
	"slices"
	"sync"
)

// Overlay is another device with changes to it that are kept in memory, or in a temporary file. The
// device under it is only read, so it shows what an image would be like after a write, such as the replay of its
// log, and the image stays as it is. Flush and Apply carry the changes over to the device under the
// overlay, or to another one.
//
// Room is taken for what was written, in pages of 4 KiB.
type Overlay struct {
	under Device
	mu    sync.RWMutex
	slots map[int64]int // the pages' numbers in store, by offset / overlayPage
	store pages
	edges [2][overlayPage]byte // pages that a write begins and ends in, on their way to store
	done  bool
}

var (
	_ Device = (*Overlay)(nil)
	_ Seeker = (*Overlay)(nil)
)

// NewOverlay lays an empty overlay over a device, which nobody may change from now on. Closing
// the overlay closes it. Over an overlay that keeps only so much in memory, it does so, too.
func NewOverlay(under Device) *Overlay {
	o := &Overlay{under: under, slots: map[int64]int{}}
	if below, ok := under.(heir); ok {
		o.store = below.empty()
	}
	return o
}

// NewSpillingOverlay is NewOverlay for one that keeps about so many bytes of changes in memory and
// the rest in a temporary file, which no other process sees. Where there is no room for that, it
// keeps up to most bytes in memory before a write fails with ErrSpill.
func NewSpillingOverlay(under Device, memory, most int64) *Overlay {
	o := NewOverlay(under)
	o.store = pages{limit: int(max(memory/overlayPage, 1)), most: int(most / overlayPage)}
	return o
}

// Size is the size in bytes.
func (o *Overlay) Size() int64 { return o.under.Size() }

// Under is the device under the overlay.
func (o *Overlay) Under() Device { return o.under }

// Allocated is the number of bytes that the changes take.
func (o *Overlay) Allocated() int64 {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return int64(len(o.slots)) * overlayPage
}

// ReadAt reads len(p) bytes at off.
func (o *Overlay) ReadAt(p []byte, off int64) (int, error) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if o.done {
		return 0, ErrClosed
	}
	want, short := readable(off, len(p), o.Size())
	for done := 0; done < want; {
		at := off + int64(done)
		in := int(at % overlayPage)
		slot, written := o.slots[at/overlayPage]
		if written {
			run := min(want-done, overlayPage-in)
			if err := o.store.read(slot, in, p[done:done+run]); err != nil {
				return done, err
			}
			done += run
			continue
		}
		run := o.untouched(at, want-done)
		if n, err := o.under.ReadAt(p[done:done+run], at); err != nil {
			return done + n, err
		}
		done += run
	}
	return want, short
}

// untouched returns how many of the n bytes from off, of which the first was never written, can
// be read below in one go.
func (o *Overlay) untouched(off int64, n int) int {
	end := off + int64(n)
	next := off - off%overlayPage + overlayPage
	for next < end && !o.has(next/overlayPage) {
		next += overlayPage
	}
	return int(min(next, end) - off)
}

func (o *Overlay) has(page int64) bool {
	_, ok := o.slots[page]
	return ok
}

// SeekData finds data, of the device under the overlay or of a change.
func (o *Overlay) SeekData(off int64) (int64, error) {
	at, err := SeekData(o.under, off)
	if err != nil && !errors.Is(err, io.EOF) || off >= o.Size() {
		return 0, err
	}
	o.mu.RLock()
	defer o.mu.RUnlock()
	for i := range o.slots {
		if start := max(i*overlayPage, off); (i+1)*overlayPage > off && (err != nil || start < at) {
			at, err = start, nil
		}
	}
	return at, err
}

// SeekHole finds a hole of the device under the overlay where nothing was written.
func (o *Overlay) SeekHole(off int64) (int64, error) {
	for {
		at, err := SeekHole(o.under, off)
		if err != nil || at >= o.Size() {
			return at, err
		}
		o.mu.RLock()
		for at < o.Size() && o.has(at/overlayPage) {
			at = (at/overlayPage + 1) * overlayPage
		}
		o.mu.RUnlock()
		at = min(at, o.Size())
		if off == at {
			return at, nil
		}
		// Behind the change there may be data again.
		if data, err := SeekData(o.under, at); err != nil || data > at || at == o.Size() {
			return at, nil
		}
		off = at
	}
}

// WriteAt writes p at off, in the overlay. Where the device under it can't be read, nothing changes;
// of a write that fails with ErrSpill the bytes before the n-th are written.
func (o *Overlay) WriteAt(p []byte, off int64) (n int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.done {
		return 0, ErrClosed
	}
	if err := writable(off, len(p), o.Size()); err != nil {
		return 0, err
	}
	end := off + int64(len(p))
	first, last := off/overlayPage, (end-1)/overlayPage
	err = o.fetch(first, off, end, &o.edges[0])
	if err == nil && last > first {
		err = o.fetch(last, off, end, &o.edges[1])
	}
	if err != nil {
		return 0, err
	}
	for n < len(p) {
		i, in := (off+int64(n))/overlayPage, int((off+int64(n))%overlayPage)
		run := min(len(p)-n, overlayPage-in)
		if err := o.put(i, in, p[n:n+run], &o.edges[min(n, 1)]); err != nil {
			return n, err
		}
		n += run
	}
	return n, nil
}

// fetch reads page i of the device under the overlay, unless the overlay has it or will have all of it
// from what is written from off to end.
func (o *Overlay) fetch(i, off, end int64, page *[overlayPage]byte) error {
	if o.has(i) || off <= i*overlayPage && (i+1)*overlayPage <= end {
		return nil
	}
	clear(page[:])
	_, err := o.under.ReadAt(page[:min(overlayPage, o.Size()-i*overlayPage)], i*overlayPage)
	return err
}

// put writes a part of page i, from its byte in on. under is what lies under a page that is new and
// not written as a whole.
func (o *Overlay) put(i int64, in int, part []byte, under *[overlayPage]byte) error {
	if slot, ok := o.slots[i]; ok {
		return o.store.write(slot, in, part)
	}
	if len(part) < overlayPage {
		copy(under[in:], part)
		part = under[:]
	}
	slot, err := o.store.add(part)
	if err == nil {
		o.slots[i] = slot
	}
	return err
}

// runSize is the longest run of bytes that Apply writes at once.
const runSize = 1 << 20

// Changes gives the ranges that were written, in order of offset: runs of whole pages, of up to 1
// MiB. Bytes may be among them that are as they were. The overlay must not be written to meanwhile.
func (o *Overlay) Changes() iter.Seq2[int64, int] {
	return func(yield func(off int64, n int) bool) {
		o.mu.RLock()
		written := slices.Sorted(maps.Keys(o.slots))
		o.mu.RUnlock()
		for len(written) > 0 {
			first, n := written[0], 1
			for n < len(written) && n < runSize/overlayPage && written[n] == first+int64(n) {
				n++
			}
			off := first * overlayPage
			if !yield(off, int(min(int64(n)*overlayPage, o.Size()-off))) {
				return
			}
			written = written[n:]
		}
	}
}

// Apply writes all changes to another device of at least the same size, in the order of their
// offsets and in large writes. It does not sync.
func (o *Overlay) Apply(to io.WriterAt) error {
	var buf []byte
	for off, n := range o.Changes() {
		buf = slices.Grow(buf[:0], n)[:n]
		if _, err := o.ReadAt(buf, off); err != nil {
			return err
		}
		if _, err := to.WriteAt(buf, off); err != nil {
			return err
		}
	}
	return nil
}

// Flush carries all changes over to the device under the overlay, and forgets them. It does not
// sync. After an error they are all still there, and some of them are below, too.
func (o *Overlay) Flush() error {
	if below, ok := o.under.(heir); ok {
		o.mu.Lock()
		defer o.mu.Unlock()
		return below.inherit(o)
	}
	if err := o.Apply(o.under); err != nil {
		return err
	}
	return o.Forget()
}

// Forget takes back all changes, and what they take of memory and of a temporary file.
func (o *Overlay) Forget() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.forget()
}

func (o *Overlay) forget() error {
	clear(o.slots)
	return o.store.drop()
}

// heir is an overlay under another one: changes need not be written to it.
type heir interface {
	inherit(upper *Overlay) error
	empty() pages
}

// empty is room for pages that keeps as many in memory as that of the overlay.
func (o *Overlay) empty() pages {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return pages{limit: o.store.limit, most: o.store.most}
}

// inherit takes over what an overlay over this one holds.
func (o *Overlay) inherit(upper *Overlay) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.done {
		return ErrClosed
	}
	if len(o.slots) == 0 {
		o.slots, upper.slots = upper.slots, o.slots
		o.store, upper.store = upper.store, o.store
		return nil
	}
	page := &o.edges[0]
	for i, from := range upper.slots {
		if err := upper.store.read(from, 0, page[:]); err != nil {
			return err
		}
		if err := o.put(i, 0, page[:], nil); err != nil {
			return err
		}
	}
	return upper.forget()
}

// Sync does nothing: the changes stay where they are.
func (o *Overlay) Sync() error {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if o.done {
		return ErrClosed
	}
	return nil
}

// Close forgets the changes and closes the device under the overlay.
func (o *Overlay) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.done {
		return ErrClosed
	}
	o.done = true
	return errors.Join(o.forget(), o.under.Close())
}
