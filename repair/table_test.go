package repair

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/internal/damage"
	"github.com/cowfs/cowfs/internal/oracle"
)

// fieldCase is one value of one field of one structure.
type fieldCase struct {
	kind  string
	field string
	verb  damage.Verb
	off   int64
	bad   []byte // the structure as it becomes
}

func (c fieldCase) name() string { return fmt.Sprintf("%s %s %v", c.kind, c.field, c.verb) }

// order is where a case comes in the choice of cases: at random, but always there.
func (c fieldCase) order() uint64 {
	h := fnv.New64a()
	h.Write([]byte(c.name()))
	return h.Sum64() * 0x9e3779b97f4a7c15 >> 20
}

// fieldCases lists what is to be tried: all values of all fields of one structure of each kind,
// and for a part of the fields those of another one.
func fieldCases(t *testing.T, img *damage.Image) (all []fieldCase) {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 4))
	seen := map[string]int{}
	for _, s := range img.Structures {
		if seen[s.Kind]++; seen[s.Kind] > 2 {
			continue
		}
		b := make([]byte, s.Len)
		if _, err := img.Dev.ReadAt(b, s.Off); err != nil {
			t.Fatal(err)
		}
		fields := map[string]bool{}
		for _, f := range damage.Fields(img.Geo, s.Type, b) {
			if fields[f.Name] {
				continue
			}
			fields[f.Name] = true
			for v := range damage.Verbs {
				bad := slices.Clone(b)
				if f.Change(s.Type, bad, v, rng) {
					all = append(all, fieldCase{s.Kind, f.Name, v, s.Off, bad})
				}
			}
		}
	}
	return all
}

// chosen takes one value of each field with COWFS_SOAK=1, else 8 cases in all. ONLY=TEXT takes all
// cases whose names have that text.
func chosen(all []fieldCase) (out []fieldCase) {
	if only := os.Getenv("ONLY"); only != "" {
		return slices.DeleteFunc(all, func(c fieldCase) bool { return !strings.Contains(c.name(), only) })
	}
	slices.SortStableFunc(all, func(a, b fieldCase) int {
		switch x, y := a.order(), b.order(); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	have := map[string]bool{}
	for _, c := range all {
		if field := c.kind + "\x00" + c.field; !have[field] {
			have[field] = true
			out = append(out, c)
		}
	}
	if !oracle.Soaking() {
		out = out[:8]
	}
	return out
}

// TestEveryField damages fields of all structures, one at a time, and repairs the image by us and
// by xfs_repair. Then both checkers find nothing in ours, the kernel reads and writes it, and we
// have saved as much as xfs_repair has. With COWFS_SOAK=1 it does so with each field; then
// FIELDS=DIR keeps the results, of PART=I/N if that is set, and writes docs/repair-table.md when
// all parts are there.
func TestEveryField(t *testing.T) {
	path := damage.Rich(t, "-b", "size=1k")
	sound := memoryOf(t, path)
	img, err := damage.Open(sound)
	if err != nil {
		t.Fatal(err)
	}
	part := partOf(t)
	cases := part.of(chosen(fieldCases(t, img)))
	f := &fieldTest{sound: sound, all: takeInventory(t, sound), table: newSurvival()}
	f.want = f.all.saved(f.all)
	work := make(chan fieldCase, len(cases))
	for _, c := range cases {
		work <- c
	}
	close(work)
	t.Run("group", func(t *testing.T) {
		for i := range 2 {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				for c := range work {
					f.try(t, c)
				}
			})
		}
	})
	t.Logf("%d cases", len(cases))
	part.keep(t, f.table)
}

// fieldTest is what cases have in common.
type fieldTest struct {
	sound *device.Memory
	all   *inventory
	want  saving
	mu    sync.Mutex
	table *survival
}

