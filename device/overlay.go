package device

import (
	"errors"
	"io"
	"iter"
	"maps"
	"slices"
	"sync"
)

// overlayPage is the unit in which an Overlay keeps what was written, in bytes.
const overlayPage = 4 << 10

// Overlay is another device with changes to it that are kept in memory. The device under it is
// only read, so it shows what an image would be like after a write, such as the replay of its
// log, and the image stays as it is. Flush and Apply carry the changes over to the device under the
// overlay, or to another one.
//
// Memory is bounded by what was written: pages of 4 KiB.
type Overlay struct {
	under Device
	mu    sync.RWMutex
	pages map[int64]*[overlayPage]byte // by offset / overlayPage
	done  bool
}

var (
	_ Device = (*Overlay)(nil)
	_ Seeker = (*Overlay)(nil)
)

// NewOverlay lays an empty overlay over a device, which nobody may change from now on. Closing
// the overlay closes it.
func NewOverlay(under Device) *Overlay {
	return &Overlay{under: under, pages: map[int64]*[overlayPage]byte{}}
}

// Size is the size in bytes.
func (o *Overlay) Size() int64 { return o.under.Size() }

// Under is the device under the overlay.
func (o *Overlay) Under() Device { return o.under }

// Allocated is the number of bytes that the changes take in memory.
func (o *Overlay) Allocated() int64 {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return int64(len(o.pages)) * overlayPage
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
		page, run := o.pages[(off+int64(done))/overlayPage], 0
		if page != nil {
			run = copy(p[done:want], page[(off+int64(done))%overlayPage:])
		} else {
			run = o.untouched(off+int64(done), want-done)
			if n, err := o.under.ReadAt(p[done:done+run], off+int64(done)); err != nil {
				return done + n, err
			}
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
	for next < end && o.pages[next/overlayPage] == nil {
		next += overlayPage
	}
	return int(min(next, end) - off)
}

// SeekData finds data, of the device under the overlay or of a change.
func (o *Overlay) SeekData(off int64) (int64, error) {
	at, err := SeekData(o.under, off)
	if err != nil && !errors.Is(err, io.EOF) || off >= o.Size() {
		return 0, err
	}
	o.mu.RLock()
	defer o.mu.RUnlock()
	for i := range o.pages {
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
		for at < o.Size() && o.pages[at/overlayPage] != nil {
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

// WriteAt writes p at off, in memory.
func (o *Overlay) WriteAt(p []byte, off int64) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.done {
		return 0, ErrClosed
	}
	if err := writable(off, len(p), o.Size()); err != nil {
		return 0, err
	}
	// All pages are there before one is changed: a write that fails changes nothing.
	for at := off - off%overlayPage; at < off+int64(len(p)); at += overlayPage {
		whole := at >= off && at+overlayPage <= off+int64(len(p))
		if err := o.own(at/overlayPage, whole); err != nil {
			return 0, err
		}
	}
	for done := 0; done < len(p); {
		at := off + int64(done)
		done += copy(o.pages[at/overlayPage][at%overlayPage:], p[done:])
	}
	return len(p), nil
}

// own makes page i one of the overlay's. Unless it is going to be written as a whole, it gets
// the content that it has below.
func (o *Overlay) own(i int64, whole bool) error {
	if o.pages[i] != nil {
		return nil
	}
	page := new([overlayPage]byte)
	if !whole {
		n := min(overlayPage, o.Size()-i*overlayPage)
		if _, err := o.under.ReadAt(page[:n], i*overlayPage); err != nil {
			return err
		}
	}
	o.pages[i] = page
	return nil
}

// runSize is the longest run of bytes that Changes gives, and Apply writes at once.
const runSize = 1 << 20

// Changes gives what was written, in order of offset: runs of whole pages, as long as they go. A
// run is valid until the next one is asked for. Bytes may be among them that are as they were. The
// overlay must not be written to meanwhile.
func (o *Overlay) Changes() iter.Seq2[int64, []byte] {
	return func(yield func(off int64, p []byte) bool) {
		o.mu.RLock()
		defer o.mu.RUnlock()
		var run []byte
		var start int64
		for _, i := range slices.Sorted(maps.Keys(o.pages)) {
			at := i * overlayPage
			if len(run) > 0 && (start+int64(len(run)) != at || len(run) >= runSize) {
				if !yield(start, run) {
					return
				}
				run = run[:0]
			}
			if len(run) == 0 {
				start = at
			}
			run = append(run, o.pages[i][:min(overlayPage, o.Size()-at)]...)
		}
		if len(run) > 0 {
			yield(start, run)
		}
	}
}

// Apply writes all changes to another device of at least the same size, in the order of their
// offsets and in large writes. It does not sync.
func (o *Overlay) Apply(to io.WriterAt) error {
	for off, p := range o.Changes() {
		if _, err := to.WriteAt(p, off); err != nil {
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
		return below.inherit(o.pages)
	}
	if err := o.Apply(o.under); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.pages)
	return nil
}

// heir is an overlay under another one: changes need not be copied to it.
type heir interface {
	inherit(pages map[int64]*[overlayPage]byte) error
}

// inherit takes the pages out of the map.
func (o *Overlay) inherit(pages map[int64]*[overlayPage]byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.done {
		return ErrClosed
	}
	for i, page := range pages {
		o.pages[i] = page
		delete(pages, i)
	}
	return nil
}

// Sync does nothing: the changes are in memory and stay there.
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
	o.done, o.pages = true, nil
	return o.under.Close()
}
