package cow_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/cowfs/cowfs/cow"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/journal"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/refcount"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/txn"
	"github.com/cowfs/cowfs/volume"
)

// rig is an engine on a volume with two files, /f and its clone /g, without the rest of what a
// volume.Writer has.
type rig struct {
	t      testing.TB
	mem    *device.Memory
	dev    device.Device
	store  *txn.Store
	groups *space.Groups
	counts *refcount.Counts
	eng    *cow.Engine
	f, g   *cow.File
}

// noise is n bytes that depend on seed.
func noise(seed uint64, n int) []byte {
	b := make([]byte, n)
	rng := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), 1})
	rng.Read(b)
	return b
}

type keepOpen struct{ device.Device }

func (keepOpen) Close() error { return nil }

// newRig makes a rig; both files have the content.
func newRig(t testing.TB, c mkfs.Config, content []byte, wrap func(device.Device) device.Device) *rig {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image")
	_, err := mkfs.Make(t.Context(), mkfs.Job{Config: c, Path: path, Time: time.Unix(1e9, 0)})
	must(t, err)
	in, err := os.Open(path)
	must(t, err)
	defer in.Close()
	r := &rig{t: t, mem: device.NewMemory(int64(c.Size))}
	buf, zero := make([]byte, 1<<20), make([]byte, 1<<20)
	for off := int64(0); off < int64(c.Size); off += int64(len(buf)) {
		n, err := in.ReadAt(buf, off)
		if err != nil && err != io.EOF {
			t.Fatal(err)
		}
		if b := buf[:n]; !bytes.Equal(b, zero[:n]) {
			_, err = r.mem.WriteAt(b, off)
			must(t, err)
		}
	}
	w, err := volume.OpenWriter(keepOpen{r.mem}, volume.Options{})
	must(t, err)
	must(t, w.Create("/f", volume.Attr{Mode: 0o644}))
	if len(content) > 0 {
		must(t, w.WriteAt("/f", content, 0))
	}
	if w.Geo.HasReflink() {
		must(t, w.Clone("/f", "/g"))
	} else {
		must(t, w.Create("/g", volume.Attr{Mode: 0o644}))
	}
	f, err := w.Lookup("/f")
	must(t, err)
	g, err := w.Lookup("/g")
	must(t, err)
	must(t, w.Close())
	r.dev = r.mem
	if wrap != nil {
		r.dev = wrap(r.mem)
	}
	r.open(f.Ino, g.Ino)
	return r
}

func (r *rig) open(f, g format.Ino) {
	sb := make([]byte, 4096)
	_, err := r.mem.ReadAt(sb, 0)
	must(r.t, err)
	geo, err := format.GeometryOf(sb)
	must(r.t, err)
	l, err := journal.Open(r.dev, geo)
	must(r.t, err)
	j, err := journal.NewWriter(l, journal.WriterOptions{})
	must(r.t, err)
	r.store = txn.NewStore(r.dev, geo, txn.NewLog(j))
	r.groups = space.New(geo)
	r.counts = refcount.New(geo, r.groups)
	r.eng = cow.NewEngine(r.store, r.groups, r.counts)
	r.f, err = r.eng.Open(f)
	must(r.t, err)
	r.g, err = r.eng.Open(g)
	must(r.t, err)
}

// read reads a whole file.
func (r *rig) read(f *cow.File) []byte {
	r.t.Helper()
	b := make([]byte, f.Size())
	if len(b) == 0 {
		return b
	}
	n, err := f.ReadAt(b, 0, false)
	if n < len(b) && err != nil {
		r.t.Fatal(err)
	}
	return b
}

func (r *rig) wants(f *cow.File, what string, want []byte) {
	r.t.Helper()
	if got := r.read(f); !bytes.Equal(got, want) {
		i := 0
		for i < min(len(got), len(want)) && got[i] == want[i] {
			i++
		}
		r.t.Errorf("%s: %d bytes, want %d; the first difference is byte %d", what, len(got), len(want), i)
	}
}

// extents lists the data fork.
func (r *rig) extents(f *cow.File) (list []format.Mapping) {
	r.t.Helper()
	tx, err := r.store.Begin()
	must(r.t, err)
	defer tx.Cancel()
	e, err := inode.Edit(tx, r.groups, f.Ino)
	must(r.t, err)
	for at := format.FileOff(0); ; {
		m, ok, err := e.Fork(inode.Data).From(at)
		must(r.t, err)
		if !ok {
			return list
		}
		list = append(list, m)
		at = m.End()
	}
}

