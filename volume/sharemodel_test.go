package volume_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"unsafe"

	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/volume"
	"golang.org/x/sys/unix"
)

// shareOp is an operation on files that may share blocks. Offsets and lengths are in bytes.
type shareOp struct {
	what       string // write, clone, copy, dedupe, unshare, exchange, swap, punch, truncate, allocate, remove, hint
	a, b       string
	aOff, bOff int64
	n          int64
	seed       int
}

func (o shareOp) String() string {
	return fmt.Sprintf("%s %s %d %s %d, %d bytes", o.what, o.a, o.aOff, o.b, o.bOff, o.n)
}

// shareModel is the contents that files should have.
type shareModel struct {
	rng   *rand.Rand
	bs    int64
	max   int64 // blocks of a file
	files map[string][]byte
	names []string
	// aligned limits truncating and punching to whole blocks.
	aligned bool
	has     func(what string) bool
}

func newShareModel(seed uint64, bs int64) *shareModel {
	m := &shareModel{rng: rand.New(rand.NewPCG(seed, 3)), bs: bs, max: 60, files: map[string][]byte{}, has: func(string) bool { return true }}
	for i := range 5 {
		m.names = append(m.names, string(rune('a'+i)))
	}
	return m
}

// next makes up an operation that can be done.
func (m *shareModel) next() shareOp {
	kinds := []string{"write", "write", "write", "write", "clone", "clone", "clone", "clone", "copy", "dedupe", "dedupe", "unshare", "exchange", "swap", "punch", "truncate", "allocate", "remove", "hint"}
	for {
		o := shareOp{what: kinds[m.rng.IntN(len(kinds))], a: m.name(), b: m.name(), seed: m.rng.IntN(1000)}
		if m.has(o.what) && m.fill(&o) {
			return o
		}
	}
}

func (m *shareModel) name() string { return m.names[m.rng.IntN(len(m.names))] }

// blocks is a number of blocks, up to n, in bytes; few ones are likelier.
func (m *shareModel) blocks(n int64) int64 {
	if n <= 0 {
		return 0
	}
	if m.rng.IntN(2) == 0 {
		n = min(n, 6)
	}
	return m.rng.Int64N(n+1) * m.bs
}

func (m *shareModel) fill(o *shareOp) bool {
	a, haveA := m.files[o.a]
	b, haveB := m.files[o.b]
	size := func(p []byte) int64 { return int64(len(p)) }
	switch o.what {
	case "write":
		o.aOff = m.rng.Int64N(m.max * m.bs)
		o.n = 1 + m.rng.Int64N(min(6*m.bs, m.max*m.bs-o.aOff))
		return true
	case "clone":
		o.aOff, o.bOff = m.blocks(size(a)/m.bs), m.blocks(m.max-6)
		o.n = m.blocks((size(a) - o.aOff) / m.bs)
		if m.rng.IntN(3) == 0 {
			o.n = 0
		}
		n := o.n
		if n == 0 {
			n = size(a) - o.aOff
		}
		up := (n + m.bs - 1) / m.bs * m.bs
		return haveA && haveB && n > 0 && o.bOff+n <= m.max*m.bs && (n%m.bs == 0 || o.bOff+n >= size(b)) &&
			(o.a != o.b || o.aOff+up <= o.bOff || o.bOff+up <= o.aOff)
	case "copy":
		return haveA && o.a != o.b && size(a) > 0
	case "dedupe":
		off := m.blocks(min(size(a), size(b)) / m.bs)
		o.aOff, o.bOff = off, off
		o.n = min(size(a), size(b)) - off
		if m.rng.IntN(2) == 0 {
			o.n = m.blocks(o.n / m.bs)
		}
		return haveA && haveB && o.a != o.b && o.n > 0
	case "unshare":
		o.aOff = m.blocks(size(a) / m.bs)
		o.n = m.blocks((size(a) - o.aOff) / m.bs)
		return haveA && o.n > 0
	case "exchange":
		o.aOff, o.bOff = m.blocks(size(a)/m.bs), m.blocks(size(b)/m.bs)
		o.n = m.blocks(min(size(a)-o.aOff, size(b)-o.bOff) / m.bs)
		return haveA && haveB && o.n > 0 && (o.a != o.b || o.aOff+o.n <= o.bOff || o.bOff+o.n <= o.aOff)
	case "swap":
		return haveA && haveB && o.a != o.b && size(a) > 0 && size(b) > 0
	case "punch":
		o.aOff, o.n = m.blocks(size(a)/m.bs), m.bs+m.blocks(6)
		if !m.aligned {
			o.aOff, o.n = o.aOff+m.rng.Int64N(m.bs), o.n+m.rng.Int64N(m.bs)
		}
		return haveA
	case "truncate":
		if o.n = m.blocks(m.max); !m.aligned && m.rng.IntN(2) == 0 {
			o.n = m.rng.Int64N(m.max * m.bs)
		}
		return haveA
	case "allocate":
		o.aOff, o.n = m.blocks(m.max-6), m.bs+m.blocks(5)
		return haveA
	case "hint":
		o.n = m.blocks(40)
		return haveA
	}
	return haveA // remove
}

