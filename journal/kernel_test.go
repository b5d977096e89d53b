package journal

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/oracle"
)

// full reports whether the long tests are wanted.
func full() bool { return os.Getenv("COWFS_SOAK") == "1" }

// crashCase is an image that the kernel leaves with a dirty log.
type crashCase struct {
	name string
	mkfs []string
	// cow writes to shared blocks with staging that is left over in the crash; open leaves
	// files open that were deleted. What these leave is for later stages of recovery.
	cow, open bool
	noFlush   bool // what was not synced yet does not get into the log
	laps      int  // how often to go round the log
	mount     string
}

var crashCases = []crashCase{
	{name: "default"},
	{name: "default-noflush", noFlush: true},
	{name: "cow-open", cow: true, open: true},
	{name: "1k", mkfs: []string{"-b", "size=1k"}},
	{name: "1k-cow-open-noflush", mkfs: []string{"-b", "size=1k"}, cow: true, open: true, noFlush: true},
	{name: "2k-no-rmapbt", mkfs: []string{"-b", "size=2k", "-m", "rmapbt=0"}},
	{name: "16k", mkfs: []string{"-b", "size=16k"}, open: true},
	{name: "64k", mkfs: []string{"-b", "size=64k"}},
	{name: "old-features", mkfs: []string{"-m", "rmapbt=0,reflink=0,finobt=0,inobtcount=0,bigtime=0", "-i", "nrext64=0,sparse=0,exchange=0", "-n", "parent=0"}},
	{name: "no-parent", mkfs: []string{"-n", "parent=0"}, cow: true},
	{name: "su32k", mkfs: []string{"-l", "su=32k"}},
	{name: "su256k", mkfs: []string{"-l", "su=256k"}, open: true},
	{name: "logbsize256k", mount: "logbsize=256k"},
	{name: "inode2k-dir64k", mkfs: []string{"-i", "size=2048", "-n", "size=64k"}},
	{name: "sector4k", mkfs: []string{"-s", "size=4k"}, open: true},
	{name: "wrapped", mkfs: []string{"-l", "size=16m"}, laps: 3},
	{name: "1k-wrapped-open", mkfs: []string{"-b", "size=1k", "-l", "size=16m"}, laps: 2, open: true},
	{name: "wrapped-su32k-cow-noflush", mkfs: []string{"-l", "size=16m,su=32k"}, laps: 2, cow: true, noFlush: true},
}

// crashedImage makes an image as the case says, with a dirty log.
func crashedImage(t testing.TB, c crashCase, seed uint64) string {
	t.Helper()
	image := filepath.Join(t.TempDir(), "image")
	check(t, os.WriteFile(image, nil, 0o600))
	check(t, os.Truncate(image, 300<<20))
	mkfs(t, image, c.mkfs...)
	m := oracle.Mount(t, image, oracle.MountOptions{Data: c.mount, Loud: true})
	w := &workload{t: t, dir: m.Dir, rng: rand.New(rand.NewPCG(seed, 1)), cow: c.cow}
	w.run(c.laps)
	var open []*os.File
	if c.open {
		open = w.deleteOpen()
	}
	flag := "-f"
	if c.noFlush {
		flag = ""
	}
	oracle.MustRun(t, oracle.Tool(t, "xfs_io", oracle.Gen7), "-x", "-c", strings.TrimSpace("shutdown "+flag), m.Dir)
	for _, f := range open {
		f.Close()
	}
	m.Unmount()
	return image
}

// workload does mixed work on a mounted filesystem.
type workload struct {
	t   testing.TB
	dir string
	rng *rand.Rand
	cow bool
}

func (w *workload) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal("workload: ", err)
	}
}

func (w *workload) path(format string, args ...any) string {
	return filepath.Join(w.dir, fmt.Sprintf(format, args...))
}

func (w *workload) io(file string, commands ...string) {
	w.t.Helper()
	args := []string{"-f"}
	for _, c := range commands {
		args = append(args, "-c", c)
	}
	oracle.MustRun(w.t, oracle.Tool(w.t, "xfs_io", oracle.Gen7), append(args, file)...)
}