func (r *rig) free() uint64 {
	r.t.Helper()
	tx, err := r.store.Begin()
	must(r.t, err)
	defer tx.Cancel()
	c, err := space.Count(tx)
	must(r.t, err)
	return c.Free
}

// close ends the session, and holds the image against xfs_repair and what the files should hold.
func (r *rig) close(f, g []byte) {
	r.t.Helper()
	must(r.t, r.eng.Flush(r.t.Context()))
	if p := r.eng.Stats().Promised; p != 0 {
		r.t.Errorf("%d blocks are still promised", p)
	}
	must(r.t, r.store.Close())
	w, err := volume.OpenWriter(keepOpen{r.mem}, volume.Options{})
	must(r.t, err)
	must(r.t, w.Chmod("/f", 0o600)) // so that counters are brought up to date
	for path, want := range map[string][]byte{"f": f, "g": g} {
		got, err := w.ReadFile(path)
		must(r.t, err)
		if !bytes.Equal(got, want) {
			r.t.Errorf("%s is another one after the session", path)
		}
	}
	must(r.t, w.Close())
	path := filepath.Join(r.t.TempDir(), "image")
	save(r.t, r.mem, path)
	oracle.RepairClean(r.t, oracle.Gen7, path)
}

func save(t testing.TB, m *device.Memory, path string) {
	t.Helper()
	out, err := os.Create(path)
	must(t, err)
	must(t, out.Truncate(m.Size()))
	buf := make([]byte, 64<<10)
	for off := int64(0); ; off += int64(len(buf)) {
		if off, err = m.SeekData(off); err == io.EOF {
			break
		}
		must(t, err)
		n := min(int64(len(buf)), m.Size()-off)
		_, err := m.ReadAt(buf[:n], off)
		must(t, err)
		_, err = out.WriteAt(buf[:n], off)
		must(t, err)
	}
	must(t, out.Close())
}

// Random small writes become one extent, with one call of the allocator, in holes as in blocks
// that are shared.
func TestDelayedAllocation(t *testing.T) {
	const blocks, bs = 10_000, 4096
	for _, shared := range []bool{false, true} {
		t.Run(fmt.Sprintf("shared=%v", shared), func(t *testing.T) {
			var old []byte
			if shared {
				old = noise(1, blocks*bs)
			}
			r := newRig(t, mkfs.Config{Size: 512 << 20}, old, nil)
			content := noise(2, blocks*bs)
			for _, i := range rand.New(rand.NewPCG(1, 1)).Perm(blocks) {
				n, err := r.f.Write(content[i*bs:(i+1)*bs], int64(i*bs))
				if n != bs || err != nil {
					t.Fatal(n, err)
				}
			}
			if s := r.eng.Stats(); s.Allocs != 0 || s.Promised < blocks {
				t.Errorf("before the writeback: %+v", s)
			}
			r.wants(r.f, "before the writeback", content)
			must(t, r.eng.Writeback(t.Context()))
			s := r.eng.Stats()
			if s.Allocs != 1 || s.Pages != blocks || s.Promised != 0 {
				t.Errorf("%+v, want 1 allocation and %d pages", s, blocks)
			}
			if x := r.extents(r.f); len(x) != 1 || x[0].Count != blocks || x[0].Unwritten {
				t.Errorf("extents %v, want one", x)
			}
			r.wants(r.f, "after the writeback", content)
			r.close(content, old)
		})
	}
}

// Where data can't be written the file stays as it was, nothing is lost of the space, and the
// error tells file and range.
func TestWritebackFails(t *testing.T) {
	const bs = 4096
	old := noise(1, 100*bs)
	for _, direct := range []bool{false, true} {
		t.Run(fmt.Sprintf("direct=%v", direct), func(t *testing.T) {
			var fault *device.Fault
			armed := false
			r := newRig(t, mkfs.Config{Size: 512 << 20}, old, func(d device.Device) device.Device {
				fault = device.MustFault(d, "(Err (And Write (Index 0)))")
				return &switched{Device: d, fault: fault, on: &armed}
			})
			free := r.free()
			content := noise(2, 20*bs)
			var err error
			if direct {
				armed = true
				_, err = r.f.WriteDirect(t.Context(), content, 10*bs)
			} else {
				_, err = r.f.Write(content, 10*bs)
				must(t, err)
				_, err = r.f.Write(content, int64(len(old)))
				must(t, err)
				armed = true
				err = r.f.Writeback(t.Context(), 0, 50)
			}
			armed = false
			var we *cow.WriteError
			if !errors.As(err, &we) || !errors.Is(err, device.ErrInjected) || we.Ino != r.f.Ino || we.Off != 10*bs || we.End != 30*bs {
				t.Errorf("error %v", err)
			}
			want := old
			if !direct {
				want = append(bytes.Clone(old), content...)
			}
			r.wants(r.f, "f", want)
			if s := r.eng.Stats(); s.Cancels != 1 {
				t.Errorf("%+v, want one extent cancelled", s)
			}
			if now := r.free(); now != free {
				t.Errorf("%d blocks are free, want %d", now, free)
			}
			r.close(want, old)
		})
	}
}

