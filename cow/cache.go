package cow

import (
	"cmp"
	"slices"
	"sync"

	"github.com/cowfs/cowfs/format"
)

// page is a block of a file in memory. Only blocks that are dirty or being written back have
// one: what is clean is with the host anyway.
type page struct {
	data []byte // one block
	run  *run   // whose memory it is
	at   int    // where there, in blocks
}

// run is memory for several blocks in a row.
type run struct {
	mem  []byte
	left int // pages that still use it; guarded by the file's mu
}

// runSize is the size of a run for large writes, in bytes.
const runSize = 1 << 20

// runs is memory to be used again.
var runs = sync.Pool{New: func() any { b := make([]byte, runSize); return &b }}

// newRun returns memory for n blocks. What is in it is of no meaning.
func newRun(n, blockSize int) *run {
	if n*blockSize == runSize {
		return &run{*runs.Get().(*[]byte), n}
	}
	return &run{make([]byte, n*blockSize), n}
}

// page is the i-th page of the run.
func (r *run) page(i, blockSize int) *page {
	return &page{r.mem[i*blockSize : (i+1)*blockSize : (i+1)*blockSize], r, i}
}

// free says that a page is not used any more.
func (p *page) free() {
	if p.run.left--; p.run.left == 0 && len(p.run.mem) == runSize {
		runs.Put(&p.run.mem)
	}
	p.data, p.run = nil, nil
}

// follows reports whether a page lies behind another one in memory.
func (p *page) follows(q *page) bool { return p.run == q.run && p.at == q.at+1 }

// dirtied makes a page the file's at a block that has none. It holds mu.
func (f *File) dirtied(at format.FileOff, p *page) {
	f.pages[at] = p
	f.eng.dirty.Add(int64(len(p.data)))
}

// clean takes a page away from the dirty ones. It holds mu.
func (f *File) clean(at format.FileOff) *page {
	p := f.pages[at]
	if p != nil {
		delete(f.pages, at)
		f.eng.dirty.Add(-int64(len(p.data)))
	}
	return p
}

// dirtyIn lists the dirty blocks between off and end, in order. It holds mu.
func (f *File) dirtyIn(off, end format.FileOff) []format.FileOff {
	var list []format.FileOff
	if uint64(end-off) < uint64(len(f.pages)) {
		for at := off; at < end; at++ {
			if f.pages[at] != nil {
				list = append(list, at)
			}
		}
		return list
	}
	for at := range f.pages {
		if off <= at && at < end {
			list = append(list, at)
		}
	}
	slices.SortFunc(list, cmp.Compare)
	return list
}

// Dirty reports whether there are dirty pages.
func (f *File) Dirty() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.pages) > 0
}

// cached is the page of a block, dirty or being written back, or nil. It holds mu.
func (f *File) cached(at format.FileOff) *page {
	if p := f.pages[at]; p != nil {
		return p
	}
	return f.flight[at]
}
