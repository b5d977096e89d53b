package journal

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/internal/oracle/dirty"
)

// makeImage makes an image with a tree in it, which the kernel has unmounted.
func makeImage(t testing.TB, args ...string) string {
	t.Helper()
	image := dirty.Fresh(t, 300<<20, args...)
	m := oracle.Mount(t, image, oracle.MountOptions{})
	w := dirty.NewWork(t, m.Dir, 1)
	w.Names("tree", 50)
	w.Attributes("tree", 50)
	m.Unmount()
	return image
}

// editor makes changes to an image's metadata by checkpoints that are not written in place.
type editor struct {
	t   *testing.T
	d   device.Device
	g   *format.Geometry
	w   *Writer
	now device.Device // the image as it is with all changes
}

func newEditor(t *testing.T, image string, o WriterOptions) *editor {
	d, g := openImage(t, image, device.ReadWrite)
	return &editor{t: t, d: d, g: g, w: mustWriter(t, d, g, o), now: device.NewOverlay(d)}
}

func (e *editor) read(off int64, n int) []byte {
	e.t.Helper()
	b := make([]byte, n)
	_, err := e.now.ReadAt(b, off)
	check(e.t, err)
	return b
}

// label makes the item for a new label.
func (e *editor) label(s string) Item {
	sb := e.read(0, e.g.SectSize)
	check(e.t, format.SetLabel(sb, s))
	return e.buffer(0, sb, format.LogBufTypeSuperblock, format.SBFName.Off, format.SBFName.Len)
}

// buffer makes the item for n bytes from byte off of a buffer, and applies it.
func (e *editor) buffer(at int64, b []byte, typ format.LogBufType, off, n int) Item {
	_, err := e.now.WriteAt(b, at)
	check(e.t, err)
	var dirty DirtyMap
	dirty.Mark(off, n)
	return BufferItem(format.Daddr(at>>format.BasicBlockLog), b, &dirty, format.LogBufFlag(0).WithType(typ))
}

// newino makes the item for a change of the AGI that means nothing.
func (e *editor) newino(ag format.AGNumber, ino format.AGIno) Item {
	off := e.g.SectorOffset(ag, 2)
	b := e.read(off, e.g.SectSize)
	format.AGINewIno.Put(b, ino)
	return e.buffer(off, b, format.LogBufTypeAGI, int(format.AGINewIno), 4)
}

// mode makes the item for a change of an inode's permissions.
func (e *editor) mode(ino format.Ino, perm uint16) Item {
	off := e.g.InoOffset(ino)
	b := e.read(off, e.g.InodeSize)
	format.DiMode.Put(b, format.DiMode.Get(b)&format.ModeType|perm)
	_, err := e.now.WriteAt(b, off)
	check(e.t, err)
	return InodeItem(e.g, b, CoreAndForks)
}

var writerCases = []struct {
	name   string
	mkfs   []string
	record int
	laps   int // times round the log before the crash
}{
	{"default", nil, 0, 0},
	{"record256k", nil, 256 << 10, 0},
	{"record16k-wrapped", []string{"-l", "size=16m"}, 16 << 10, 2},
	{"su32k-wrapped", []string{"-l", "size=16m,su=32k"}, 0, 1},
	{"su256k-wrapped", []string{"-l", "size=16m,su=256k"}, 0, 1},
	{"sector4k", []string{"-s", "size=4k"}, 64 << 10, 0},
	{"1k-wrapped", []string{"-b", "size=1k", "-l", "size=16m"}, 100_000, 1},
}

// The kernel recovers what we wrote to the log, and so do we; xfs_logprint reads it.
func TestKernelReadsOurLog(t *testing.T) {
	for _, c := range writerCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			image := makeImage(t, c.mkfs...)
			e := newEditor(t, image, WriterOptions{RecordSize: c.record})
			e.wrap(c.laps)
			transactions, perm := 0, uint16(0)
			for i := range 40 {
				perm = uint16(0o500 + i)
				items := []Item{e.label(fmt.Sprintf("label %d", i)), e.mode(e.g.RootIno, perm), e.newino(1, format.AGIno(128+i*64))}
				if i%10 == 9 {
					items = append(items, e.bulk(i*100)...)
				}
				if e.w.Blocks(items) > e.w.Free() {
					t.Fatal("the test takes too much of the log")
				}
				_, err := e.w.Append(items)
				check(t, err)
				transactions++
			}
			check(t, e.w.Sync())
			e.check(image, transactions, perm)
		})
	}
}