func (w *workload) sync() {
	f, err := os.Open(w.dir)
	w.must(err)
	defer f.Close()
	w.must(unix.Syncfs(int(f.Fd())))
}

// run does the work, and goes round the log some times before. It ends with changes that are not
// in place yet.
func (w *workload) run(laps int) {
	for lap := range laps {
		w.lap(lap)
	}
	w.names("old", 200)
	w.sync()
	w.names("a", 300)
	w.attributes("a", 300)
	w.files("f")
	w.reshuffle("a", 300)
	w.reshuffle("old", 200)
	w.must(os.RemoveAll(w.path("old2")))
	w.settle()
	w.sync()
	w.names("b", 60)
}

// lap writes about as much to a log of 16 MiB as fits in it.
func (w *workload) lap(n int) {
	for i := range 5 {
		dir := fmt.Sprintf("lap%d-%d", n, i)
		w.names(dir, 900)
		w.sync()
		w.attributes(dir, 900)
		w.sync()
		if i%2 == 0 {
			w.must(os.RemoveAll(w.path("%s", dir)))
		}
	}
}

// settle waits until deleted files are gone from the unlinked lists, which the kernel does in
// the background: there are as many inodes in use as the tree has, and two that it does not show.
func (w *workload) settle() {
	want := map[uint64]bool{}
	w.must(filepath.WalkDir(w.dir, func(p string, _ os.DirEntry, err error) error {
		var s unix.Stat_t
		if err == nil {
			err = unix.Lstat(p, &s)
		}
		want[s.Ino] = true
		return err
	}))
	var used int
	for wait := time.Millisecond; wait < 5*time.Second; wait *= 2 {
		var s unix.Statfs_t
		w.must(unix.Statfs(w.dir, &s))
		if used = int(s.Files - s.Ffree); used == len(want)+2 {
			return
		}
		time.Sleep(wait)
	}
	w.t.Fatalf("workload: %d inodes are in use, %d in the tree", used, len(want))
}

func (w *workload) names(dir string, n int) {
	w.must(os.MkdirAll(w.path("%s/sub", dir), 0o755))
	for i := range n {
		p := w.path("%s/file with a name of some length %d", dir, i)
		w.must(os.WriteFile(p, bytes.Repeat([]byte(p), i%7), 0o644))
		switch i % 9 {
		case 0:
			w.must(os.Symlink(strings.Repeat("t", 1+i*3%1000), w.path("%s/link%d", dir, i)))
		case 1:
			w.must(os.Link(p, w.path("%s/sub/hard%d", dir, i)))
		case 2:
			w.must(unix.Mknod(w.path("%s/dev%d", dir, i), unix.S_IFCHR|0o600, int(unix.Mkdev(5, uint32(i)))))
		case 3:
			w.must(os.Mkdir(w.path("%s/dir%d", dir, i), 0o750))
		case 4:
			w.must(os.Chown(p, 1000+i, 2000+i%3))
		}
	}
}

func (w *workload) attributes(dir string, n int) {
	for i := 0; i < n; i += 2 {
		p := w.path("%s/file with a name of some length %d", dir, i)
		for k := range 1 + i%20 {
			size := 10 + k*i%300
			if k == 5 && i%30 == 0 {
				size = 3000 + i*50
			}
			w.must(unix.Setxattr(p, fmt.Sprintf("user.attribute%d", k), bytes.Repeat([]byte{byte(k)}, size), 0))
		}
	}
}

// files changes the mappings of files in all ways.
func (w *workload) files(prefix string) {
	data := make([]byte, 3<<20)
	for i := range data {
		data[i] = byte(w.rng.Uint32())
	}
	big := w.path("%s-big", prefix)
	w.must(os.WriteFile(big, data, 0o644))
	frag, err := os.Create(w.path("%s-frag", prefix))
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
	clone := w.path("%s-clone", prefix)
	if exec.Command("cp", "--reflink=always", big, clone).Run() != nil {
		return // without reflink
	}
	w.io(clone, "reflink "+big+" 0 1m 256k")
	if w.cow {
		w.io(clone, "cowextsize 256k", "pwrite 0 100", "pwrite 700k 5000", "fsync", "pwrite 1300k 9000", "fsync")
	} else {
		w.io(clone, "truncate 1536k", "fpunch 64k 128k", "fsync")
	}
}

