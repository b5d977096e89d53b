package cow

import (
	"sync"
	"sync/atomic"

	"github.com/cowfs/cowfs/format"
)

// File is what is in memory of a regular file: dirty pages, and what is on its way to the data
// fork. It is safe for concurrent use.
type File struct {
	Ino format.Ino

	eng   *Engine
	flush sync.Mutex // held by the one who writes back
	size  atomic.Uint64

	// What follows is changed with mu held. The extents and seq are changed within a transaction
	// besides, so that a transaction alone is enough to read them.
	mu     sync.Mutex
	pages  map[format.FileOff]*page // dirty
	flight map[format.FileOff]*page // being written back
	data   extents                  // reserved for holes of the data fork
	cow    extents                  // the CoW fork
	owed   uint64                   // blocks that are allocated, for extents the data fork does not have yet
	held   uint64                   // of the engine's promised blocks
	seq    uint64                   // counts the changes of forks
	ios    int                      // writes of data that go on
	idle   *sync.Cond               // ios is 0
}

func newFile(e *Engine, ino format.Ino) *File {
	f := &File{Ino: ino, eng: e, pages: map[format.FileOff]*page{}, flight: map[format.FileOff]*page{}, data: newExtents(), cow: newExtents()}
	f.idle = sync.NewCond(&f.mu)
	return f
}

// Size is the size in bytes, with all that was written.
func (f *File) Size() uint64 { return f.size.Load() }

// Geo is the shape of the volume.
func (f *File) Geo() *format.Geometry { return f.eng.geo }

// grow makes the file at least n bytes long.
func (f *File) grow(n uint64) {
	for {
		old := f.size.Load()
		if old >= n || f.size.CompareAndSwap(old, n) {
			return
		}
	}
}

// update changes what is in memory of the forks, and brings along what depends on it. It is
// called within a transaction.
func (f *File) update(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
	f.seq++
	f.settleRoom()
}

// startIO and endIO enclose writes of data to blocks of the file.
func (f *File) startIO() { f.ios++ }

func (f *File) endIO() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ios--; f.ios == 0 {
		f.idle.Broadcast()
	}
}

// waitIdle returns when no data are being written.
func (f *File) waitIdle() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.ios > 0 {
		f.idle.Wait()
	}
}
