package volume_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	fsck "github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/volume"
)

// cowFile is a file of the model: what it holds, and what is staged, by block.
type cowFile struct {
	path   string
	data   []byte
	staged map[int64][]byte
}

// cowModel is files that share blocks, and random operations on them.
type cowModel struct {
	t     *testing.T
	rng   *rand.Rand
	bs    int64
	files []*cowFile
	share bool // the volume has reflink
}

const cowFileMax = 300_000

func (m *cowModel) pick() *cowFile { return m.files[m.rng.IntN(len(m.files))] }

// visible is a block as a write to a part of it finds it.
func (m *cowModel) block(f *cowFile, b int64) []byte {
	out := make([]byte, m.bs)
	if s := f.staged[b]; s != nil {
		copy(out, s)
	} else if b*m.bs < int64(len(f.data)) {
		copy(out, f.data[b*m.bs:])
	}
	return out
}

// grow makes the file longer.
func (f *cowFile) grow(n int64) {
	if n > int64(len(f.data)) {
		f.data = append(f.data, make([]byte, n-int64(len(f.data)))...)
	}
}

// gap is what growing to off does to the block that the file ends in: it is written to, if the new
// part begins behind the end.
func (m *cowModel) gap(f *cowFile, off int64) {
	if size := int64(len(f.data)); off > size && size%m.bs != 0 {
		m.take(f, size/m.bs)
	}
}

// take makes a staged block part of the file.
func (m *cowModel) take(f *cowFile, b int64) {
	if s := f.staged[b]; s != nil {
		copy(f.data[min(int64(len(f.data)), b*m.bs):], s)
		delete(f.staged, b)
	}
}

func (m *cowModel) write(f *cowFile, p []byte, off int64) {
	m.gap(f, off)
	for b := off / m.bs; b*m.bs < off+int64(len(p)); b++ {
		m.take(f, b)
	}
	f.grow(off + int64(len(p)))
	copy(f.data[off:], p)
}

// clear is for punch and zero: whole blocks lose what is staged, parts are written to.
func (m *cowModel) clear(f *cowFile, off, end int64) {
	size := int64(len(f.data))
	for b := off / m.bs; b*m.bs < end; b++ {
		lo, hi := max(off, b*m.bs), min(end, (b+1)*m.bs)
		switch {
		case hi-lo == m.bs:
			delete(f.staged, b)
		case lo < size:
			m.take(f, b)
		}
	}
	if off < size {
		clear(f.data[off:min(end, size)])
	}
}

func (m *cowModel) truncate(f *cowFile, n int64) {
	if n > int64(len(f.data)) {
		m.gap(f, n)
		f.grow(n)
		return
	}
	f.data = f.data[:n:n]
	for b, s := range f.staged {
		if b*m.bs >= n {
			delete(f.staged, b)
		} else if n < (b+1)*m.bs {
			clear(s[n-b*m.bs:])
		}
	}
}