// reshuffle renames, deletes and changes what names made.
func (w *workload) reshuffle(dir string, n int) {
	w.must(os.MkdirAll(w.path("%s2", dir), 0o755))
	for i := range n {
		p := w.path("%s/file with a name of some length %d", dir, i)
		switch i % 6 {
		case 0:
			w.must(os.Rename(p, w.path("%s2/renamed %d", dir, i)))
		case 1, 2:
			w.must(os.Remove(p))
		case 3:
			w.must(os.Rename(p, w.path("%s/file with a name of some length %d", dir, i+1)))
		case 5:
			w.must(os.Truncate(p, int64(i)*100))
		}
	}
}

// deleteOpen deletes files that stay open.
func (w *workload) deleteOpen() []*os.File {
	var open []*os.File
	for i := range 70 {
		f, err := os.Create(w.path("open%d", i))
		w.must(err)
		_, err = f.Write(bytes.Repeat([]byte("u"), i*500))
		w.must(err)
		w.must(os.Remove(f.Name()))
		open = append(open, f)
	}
	return open
}

func openImage(t testing.TB, image string, mode device.Mode) (device.Device, *format.Geometry) {
	t.Helper()
	d, err := device.Open(image, mode)
	check(t, err)
	t.Cleanup(func() { d.Close() }) // if it is still open
	sb := make([]byte, format.MaxSectorSize)
	_, err = d.ReadAt(sb, 0)
	check(t, err)
	g, err := format.GeometryOf(sb)
	check(t, err)
	return d, g
}

func copyImage(t testing.TB, image string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	oracle.MustRun(t, oracle.Program(t, "cp"), "--sparse=always", image, to)
	return to
}

// What we find in the kernel's logs is what xfs_logprint finds, and replaying it gives what the
// kernel makes of it.
func TestKernelLogs(t *testing.T) {
	seeds := 1
	if full() {
		seeds = 6
	}
	for _, c := range crashCases {
		for seed := range seeds {
			t.Run(fmt.Sprintf("%s/%d", c.name, seed), func(t *testing.T) {
				t.Parallel()
				testKernelLog(t, c, uint64(seed))
			})
		}
	}
}

func testKernelLog(t *testing.T, c crashCase, seed uint64) {
	image := crashedImage(t, c, seed)
	d, g := openImage(t, image, device.ReadOnly)
	compareLogprint(t, mustOpen(t, d, g), image)
	overlay := device.NewOverlay(d)
	result, err := Replay(mustOpen(t, d, g), overlay)
	check(t, err)
	t.Logf("%d transactions, %d items: %d replayed, %d newer, %d cancelled; %d intents left", result.Transactions, result.Items,
		result.Replayed, result.Newer, result.Cancelled, len(result.Intents))
	if result.Items == 0 {
		t.Error("there was nothing to replay")
	}

	ours := copyImage(t, image)
	o, g := openImage(t, ours, device.ReadWrite)
	_, err = Replay(mustOpen(t, o, g), o)
	check(t, err)
	check(t, overlay.Apply(unchanging{o})) // the same in memory
	_, err = Replay(mustOpen(t, o, g), unchanging{o})
	check(t, err)
	if len(result.Intents) > 0 {
		t.Logf("unfinished: %v", result.Intents)
		return
	}
	check(t, MakeClean(o, result.Geometry))
	if l := mustOpen(t, o, g); l.State != Clean {
		t.Fatalf("the log is %v", l.State)
	}

	kernels := copyImage(t, image)
	m := oracle.Mount(t, kernels, oracle.MountOptions{Data: c.mount, Loud: true})
	want := oracle.Snapshot(t, m.Dir)
	m.Unmount()
	if !c.cow && !c.open && !c.noFlush {
		oracle.RepairClean(t, oracle.Gen7, ours)
		k, _ := openImage(t, kernels, device.ReadOnly)
		compareImages(t, "our replay and the kernel's", o, k, g)
	}
	m = oracle.Mount(t, ours, oracle.MountOptions{Data: c.mount, Loud: c.open})
	oracle.Equal(t, want, oracle.Snapshot(t, m.Dir), oracle.CompareOptions{})
	m.Unmount()
}