// data is what a write writes.
func (o shareOp) data() []byte {
	b := make([]byte, o.n)
	for i := range b { // with many equal blocks
		b[i] = byte((int64(i)+o.aOff)>>9*7) + byte(o.seed%3)
	}
	return b
}

func put(p []byte, off int64, data []byte) []byte {
	if n := off + int64(len(data)); n > int64(len(p)) {
		p = append(p, make([]byte, n-int64(len(p)))...)
	}
	copy(p[off:], data)
	return p
}

// same is how many bytes a dedupe finds equal.
func (m *shareModel) same(o shareOp) (n int64) {
	for n < o.n && m.files[o.a][o.aOff+n] == m.files[o.b][o.bOff+n] {
		n++
	}
	return n
}

// run is the operation on the model.
func (m *shareModel) run(o shareOp) {
	a, b := slices.Clone(m.files[o.a]), slices.Clone(m.files[o.b])
	switch o.what {
	case "write":
		m.files[o.a] = put(a, o.aOff, o.data())
	case "clone":
		n := o.n
		if n == 0 {
			n = int64(len(a)) - o.aOff
		}
		m.files[o.b] = put(b, o.bOff, slices.Clone(a[o.aOff:o.aOff+n]))
	case "copy":
		m.files[o.b] = a
	case "exchange":
		one, two := slices.Clone(a[o.aOff:o.aOff+o.n]), slices.Clone(b[o.bOff:o.bOff+o.n])
		m.files[o.a] = put(a, o.aOff, two)
		m.files[o.b] = put(slices.Clone(m.files[o.b]), o.bOff, one)
	case "swap":
		m.files[o.a], m.files[o.b] = b, a
	case "punch":
		if o.aOff < int64(len(a)) {
			clear(a[o.aOff:min(o.aOff+o.n, int64(len(a)))])
		}
		m.files[o.a] = a
	case "truncate":
		m.files[o.a] = append(a[:min(o.n, int64(len(a)))], make([]byte, max(0, o.n-int64(len(a))))...)
	case "allocate":
		m.files[o.a] = put(a, max(int64(len(a)), o.aOff+o.n), nil)
	case "remove":
		delete(m.files, o.a)
	}
}

// onVolume is the operation on a volume.
func (m *shareModel) onVolume(w *volume.Writer, o shareOp) error {
	a, b := "/"+o.a, "/"+o.b
	switch o.what {
	case "write":
		if _, ok := m.files[o.a]; !ok {
			if err := w.Create(a, volume.Attr{Mode: 0o644}); err != nil {
				return err
			}
		}
		return w.WriteAt(a, o.data(), o.aOff)
	case "clone":
		return w.CloneRange(a, o.aOff, b, o.bOff, o.n)
	case "copy":
		return w.Clone(a, b)
	case "dedupe":
		want := m.same(o)
		same, err := w.Dedupe(a, o.aOff, b, o.bOff, o.n)
		if err == nil && same != want {
			err = fmt.Errorf("%d bytes are the same, want %d", same, want)
		}
		return err
	case "unshare":
		return w.Unshare(a, o.aOff, o.n)
	case "exchange":
		return w.Exchange(a, o.aOff, b, o.bOff, o.n)
	case "swap":
		return w.Exchange(a, 0, b, 0, 0)
	case "punch":
		return w.Punch(a, o.aOff, o.n)
	case "truncate":
		return w.Truncate(a, o.n)
	case "allocate":
		return w.Fallocate(a, o.aOff, o.n, false)
	case "hint":
		return w.SetCowExtSize(a, o.n)
	}
	return w.Remove(a)
}

// exchangeRange is the argument of the kernel's XFS_IOC_EXCHANGE_RANGE.
type exchangeRange struct {
	fd1                       int32
	_                         uint32
	off1, off2, length, flags uint64
}

// toEOF has files exchanged up to their ends, and their sizes.
const toEOF = 1

func kernelExchange(fd1, fd2 int, off1, off2, n int64, flags uint64) error {
	x := exchangeRange{fd1: int32(fd1), off1: uint64(off1), off2: uint64(off2), length: uint64(n), flags: flags}
	const request = 1<<30 | unsafe.Sizeof(x)<<16 | 'X'<<8 | 129
	if _, _, err := unix.Syscall(unix.SYS_IOCTL, uintptr(fd2), request, uintptr(unsafe.Pointer(&x))); err != 0 {
		return err
	}
	return nil
}

