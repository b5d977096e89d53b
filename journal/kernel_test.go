package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/internal/oracle/dirty"
)

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
// kernel makes of it. Package volume recovers all of the cases in each run; here it is every third.
func TestKernelLogs(t *testing.T) {
	seeds := oracle.Soak(1, 6)
	for i, c := range dirty.Cases() {
		if !oracle.Soaking() && i%3 != 0 {
			continue
		}
		for seed := range seeds {
			t.Run(fmt.Sprintf("%s/%d", c.Name, seed), func(t *testing.T) {
				t.Parallel()
				testKernelLog(t, c, uint64(seed))
			})
		}
	}
}

func testKernelLog(t *testing.T, c dirty.Case, seed uint64) {
	image := dirty.Image(t, c, seed)
	d, g := openImage(t, image, device.ReadOnly)
	compareLogprint(t, mustOpen(t, d, g), image)
	overlay := device.NewOverlay(d)
	result, err := Replay(mustOpen(t, d, g), overlay)
	check(t, err)
	t.Logf("%d transactions, %d items: %d replayed, %d newer, %d cancelled; %d intents left", result.Transactions, result.Items,
		result.Replayed, result.Newer, result.Cancelled, len(result.Intents))
	all := map[format.LogItemType]int{}
	for tr, err := range mustOpen(t, d, g).Transactions() {
		check(t, err)
		for i, err := range tr.Items() {
			check(t, err)
			all[i.Type()]++
		}
	}
	t.Log(all)
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
	kernels := copyImage(t, image)
	m := oracle.Mount(t, kernels, oracle.MountOptions{Data: c.Data, Loud: true})
	want := oracle.Snapshot(t, m.Dir)
	m.Unmount()
	if complaints := oracle.Repair(t, oracle.Gen7, kernels); len(complaints) > 0 {
		if !c.Race {
			t.Errorf("xfs_repair -n complains about the kernel's recovery:\n%s", strings.Join(complaints, "\n"))
		}
		t.Logf("the kernel's own recovery leaves:\n%s", strings.Join(complaints, "\n"))
	}
	if len(result.Intents) > 0 {
		checkIntents(t, result)
		if err := MakeClean(o, result.Geometry); !errors.Is(err, ErrUnfinished) {
			t.Errorf("made clean with unfinished intents: %v", err)
		}
		return
	}
	check(t, MakeClean(o, result.Geometry))
	if l := mustOpen(t, o, g); l.State != Clean {
		t.Fatalf("the log is %v", l.State)
	}

	if c.Clean() {
		oracle.RepairClean(t, oracle.Gen7, ours)
		k, _ := openImage(t, kernels, device.ReadOnly)
		compareImages(t, "our replay and the kernel's", o, k, g)
	}
	m = oracle.Mount(t, ours, oracle.MountOptions{Data: c.Data, Loud: c.Open})
	oracle.Equal(t, want, oracle.Snapshot(t, m.Dir), oracle.CompareOptions{})
	m.Unmount()
}

// checkIntents looks whether the intents that are left make sense.
func checkIntents(t *testing.T, r *Result) {
	t.Helper()
	kinds := map[format.LogItemType]int{}
	for _, i := range r.Intents {
		kinds[i.Type]++
		var runs []FreeExtent
		runs = append(runs, i.Free...)
		for _, m := range i.Maps {
			runs = append(runs, FreeExtent{m.Start, m.Len})
			if i.Type == format.LogItemBUI && !r.Geometry.ValidIno(format.Ino(m.Owner)) {
				t.Errorf("%v: owner %d", i, m.Owner)
			}
		}
		for _, e := range i.Refs {
			runs = append(runs, FreeExtent{e.Start, e.Len})
		}
		for _, e := range runs {
			if e.Len == 0 || !r.Geometry.ValidFSB(e.Start, uint64(e.Len)) {
				t.Errorf("%v: %d blocks at %d", i, e.Len, e.Start)
			}
		}
		if a := i.Attr; a != nil && (!r.Geometry.ValidIno(a.Ino) || len(a.Name) == 0) {
			t.Errorf("%v: %+v", i, a)
		}
		if x := i.Exchange; x != nil && (!r.Geometry.ValidIno(x.Ino1) || !r.Geometry.ValidIno(x.Ino2) || x.Count == 0) {
			t.Errorf("%v: %+v", i, x)
		}
		same := *i
		same.LSN = 0
		again, err := parseIntent(i.Item())
		check(t, err)
		if d := cmp.Diff(&same, again); d != "" {
			t.Errorf("%v: written and read again (-want +got):\n%s", i, d)
		}
	}
	t.Logf("left are %v", kinds)
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
		for item, err := range tr.Items() {
			check(t, err)
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