// unchanging is a device on which everything that is written is there already.
type unchanging struct{ device.Device }

func (u unchanging) WriteAt(p []byte, off int64) (int, error) {
	q := make([]byte, len(p))
	if n, err := u.ReadAt(q, off); err != nil {
		return n, err
	}
	if !bytes.Equal(p, q) {
		return 0, fmt.Errorf("%d bytes at %d have changed", len(p), off)
	}
	return len(p), nil
}

// compareImages compares all bytes but those of the superblock and the log.
func compareImages(t *testing.T, what string, a, b device.Device, g *format.Geometry) {
	t.Helper()
	log, err := newArea(a, a.Size(), g)
	check(t, err)
	const unit = 64 << 10
	x, y := make([]byte, unit), make([]byte, unit)
	different := 0
	for off := nextData(t, 0, a, b); off < a.Size(); off = nextData(t, off+unit, a, b) {
		off -= off % unit
		n := min(unit, a.Size()-off)
		_, err := a.ReadAt(x[:n], off)
		check(t, err)
		_, err = b.ReadAt(y[:n], off)
		check(t, err)
		for at := int64(0); at < n; at += format.BasicBlock {
			p, q := x[at:at+format.BasicBlock], y[at:at+format.BasicBlock]
			if bytes.Equal(p, q) || off+at < int64(g.SectSize) || log.overlaps(off+at, format.BasicBlock) {
				continue
			}
			if different++; different < 10 {
				i := 0
				for p[i] == q[i] {
					i++
				}
				t.Errorf("%s differ in byte %d of sector %d: %x and %x", what, i, (off+at)/format.BasicBlock, p[i:], q[i:])
			}
		}
	}
	if different > 0 {
		t.Errorf("%s differ in %d sectors", what, different)
	}
}

// nextData is the first place from off on that some device has data in.
func nextData(t *testing.T, off int64, devices ...device.Device) int64 {
	t.Helper()
	next := devices[0].Size()
	for _, d := range devices {
		at, err := device.SeekData(d, off)
		if err == io.EOF {
			continue
		}
		check(t, err)
		next = min(next, at)
	}
	return next
}

var logprintItem = regexp.MustCompile(`(?m)^(TRANS|BUF|INO|ICR|EFI|EFD|RUI|RUD|CUI|CUD|BUI|BUD|ATTRI|ATTRD|XMI|XMD|DQ): `)

// logprintTypes maps the words of xfs_logprint to item types.
var logprintTypes = map[string]format.LogItemType{
	"BUF": format.LogItemBuf, "INO": format.LogItemInode, "ICR": format.LogItemICreate,
}

// compareLogprint compares tail, head and the numbers of transactions and of the most frequent
// items with what xfs_logprint counts.
func compareLogprint(t *testing.T, l *Log, image string) {
	t.Helper()
	out := oracle.MustRun(t, oracle.Tool(t, "xfs_logprint", oracle.Gen7), "-t", image)
	want := map[string]int{}
	for _, m := range logprintItem.FindAllStringSubmatch(out, -1) {
		want[m[1]]++
	}
	got := map[string]int{}
	for tr, err := range l.Transactions() {
		check(t, err)
		got["TRANS"]++
		for _, item := range tr.Items {
			for name, typ := range logprintTypes {
				if item.Type() == typ {
					got[name]++
				}
			}
		}
	}
	for _, name := range []string{"TRANS", "BUF", "INO", "ICR"} {
		if got[name] != want[name] {
			t.Errorf("%d of %s, xfs_logprint finds %d", got[name], name, want[name])
		}
	}
	m := regexp.MustCompile(`log tail: (\d+) head: (\d+) state: <DIRTY>`).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("xfs_logprint says:\n%s", out[:min(len(out), 400)])
	}
	if m[1] != strconv.Itoa(blockOf(l.Tail)) || m[2] != strconv.Itoa(blockOf(l.Head)) {
		t.Errorf("tail %s, head %s; xfs_logprint finds %s and %s", Place(l.Tail), Place(l.Head), m[1], m[2])
	}
}
