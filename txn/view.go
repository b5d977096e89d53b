package txn

import (
	"errors"
	"slices"

	"github.com/cowfs/cowfs/device"
)

// pageSize is the unit in which a view looks for buffers, in bytes.
const pageSize = 4096

// show makes views find a buffer, hide ends that.
func (s *Store) show(b *Buf) {
	if b.shown {
		return
	}
	b.shown = true
	for off, part := range b.parts() {
		for p := off / pageSize; p*pageSize < off+int64(len(part)); p++ {
			s.pages[p] = append(s.pages[p], b)
		}
	}
}

func (s *Store) hide(b *Buf) {
	if !b.shown {
		return
	}
	b.shown = false
	for off, part := range b.parts() {
		for p := off / pageSize; p*pageSize < off+int64(len(part)); p++ {
			s.unpage(p, b)
		}
	}
}

func (s *Store) unpage(p int64, b *Buf) {
	list := s.pages[p]
	if i := slices.Index(list, b); i >= 0 {
		list[i] = list[len(list)-1]
		list = list[:len(list)-1]
	}
	if len(list) == 0 {
		delete(s.pages, p)
	} else {
		s.pages[p] = list
	}
}

// view is the volume as transactions have made it, for code that reads bytes.
type view struct {
	s    *Store
	lock bool
}

var errView = errors.New("a view of a volume can't be written")

// View returns the volume as a device that shows what all transactions have made, and can't be
// written. Reading waits for the open transaction. Closing it does nothing.
func (s *Store) View() device.Device { return view{s, true} }

// View is the volume as the open transaction has made it so far, for its own use.
func (tx *Tx) View() device.Device { return view{tx.Store, false} }

func (v view) Size() int64                        { return v.s.dev.Size() }
func (v view) WriteAt([]byte, int64) (int, error) { return 0, errView }
func (v view) Sync() error                        { return nil }
func (v view) Close() error                       { return nil }

// sum makes a buffer's checksum the one that readers want to see. Several may at a time.
func (s *Store) sum(b *Buf) {
	s.sums.Lock()
	defer s.sums.Unlock()
	if b.stale {
		b.Type.SetChecksum(b.Data)
		b.stale = false
	}
}

// ReadAt reads from the device, and lays over it what is newer in memory.
func (v view) ReadAt(p []byte, off int64) (int, error) {
	if v.lock {
		v.s.turn.RLock()
		defer v.s.turn.RUnlock()
	}
	n, err := v.s.dev.ReadAt(p, off)
	if len(v.s.pages) == 0 {
		return n, err
	}
	end := off + int64(n)
	for page := off / pageSize; page*pageSize < end; page++ {
		for _, b := range v.s.pages[page] {
			for at, part := range b.parts() {
				// Of a part on several pages, each copies its own.
				lo := max(at, off, page*pageSize)
				hi := min(at+int64(len(part)), end, (page+1)*pageSize)
				if lo < hi {
					v.s.sum(b)
					copy(p[lo-off:hi-off], part[lo-at:hi-at])
				}
			}
		}
	}
	return n, err
}