// onKernel is the operation on files below a mount point.
func (m *shareModel) onKernel(dir string, o shareOp) error {
	if o.what == "remove" {
		return os.Remove(filepath.Join(dir, o.a))
	}
	a, err := os.OpenFile(filepath.Join(dir, o.a), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer a.Close()
	flags := os.O_RDWR | os.O_CREATE
	if o.what == "copy" {
		flags |= os.O_TRUNC
	}
	fd, b := int(a.Fd()), a
	if two := map[string]bool{"clone": true, "copy": true, "dedupe": true, "exchange": true, "swap": true}; two[o.what] && o.a != o.b {
		if b, err = os.OpenFile(filepath.Join(dir, o.b), flags, 0o644); err != nil {
			return err
		}
		defer b.Close()
	}
	switch o.what {
	case "write":
		_, err = a.WriteAt(o.data(), o.aOff)
	case "clone":
		err = unix.IoctlFileCloneRange(int(b.Fd()), &unix.FileCloneRange{Src_fd: int64(fd), Src_offset: uint64(o.aOff), Src_length: uint64(o.n), Dest_offset: uint64(o.bOff)})
	case "copy":
		err = unix.IoctlFileClone(int(b.Fd()), fd)
	case "dedupe":
		r := unix.FileDedupeRange{Src_offset: uint64(o.aOff), Src_length: uint64(o.n), Info: []unix.FileDedupeRangeInfo{{Dest_fd: int64(b.Fd()), Dest_offset: uint64(o.bOff)}}}
		err = unix.IoctlFileDedupeRange(fd, &r)
		if status := r.Info[0].Status; err == nil && status < 0 {
			err = unix.Errno(-status)
		}
	case "unshare":
		err = unix.Fallocate(fd, unix.FALLOC_FL_UNSHARE_RANGE, o.aOff, o.n)
	case "exchange":
		err = kernelExchange(fd, int(b.Fd()), o.aOff, o.bOff, o.n, 0)
	case "swap":
		err = kernelExchange(fd, int(b.Fd()), 0, 0, 0, toEOF)
	case "punch":
		err = unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, o.aOff, o.n)
	case "truncate":
		err = a.Truncate(o.n)
	case "allocate":
		err = unix.Fallocate(fd, 0, o.aOff, o.n)
	}
	return errors.Join(err, a.Sync())
}

// compare holds a volume against the model.
func (m *shareModel) compare(t testing.TB, v *volume.Volume) {
	t.Helper()
	for name, want := range m.files {
		got, err := v.ReadFile(name)
		check(t, err)
		if !bytes.Equal(got, want) {
			t.Fatalf("%s: %s", name, differ(got, want))
		}
	}
}

// Random operations that share blocks and end sharing, on a volume and on a model.
func TestShareModel(t *testing.T) {
	for i, g := range []string{"default", "1k", "no-rmapbt", "64k"} {
		t.Run(g, func(t *testing.T) {
			t.Parallel()
			path := emptyImage(t, geometry(g))
			w := openWriter(t, path)
			m := newShareModel(seed(t, uint64(90+i)), int64(w.Geo.BlockSize))
			for k := range oracle.Soak(300, 20_000) {
				o := m.next()
				if err := m.onVolume(w, o); err != nil {
					t.Fatalf("operation %d: %v: %v", k, o, err)
				}
				m.run(o)
				if k%10 == 0 {
					m.compare(t, w.Volume)
				}
				if k%oracle.Soak(100, 1000) == 99 {
					check(t, w.Close())
					oracle.RepairClean(t, oracle.Gen7, path)
					kernelReads(t, path, m.files)
					w = openWriter(t, path)
				}
				if t.Failed() {
					t.Fatalf("after operation %d: %v", k, o)
				}
			}
			check(t, w.Close())
		})
	}
}

// The same operations by us and by the kernel give the same contents, and the same blocks are
// shared.
func TestShareLikeKernel(t *testing.T) {
	for i, g := range []string{"default", "1k", "no-rmapbt"} {
		t.Run(g, func(t *testing.T) {
			t.Parallel()
			s := seed(t, uint64(70+i))
			ours := emptyImage(t, geometry(g))
			theirs := emptyImage(t, geometry(g))
			for round := range oracle.Soak(3, 60) {
				mount := oracle.Mount(t, theirs, oracle.MountOptions{})
				w := openWriter(t, ours)
				m := newShareModel(s+uint64(round), int64(w.Geo.BlockSize))

				m.has = func(what string) bool { return what != "hint" }
				var script []shareOp
				for range oracle.Soak(120, 500) {
					o := m.next()
					script = append(script, o)
					if err := m.onKernel(mount.Dir, o); err != nil {
						t.Fatalf("%d: the kernel: %v: %v", len(script), o, err)
					}
					if err := m.onVolume(w, o); err != nil {
						t.Fatalf("%d: %v: %v", len(script), o, err)
					}
					m.run(o)
				}
				mount.Unmount()
				check(t, w.Close())
				var shared [2]map[owner]owner
				for i, path := range []string{theirs, ours} {
					v := openWriter(t, path)
					m.compare(t, v.Volume)
					shared[i] = sharing(t, v.Volume)
					check(t, v.Close())
				}
				sameSharing(t, shared[1], shared[0])
				oracle.RepairClean(t, oracle.Gen7, ours)
				w = openWriter(t, ours)
				mount = oracle.Mount(t, theirs, oracle.MountOptions{})
				for name := range m.files { // the next round begins anew
					check(t, w.Remove("/"+name))
					check(t, os.Remove(filepath.Join(mount.Dir, name)))
				}
				check(t, w.Close())
				mount.Unmount()
			}
		})
	}
}