// switched is a device with faults that can be switched on.
type switched struct {
	device.Device
	fault device.Device
	on    *bool
}

func (s *switched) WriteAt(p []byte, off int64) (int, error) {
	if *s.on {
		return s.fault.WriteAt(p, off)
	}
	return s.Device.WriteAt(p, off)
}

func (s *switched) ReadAt(p []byte, off int64) (int, error) {
	if *s.on {
		return s.fault.ReadAt(p, off)
	}
	return s.Device.ReadAt(p, off)
}

func (s *switched) Sync() error {
	if *s.on {
		return s.fault.Sync()
	}
	return s.Device.Sync()
}

// A write that fails half-way gives up what it has reserved and not used, and no more.
func TestFailedWritePunches(t *testing.T) {
	const bs = 4096
	old := noise(1, 100*bs)
	armed := false
	r := newRig(t, mkfs.Config{Size: 512 << 20}, old, func(d device.Device) device.Device {
		return &switched{Device: d, fault: device.MustFault(d, "(Err Read)"), on: &armed}
	})
	_, err := r.f.Write(noise(2, 2*bs), 4*bs) // two blocks dirty before
	must(t, err)
	before := r.eng.Stats().Promised
	armed = true
	n, err := r.f.Write(noise(3, 8*bs+10), 2*bs) // the last block must be read
	armed = false
	if n != 0 || !errors.Is(err, device.ErrInjected) {
		t.Fatalf("%d bytes written, %v", n, err)
	}
	x := r.f.Extents()
	if len(x) != 1 || x[0].Off != 4 || x[0].End != 6 || x[0].State != cow.Reserved {
		t.Errorf("reserved: %v, want the blocks with pages", x)
	}
	if now := r.eng.Stats().Promised; now != before {
		t.Errorf("%d blocks are promised, want %d", now, before)
	}
	want := bytes.Clone(old)
	copy(want[4*bs:], noise(2, 2*bs))
	r.wants(r.f, "f", want)
	r.close(want, old)
}

// Several files are written and written back at once.
func TestParallel(t *testing.T) {
	const bs, blocks = 4096, 200
	old := noise(1, blocks*bs)
	r := newRig(t, mkfs.Config{Size: 512 << 20}, old, nil)
	r.eng.Budget = 100 * bs
	want := map[*cow.File][]byte{r.f: bytes.Clone(old), r.g: bytes.Clone(old)}
	var g sync.WaitGroup
	for i, f := range []*cow.File{r.f, r.g} {
		for half := range 2 {
			g.Add(1)
			go func() {
				defer g.Done()
				rng := rand.New(rand.NewPCG(uint64(i), uint64(half)))
				for k := range 150 {
					lo := half * blocks / 2 * bs
					off := lo + rng.IntN(blocks/2*bs-5*bs)
					n := 1 + rng.IntN(5*bs-1)
					if k%5 == 0 {
						off, n = off/bs*bs, 2*bs
					}
					p := noise(rng.Uint64(), n)
					copy(want[f][off:], p)
					var err error
					switch {
					case k%5 == 0:
						_, err = f.WriteDirect(t.Context(), p, int64(off))
					case k%7 == 0:
						_, err = f.WriteDAX(t.Context(), p, int64(off))
					default:
						_, err = f.Write(p, int64(off))
					}
					if err == nil && k%20 == 0 {
						err = r.eng.Writeback(t.Context())
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
			}()
		}
	}
	g.Wait()
	r.wants(r.f, "f", want[r.f])
	r.wants(r.g, "g", want[r.g])
	r.close(want[r.f], want[r.g])
}

// hint sets the CoW extent size hint of f, in blocks.
func (r *rig) hint(blocks uint32) error {
	tx, err := r.store.Begin()
	must(r.t, err)
	e, err := inode.Edit(tx, r.groups, r.f.Ino)
	must(r.t, err)
	b := e.Modify()
	format.DiFlags2.Put(b, format.DiFlags2.Get(b)|format.Flag2CowExtSize)
	format.DiCowExtSize.Put(b, blocks)
	return tx.Commit()
}