// wrap goes round the log: checkpoints that change nothing, with a moving tail.
func (e *editor) wrap(laps int) {
	until := cycleOf(e.w.Head()) + uint32(laps)
	for i := 0; cycleOf(e.w.Head()) < until; i++ {
		_, err := e.w.Append(e.bulk(100 + i*7%900))
		check(e.t, err)
		check(e.t, e.w.Sync())
		check(e.t, e.w.SetTail(e.w.Head()))
	}
}

// bulk makes n items that change nothing: all of the root inode's forks, and AG headers as they
// are.
func (e *editor) bulk(n int) []Item {
	var items []Item
	root := e.read(e.g.InoOffset(e.g.RootIno), e.g.InodeSize)
	for i := range n {
		if i%2 == 0 {
			items = append(items, InodeItem(e.g, root, CoreAndForks))
			continue
		}
		off := e.g.SectorOffset(format.AGNumber(i)%format.AGNumber(e.g.AGCount), 3)
		items = append(items, e.buffer(off, e.read(off, e.g.SectSize), format.LogBufTypeAGFL, 0, e.g.SectSize))
	}
	return items
}

// check lets everybody look at the image with the dirty log.
func (e *editor) check(image string, transactions int, perm uint16) {
	t := e.t
	t.Helper()
	want := e.read(e.g.InoOffset(e.g.RootIno), e.g.InodeSize)
	l := mustOpen(t, e.d, e.g)
	if l.State != Dirty || l.Head != e.w.Head() || l.Tail != e.w.Tail() {
		t.Fatalf("the log is %v, head %s, tail %s", l.State, Place(l.Head), Place(l.Tail))
	}
	compareLogprint(t, l, image)
	// Without -t it gives up where a record with extended headers goes over the log's end.
	if e.w.shape.headers == 1 || cycleOf(l.Head) == 1 {
		out := oracle.MustRun(t, oracle.Tool(t, "xfs_logprint", oracle.Gen7), image)
		if m := regexp.MustCompile(`ERROR|Bad |[Uu]nknown|illegal`).FindString(out); m != "" {
			t.Errorf("xfs_logprint says %q", m)
		}
		if n := strings.Count(out, "flags: COMMIT"); n < transactions {
			t.Errorf("xfs_logprint finds %d commits, want %d at least", n, transactions)
		}
	}

	ours := copyImage(t, image)
	check(t, e.d.Close())
	o, g := openImage(t, ours, device.ReadWrite)
	r, err := Replay(mustOpen(t, o, g), o)
	check(t, err)
	if r.Transactions != transactions {
		t.Errorf("%d transactions replayed, want %d", r.Transactions, transactions)
	}
	check(t, MakeClean(o, g))
	// All that a replay adds to the content is an LSN and a checksum.
	root := make([]byte, g.InodeSize)
	_, err = o.ReadAt(root, g.InoOffset(g.RootIno))
	check(t, err)
	if lsn := format.DiLSN.Get(root); lsn <= l.Tail || lsn >= l.Head {
		t.Errorf("the root inode's LSN is %s", Place(lsn))
	}
	format.DiLSN.Put(want, format.DiLSN.Get(root))
	format.SetChecksum(want, format.DiCRC)
	if !bytes.Equal(root, want) {
		t.Errorf("the root inode is\n%x, want\n%x", root, want)
	}

	m := oracle.Mount(t, image, oracle.MountOptions{Loud: true})
	tree := oracle.Snapshot(t, m.Dir)
	m.Unmount()
	if got := tree.Nodes["."].Mode & 0o7777; got != uint32(perm) {
		t.Errorf("the root directory's mode is %o for the kernel, want %o", got, perm)
	}
	oracle.RepairClean(t, oracle.Gen7, image)
	oracle.RepairClean(t, oracle.Gen7, ours)
	k, _ := openImage(t, image, device.ReadOnly)
	compareImages(t, "our replay and the kernel's", o, k, g)
	for _, d := range []device.Device{o, k} {
		sb := make([]byte, format.MaxSectorSize)
		_, err := d.ReadAt(sb, 0)
		check(t, err)
		if got := format.Label(sb); got != "label 39" {
			t.Errorf("the label is %q", got)
		}
	}
	m = oracle.Mount(t, ours, oracle.MountOptions{})
	oracle.Equal(t, tree, oracle.Snapshot(t, m.Dir), oracle.CompareOptions{})
	m.Unmount()
}