// op does one operation on both.
func (m *cowModel) op(w *volume.Writer) string {
	f := m.pick()
	off := m.rng.Int64N(cowFileMax)
	n := 1 + m.rng.Int64N(40_000)
	if m.rng.IntN(2) == 0 {
		off = off / m.bs * m.bs
		n = (n + m.bs - 1) / m.bs * m.bs
	}
	p := noise(m.rng.Uint64(), int(n))
	end := off + n
	check := func(what string, err error) string {
		m.t.Helper()
		what = fmt.Sprintf("%s %s %d+%d", what, f.path, off, n)
		if err != nil {
			m.t.Fatalf("%s: %v", what, err)
		}
		return what
	}
	k := m.rng.IntN(20)
	if !m.share && k >= 9 && k <= 15 {
		k = 0
	}
	switch k {
	case 0, 1, 2:
		m.write(f, p, off)
		return check("write", w.WriteAt(f.path, p, off))
	case 3:
		m.write(f, p, off)
		return check("direct", w.WriteDirect(f.path, p, off))
	case 4:
		m.write(f, p, off)
		return check("dax", w.WriteDAX(f.path, p, off))
	case 5:
		m.clear(f, off, end)
		return check("punch", w.Punch(f.path, off, n))
	case 6:
		keep := m.rng.IntN(2) == 0
		if !keep {
			m.gap(f, end)
		}
		m.clear(f, off, end)
		if !keep {
			f.grow(end)
		}
		return check("zero", w.ZeroRange(f.path, off, n, keep))
	case 7:
		m.truncate(f, off)
		return check("truncate", w.Truncate(f.path, off))
	case 8:
		keep := m.rng.IntN(2) == 0
		if !keep {
			m.gap(f, end)
			f.grow(end)
		}
		return check("fallocate", w.Fallocate(f.path, off, n, keep))
	case 9, 10, 11:
		size := int64(len(f.data))
		if size == 0 {
			return "nothing"
		}
		off %= size
		p = p[:min(n, size-off)]
		n = int64(len(p))
		for b := off / m.bs; b*m.bs < off+n; b++ {
			s := m.block(f, b)
			lo, hi := max(off, b*m.bs), min(off+n, (b+1)*m.bs)
			copy(s[lo-b*m.bs:], p[lo-off:hi-off])
			f.staged[b] = s
		}
		return check("stage", w.Stage(f.path, p, off))
	case 12:
		for b := off / m.bs; b*m.bs < end; b++ {
			m.take(f, b)
		}
		check("writeback", w.WritebackAll())
		return check("remap", w.CowRemap(f.path, off, n))
	case 13:
		check("writeback", w.WritebackAll())
		for b := off / m.bs; b*m.bs < end; b++ {
			delete(f.staged, b)
		}
		return check("cancel", w.CowCancel(f.path, off, n))
	case 14:
		g := m.pick()
		if g == f {
			return "nothing"
		}
		g.data, g.staged = bytes.Clone(f.data), map[int64][]byte{}
		return check("clone to "+g.path+" of", w.Clone(f.path, g.path))
	case 15:
		return m.cloneRange(w, f, off/m.bs*m.bs, n)
	case 16:
		for b := off / m.bs; b*m.bs < end; b++ {
			m.take(f, b)
		}
		return check("writeback", w.Writeback(f.path, off, n))
	case 17:
		return check("sync", w.Sync())
	case 18:
		f.data, f.staged = nil, map[int64][]byte{}
		check("remove", w.Remove(f.path))
		return check("create", w.Create(f.path, volume.Attr{Mode: 0o644}))
	default:
		return check("writeback all", w.WritebackAll())
	}
}

func (m *cowModel) cloneRange(w *volume.Writer, f *cowFile, off, n int64) string {
	g := m.pick()
	size := int64(len(f.data))
	n = n / m.bs * m.bs
	if off+n > size || n == 0 || g == f {
		return "nothing"
	}
	to := m.rng.Int64N(cowFileMax) / m.bs * m.bs
	m.gap(g, to)
	for b := to / m.bs; b*m.bs < to+n; b++ {
		delete(g.staged, b)
	}
	g.grow(to + n)
	copy(g.data[to:], f.data[off:off+n])
	what := fmt.Sprintf("clone %s %d+%d to %s %d", f.path, off, n, g.path, to)
	if err := w.CloneRange(f.path, off, g.path, to, n); err != nil {
		m.t.Fatalf("%s: %v", what, err)
	}
	return what
}

// crash stops a session where it is, after what was safe, and recovers the image. What is staged is
// there as before, and what only memory had of other writes is not.
func (m *cowModel) crash(w *volume.Writer, image *device.Memory) (*volume.Writer, *device.Memory) {
	m.t.Helper()
	check(m.t, w.Sync())
	f := m.pick()
	check(m.t, w.WriteAt(f.path, []byte("lost"), 0)) // in pages, with blocks reserved
	image = image.Clone()
	w, err := volume.OpenWriter(keepOpen{image}, volume.Options{Replay: true})
	check(m.t, err)
	m.compare(w.Volume, "after a crash")
	check(m.t, w.Sync())
	report, err := fsck.Run(m.t.Context(), image.Clone(), fsck.Options{})
	check(m.t, err)
	for _, x := range report.Findings {
		m.t.Fatalf("after a crash: %v", x)
	}
	return w, image
}

// compare holds all files against the model.
func (m *cowModel) compare(v *volume.Volume, after string) {
	m.t.Helper()
	for _, f := range m.files {
		got, err := v.ReadFile(f.path[1:])
		check(m.t, err)
		m.same(after+": "+f.path, got, f.data)
		i, err := v.Lookup(f.path)
		check(m.t, err)
		r, err := v.StagedReader(i)
		check(m.t, err)
		got, err = io.ReadAll(r)
		check(m.t, err)
		want := bytes.Clone(f.data)
		for b, s := range f.staged {
			copy(want[b*m.bs:], s)
		}
		m.same(after+": staged "+f.path, got, want)
	}
}