func (f *fieldTest) try(t *testing.T, c fieldCase) {
	dir := t.TempDir()
	dev := device.NewOverlay(stayOpen{f.sound})
	if _, err := dev.WriteAt(c.bad, c.off); err != nil {
		t.Fatal(err)
	}
	out := outcome{Kind: c.kind, Field: c.field, Verb: c.verb.String()}

	theirs := filepath.Join(dir, "theirs")
	writeOut(t, dev, theirs)
	out.TheirsEnds = theirRepair(t, theirs)
	file, err := device.Open(theirs, device.ReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	out.Theirs = f.lost(takeInventory(t, file))
	file.Close()
	os.Remove(theirs)

	j := &job{dev: dev, r: &Result{}, Options: Options{Check: check.Options{Threads: 1}}}
	if err := j.mend(context.Background()); err != nil {
		t.Errorf("%s: %v", c.name(), err)
		return
	}
	if out.Cowfsck = mended(j.r.After); !out.Cowfsck {
		t.Errorf("%s: left %v", c.name(), left(j.r.After))
	}
	out.Ours = f.lost(takeInventory(t, dev))
	ours := filepath.Join(dir, "ours")
	writeOut(t, dev, ours)
	complaints := oracle.Repair(t, oracle.Gen7, ours)
	if out.Repair = len(complaints) == 0; !out.Repair {
		t.Errorf("%s: xfs_repair: %v", c.name(), complaints[:min(5, len(complaints))])
	}
	if c.order()%3 == 0 || oracle.Soaking() {
		out.AskedKernel = true
		out.Kernel = t.Run(c.name(), func(t *testing.T) { kernelUses(t, ours) })
	}
	os.Remove(ours)
	if out.Theirs.less(out.Ours) {
		t.Errorf("%s: we lose %+v, xfs_repair %+v; %v", c.name(), out.Ours, out.Theirs, j.r.Losses[:min(4, len(j.r.Losses))])
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.table.add(out)
}

// lost is what there was and is not in an inventory.
func (f *fieldTest) lost(in *inventory) saving {
	s := f.all.saved(in)
	return saving{f.want.Names - s.Names, f.want.Bytes - s.Bytes, f.want.Attrs - s.Attrs}
}

// left lists what a check has found, each kind once.
func left(r *check.Report) []string {
	var list []string
	for _, x := range r.Findings {
		if x.Code.Severity != check.Unchecked {
			list = append(list, x.Code.Name+" "+x.Structure+"."+x.Field+" "+x.Got+" want "+x.Want)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// kernelUses has the kernel mount an image, read everything, and change something of each kind.
func kernelUses(t *testing.T, path string) {
	m := oracle.Mount(t, path, oracle.MountOptions{})
	defer m.Unmount()
	if err := oracle.ReadTree(m.Dir); err != nil {
		t.Error(err)
	}
	dir := workplace(t, m.Dir)
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, err := range []error{
		os.WriteFile(at("new"), make([]byte, 100_000), 0o644),
		unix.Setxattr(at("new"), "user.new", make([]byte, 3000), 0),
		os.Mkdir(at("new.d"), 0o755),
		os.Rename(at("new"), at("new.d/renamed")),
		os.Link(at("new.d/renamed"), at("new.d/again")),
		os.Remove(at("new.d/renamed")),
		os.Truncate(at("new.d/again"), 5000),
		os.RemoveAll(dir),
	} {
		if err != nil {
			t.Error(err)
		}
	}
}

// workplace makes a directory to work in: in the root directory or, as the damaged field can say that
// nobody may write there, in one below it.
func workplace(t *testing.T, root string) string {
	t.Helper()
	list, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(root, "workplace")
	err = os.Mkdir(dir, 0o755)
	for i := 0; (errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES)) && i < len(list); i++ {
		if list[i].IsDir() {
			dir = filepath.Join(root, list[i].Name(), "workplace")
			err = os.Mkdir(dir, 0o755)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func writeOut(t *testing.T, dev device.Device, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(dev.Size()); err != nil {
		t.Fatal(err)
	}
	b, zero := make([]byte, 64<<10), make([]byte, 64<<10)
	for off := int64(0); off < dev.Size(); off += int64(len(b)) {
		p := b[:min(int64(len(b)), dev.Size()-off)]
		if _, err := dev.ReadAt(p, off); err != nil {
			t.Fatal(err)
		}
		if string(p) == string(zero[:len(p)]) {
			continue
		}
		if _, err := f.WriteAt(p, off); err != nil {
			t.Fatal(err)
		}
	}
}