// After a clean end of ours the kernel mounts without a recovery, writes, crashes, and the log
// goes on; all in turns.
func TestLogInTurns(t *testing.T) {
	image := makeImage(t, "-l", "size=16m")
	for turn := range 6 {
		label := fmt.Sprintf("turn %d", turn)
		d, g := openImage(t, image, device.ReadWrite)
		l := mustOpen(t, d, g)
		if l.State == Dirty {
			r, err := Replay(l, d)
			check(t, err)
			if len(r.Intents) > 0 {
				t.Skipf("the kernel left %v", r.Intents)
			}
			check(t, MakeClean(d, g))
		}
		check(t, d.Close())
		e := newEditor(t, image, WriterOptions{})
		d = e.d
		e.wrap(turn % 2)
		_, err := e.w.Append([]Item{e.label(label)})
		check(t, err)
		check(t, e.w.Sync())
		if turn%3 != 2 { // else the kernel has to recover
			_, err := Replay(mustOpen(t, d, g), d)
			check(t, err)
			check(t, Recount(d, g))
			check(t, e.w.SetTail(e.w.Head()))
			check(t, e.w.Unmount())
		}
		check(t, d.Close())
		m := oracle.Mount(t, image, oracle.MountOptions{Loud: turn%3 == 2 || turn%2 == 0})
		w := dirty.NewWork(t, m.Dir, uint64(turn))
		w.Names(fmt.Sprintf("turn%d", turn), 100)
		if turn%2 == 0 {
			w.Shutdown(false)
		}
		m.Unmount()
		d, g = openImage(t, image, device.ReadOnly)
		if g.Label != label {
			t.Fatalf("label %q, want %q", g.Label, label)
		}
		check(t, d.Close())
	}
	d, g := openImage(t, image, device.ReadWrite)
	_, err := Replay(mustOpen(t, d, g), d)
	check(t, err)
	check(t, MakeClean(d, g))
	check(t, d.Close())
	oracle.RepairClean(t, oracle.Gen7, image)
	m := oracle.Mount(t, image, oracle.MountOptions{})
	for turn := range 6 {
		check(t, unix.Access(filepath.Join(m.Dir, fmt.Sprintf("turn%d/dir93", turn)), unix.F_OK))
	}
	m.Unmount()
}

// A last checkpoint that a crash tore at any sector is either there or not, for the kernel too.
func TestKernelReadsTornLog(t *testing.T) {
	image := makeImage(t)
	e := newEditor(t, image, WriterOptions{})
	_, err := e.w.Append(append(e.bulk(100), e.label("before")))
	check(t, err)
	check(t, e.w.Sync())
	before := filepath.Join(t.TempDir(), "before")
	oracle.MustRun(t, oracle.Program(t, "cp"), "--sparse=always", image, before)
	head := e.w.Head()
	_, err = e.w.Append(append([]Item{e.label("after")}, e.bulk(260)...))
	check(t, err)
	n := e.w.area.distance(head, e.w.Head())
	step := oracle.Soak(max(1, n/8), 1)
	rng := rand.New(rand.NewPCG(3, 3))
	for cut := 0; cut <= n; cut += step {
		torn := copyImage(t, before)
		d, g := openImage(t, torn, device.ReadWrite)
		copyBlocks(t, d, e.d, &e.w.area, head, cut)
		// Out of order: some later blocks are there, too.
		for i := cut + 1; i < n; i++ {
			if rng.IntN(2) == 0 {
				copyBlocks(t, d, e.d, &e.w.area, e.w.area.add(head, i), 1)
			}
		}
		want := "before"
		if cut == n {
			want = "after"
		}
		ours := device.NewOverlay(d)
		_, err := Replay(mustOpen(t, d, g), ours)
		check(t, err)
		m := oracle.Mount(t, torn, oracle.MountOptions{Loud: true})
		m.Unmount()
		for who, d := range map[string]device.Device{"us": ours, "the kernel": d} {
			sb := make([]byte, format.MaxSectorSize)
			_, err := d.ReadAt(sb, 0)
			check(t, err)
			if got := format.Label(sb); got != want {
				t.Errorf("cut after %d of %d blocks: the label is %q for %s, want %q", cut, n, got, who, want)
			}
		}
		check(t, os.Remove(torn))
	}
}
