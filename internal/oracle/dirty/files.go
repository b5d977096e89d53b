package dirty

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/cowfs/cowfs/internal/oracle"
)

// Files changes the mappings of files in all ways.
func (w *Work) Files(prefix string) {
	data := make([]byte, 3<<20)
	for i := 0; i < len(data); i += 8 {
		binary.LittleEndian.PutUint64(data[i:], w.rng.Uint64())
	}
	big := w.Path("%s-big", prefix)
	w.must(os.WriteFile(big, data, 0o644))
	frag, err := os.Create(w.Path("%s-frag", prefix))
	w.must(err)
	for i := range 90 {
		_, err := frag.WriteAt(data[:100], int64(i)*3<<16)
		w.must(err)
		if i%10 == 0 {
			w.must(frag.Sync())
		}
	}
	w.must(frag.Sync())
	w.must(frag.Close())
	w.io(big, "fpunch 512k 300k", "falloc 8m 2m", "fzero 1m 128k", "fcollapse 64k 64k", "finsert 128k 64k", "truncate 2500k", "fsync")
	clone := w.Path("%s-clone", prefix)
	if !w.clone(big, clone) {
		return
	}
	w.io(clone, "reflink "+big+" 0 1m 256k")
	if w.Cow {
		w.io(clone, "cowextsize 256k", "pwrite 0 100", "pwrite 700k 5000", "fsync", "pwrite 1300k 9000", "fsync")
	} else {
		w.io(clone, "truncate 1536k", "fpunch 64k 128k", "fsync")
	}
}

// io runs commands of xfs_io on a file.
func (w *Work) io(file string, commands ...string) {
	w.t.Helper()
	args := []string{"-f"}
	for _, c := range commands {
		args = append(args, "-c", c)
	}
	oracle.MustRun(w.t, oracle.Tool(w.t, "xfs_io", oracle.Gen7), append(args, file)...)
}

// clone makes a file that shares all blocks of another one, and tells whether that is possible.
func (w *Work) clone(from, to string) bool {
	src, err := os.Open(from)
	w.must(err)
	defer src.Close()
	dst, err := os.Create(to)
	w.must(err)
	defer dst.Close()
	err = unix.IoctlFileClone(int(dst.Fd()), int(src.Fd()))
	if err == unix.EOPNOTSUPP {
		w.must(os.Remove(to))
		return false
	}
	w.must(err)
	return true
}

// Race has several goroutines change files and names until, in the middle of it, the filesystem
// is shut down. What is not in the log by then does not get there: a shutdown that flushes the log
// stops transactions halfway that have changed inodes in memory, and can log those inodes after
// that.
func (w *Work) Race() {
	dir, err := os.Open(w.Dir)
	w.must(err)
	defer dir.Close()
	stop := w.race(int64(1000 + w.rng.IntN(3000)))
	err = shutdown(dir, true)
	stop()
	if err != unix.EIO { // it has gone down by itself, for a fault of its own
		w.must(err)
	}
}

// Busy has several goroutines change files and names until that many changes are made.
func (w *Work) Busy(steps int64) { w.race(steps)() }

// race has several goroutines change files and names. It returns after so many changes; stop ends
// the work.
func (w *Work) race(until int64) (stopAll func()) {
	const workers = 12
	var group sync.WaitGroup
	var steps atomic.Int64
	var stop atomic.Bool
	seed := w.rng.Uint64()
	for i := range workers {
		group.Add(1)
		go func() {
			defer group.Done()
			r := racer{dir: w.Path("racer%d", i), rng: rand.New(rand.NewPCG(seed, uint64(i)))}
			_ = os.Mkdir(r.dir, 0o755)
			for !stop.Load() {
				r.step()
				steps.Add(1)
			}
		}()
	}
	for steps.Load() < until {
		time.Sleep(time.Millisecond)
	}
	return func() {
		stop.Store(true)
		group.Wait()
	}
}

// racer changes files of its own. Errors are none of its business: the filesystem goes down.
type racer struct {
	dir string
	rng *rand.Rand
}

func (r *racer) path() string { return fmt.Sprintf("%s/%d", r.dir, r.rng.IntN(20)) }

// longPath is one of the names that do not fit into inodes.
func (r *racer) longPath() string {
	return fmt.Sprintf("%s/%0*d", r.dir, 100+r.rng.IntN(3)*60, r.rng.IntN(60))
}

func (r *racer) step() {
	p := r.path()
	f, err := os.OpenFile(p, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return
	}
	defer f.Close()
	fd := int(f.Fd())
	switch r.rng.IntN(11) {
	case 0:
		_, _ = f.WriteAt(bytes.Repeat([]byte("x"), 4096*(1+r.rng.IntN(64))), int64(r.rng.IntN(100))<<16)
		_ = f.Sync()
	case 1:
		for k := range 40 {
			_ = unix.Fallocate(fd, 0, int64(k)*8192+int64(r.rng.IntN(4))<<20, 4096)
		}
	case 2:
		_ = f.Truncate(int64(r.rng.IntN(2) * r.rng.IntN(1<<22)))
	case 3, 4:
		r.share(fd)
	case 5:
		// To replace an attribute, or to write a large one, takes several transactions without an
		// intent: a crash leaves entries marked incomplete, for which xfs_repair has a complaint.
		_ = unix.Setxattr(p, fmt.Sprintf("user.a%d", r.rng.IntN(9)), bytes.Repeat([]byte("v"), r.rng.IntN(700)), unix.XATTR_CREATE)
		_ = unix.Removexattr(p, fmt.Sprintf("user.a%d", r.rng.IntN(9)))
	case 6:
		_ = os.Rename(p, r.path())
	case 7:
		_ = os.Remove(p)
	case 8:
		_ = os.Link(p, r.longPath())
	case 9:
		_ = os.Rename(r.longPath(), r.longPath())
	case 10:
		_ = os.Remove(r.longPath())
	}
}

// share clones another file, or exchanges contents with it.
func (r *racer) share(fd int) {
	src, err := os.OpenFile(r.path(), os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer src.Close()
	if r.rng.IntN(2) == 0 {
		_ = unix.IoctlFileClone(fd, int(src.Fd()))
		return
	}
	// The argument of the ioctl in linux/xfs_fs.h; x/sys has no wrapper for it.
	const xfsExchangeRange = 0x40285881
	arg := struct {
		fd1                       int32
		pad                       uint32
		off1, off2, length, flags uint64
	}{fd1: int32(src.Fd()), length: 64 << 10 * uint64(1+r.rng.IntN(16))}
	// Not to the files' ends: when the kernel recovers from that in the middle, it gives the files
	// each other's sizes of then, not those that they had at first and that the log names.
	const writtenOnly = 1 << 3
	arg.flags = []uint64{0, writtenOnly}[r.rng.IntN(2)]
	_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(fd), xfsExchangeRange, uintptr(unsafe.Pointer(&arg)))
}