func (m *cowModel) same(what string, got, want []byte) {
	m.t.Helper()
	if bytes.Equal(got, want) {
		return
	}
	i := 0
	for i < min(len(got), len(want)) && got[i] == want[i] {
		i++
	}
	m.t.Fatalf("%s: %d bytes, want %d; the first difference is byte %d, in block %d", what, len(got), len(want), i, int64(i)/m.bs)
}

func (m *cowModel) pending() bool {
	for _, f := range m.files {
		if len(f.staged) > 0 {
			return true
		}
	}
	return false
}

// byKernel shows an image to xfs_repair and the kernel. While something is staged the kernel
// refuses to write and shows the files as they are.
func (m *cowModel) byKernel(image *device.Memory) {
	m.t.Helper()
	path := save(m.t, image)
	defer os.Remove(path)
	pending := m.pending()
	if pending {
		if k, err := oracle.TryMount(m.t, path, oracle.MountOptions{Loud: true}); err == nil {
			k.Unmount()
			m.t.Fatal("the kernel mounts a volume with staged writes for writing")
		}
	} else {
		oracle.RepairClean(m.t, oracle.Gen7, path)
	}
	k := oracle.Mount(m.t, path, oracle.MountOptions{ReadOnly: pending, Loud: pending})
	for _, f := range m.files {
		got, err := os.ReadFile(filepath.Join(k.Dir, f.path))
		check(m.t, err)
		m.same("the kernel: "+f.path, got, f.data)
	}
	k.Unmount()
}

// Random writes of all kinds, clones and stages leave in each file what a model says, for us and
// for the kernel; and no trace when all is done.
func TestCowModel(t *testing.T) {
	for i, g := range []string{"default", "1k", "no-rmapbt", "no-reflink"} {
		t.Run(g, func(t *testing.T) {
			t.Parallel()
			s := seed(t, uint64(70+i))
			image := inMemory(t, emptyImage(t, geometry(g)))
			open := func() *volume.Writer {
				w, err := volume.OpenWriter(keepOpen{image}, volume.Options{})
				check(t, err)
				return w
			}
			w := open()
			m := &cowModel{t: t, rng: rand.New(rand.NewPCG(s, 1)), bs: int64(w.Geo.BlockSize), share: w.Geo.HasReflink()}
			for k := range 4 {
				f := &cowFile{path: fmt.Sprintf("/file-%d", k), staged: map[int64][]byte{}}
				check(t, w.Create(f.path, volume.Attr{Mode: 0o644}))
				m.files = append(m.files, f)
			}
			if m.share {
				check(t, w.SetCowExtSize("/file-1", 8*m.bs))
			}
			rounds := oracle.Soak(5, 40)
			for round := range rounds {
				for k := range oracle.Soak(120, 500) {
					what := m.op(w)
					if m.rng.IntN(60) == 0 {
						w, image = m.crash(w, image)
						what += ", and a crash"
					}
					if k%3 == 0 || testing.Verbose() {
						m.compare(w.Volume, fmt.Sprintf("round %d, %d: %s", round, k, what))
					}
				}
				m.compare(w.Volume, "at the end of a round")
				if round == rounds-1 {
					check(t, w.WritebackAll()) // cancelling drops what is in memory, too
					for _, f := range m.files {
						if m.rng.IntN(2) == 0 {
							f.staged = map[int64][]byte{}
							check(t, w.CowCancel(f.path, 0, 1<<40))
							continue
						}
						for b := range f.staged {
							m.take(f, b)
						}
						check(t, w.Writeback(f.path, 0, 1<<40))
					}
				}
				check(t, w.Close())
				m.byKernel(image)
				w = open()
				m.compare(w.Volume, "opened again")
			}
			check(t, w.Close())
			noTrace(t, image)
		})
	}
}

// noTrace checks that nothing on the volume tells of staged writes.
func noTrace(t *testing.T, image device.Device) {
	t.Helper()
	v, err := volume.Open(keepOpen{image}, volume.Options{})
	check(t, err)
	list, err := v.CowStatus()
	check(t, err)
	if len(list) > 0 {
		t.Errorf("CoW forks: %v", list)
	}
	if v.Geo.ROCompat&format.ROPendingCow != 0 {
		t.Error("the superblock says that writes are staged")
	}
	for ag := range format.AGNumber(v.Geo.AGCount) {
		if !v.HasOwners() {
			break
		}
		for u, err := range v.Fsmap(ag) {
			check(t, err)
			if u.Owner == format.OwnCow {
				t.Errorf("group %d: blocks %d+%d are staged", ag, u.Start, u.Count)
			}
		}
	}
}

func noise(s uint64, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(s), byte(s >> 8), byte(s >> 16), byte(s >> 24)}).Read(b)
	return b
}
