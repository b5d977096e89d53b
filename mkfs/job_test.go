package mkfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/internal/oracle"
)

// newTree makes a directory with some files of 1 MiB and smaller ones.
func newTree(t *testing.T, large, small int) string {
	t.Helper()
	dir := t.TempDir()
	for i := range large {
		writeFile(t, filepath.Join(dir, fmt.Sprintf("large-%d", i)), bytes.Repeat([]byte{byte(i), 1, 2, 3}, mib/4))
	}
	for i := range small {
		sub := filepath.Join(dir, fmt.Sprintf("dir-%d", i%10))
		if err := os.MkdirAll(sub, 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(sub, fmt.Sprintf("small-%d", i)), []byte(strings.Repeat("x", i)))
	}
	return dir
}

func writeFile(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// entries are the names in a directory.
func entries(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range list {
		out = append(out, e.Name())
	}
	return out
}

func make1(t *testing.T, j Job) *Summary {
	t.Helper()
	sum, err := Make(context.Background(), j)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func TestMakeSmallest(t *testing.T) {
	tree := newTree(t, 30, 500)
	path := filepath.Join(t.TempDir(), "image")
	tight := make1(t, Job{Path: path, Source: Source{Dir: tree}})
	if info, err := os.Stat(path); err != nil || info.Size() != tight.Bytes {
		t.Errorf("image has %v, %v, summary says %d", info, err, tight.Bytes)
	}
	if tight.Bytes < 38*mib || tight.Bytes > 48*mib {
		t.Errorf("30 MiB of content and a log of 8 MiB make %d MiB", tight.Bytes/mib)
	}
	if _, err := Make(context.Background(), Job{Path: filepath.Join(t.TempDir(), "less"), Source: Source{Dir: tree}, Config: Config{Size: uint64(tight.Bytes) - mib}}); !errors.Is(err, ErrNoSpace) {
		t.Errorf("a MiB less: got %v", err)
	}
	loose := make1(t, Job{Path: path, Source: Source{Dir: tree}, Free: 30, Force: true})
	if free := loose.Stats.FreeBlocks * 100 / loose.Layout.DBlocks; free < 30 || free > 33 {
		t.Errorf("asked for 30%%, got %d%% free", free)
	}
	// The size of an existing file is taken, except where the smallest is asked for.
	if err := os.Truncate(path, 200*mib); err != nil {
		t.Fatal(err)
	}
	if sum := make1(t, Job{Path: path, Source: Source{Dir: tree}, Force: true}); sum.Bytes != 200*mib {
		t.Errorf("existing size: got %d MiB", sum.Bytes/mib)
	}
	if sum := make1(t, Job{Path: path, Source: Source{Dir: tree}, Force: true, Minimize: true}); sum.Bytes != tight.Bytes {
		t.Errorf("smallest in place of an existing file: got %d, want %d", sum.Bytes, tight.Bytes)
	}
	oracle.RepairClean(t, oracle.Gen7, path)
}

// TestMakeDedupe has content of equal files take the place of one.
func TestMakeDedupe(t *testing.T) {
	tree := t.TempDir()
	for i := range 20 {
		writeFile(t, filepath.Join(tree, fmt.Sprint(i)), bytes.Repeat([]byte("the same "), mib/9))
	}
	path := filepath.Join(t.TempDir(), "image")
	sum := make1(t, Job{Path: path, Source: Source{Dir: tree}, Dedupe: true})
	if sum.Bytes > 24*mib {
		t.Errorf("image has %d MiB", sum.Bytes/mib)
	}
	if sum.Stats.SharedBlocks == 0 {
		t.Error("nothing is shared")
	}
}

// TestMakeReproducible makes the same image twice, under different names and clocks.
func TestMakeReproducible(t *testing.T) {
	tree := newTree(t, 3, 100)
	dir := t.TempDir()
	seed := uint64(5)
	image := func(name string, j Job) []byte {
		j.Path, j.Source.Dir = filepath.Join(dir, name), tree
		make1(t, j)
		b, err := os.ReadFile(j.Path)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	a := image("a", Job{Seed: &seed, Time: time.Unix(7, 0)})
	if !bytes.Equal(a, image("b", Job{Seed: &seed, Time: time.Unix(7, 0)})) {
		t.Error("the same seed makes other bytes")
	}
	other := uint64(6)
	if bytes.Equal(a, image("c", Job{Seed: &other, Time: time.Unix(7, 0)})) {
		t.Error("another seed makes the same bytes")
	}
	c, err := parse(t, "-m uuid="+testUUID)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(image("d", Job{Config: *c}), image("e", Job{Config: *c})) {
		t.Error("the same UUID makes other bytes")
	}
	if bytes.Equal(image("f", Job{}), image("g", Job{})) {
		t.Error("random UUIDs make the same bytes")
	}
}

func TestReproducible(t *testing.T) {
	env := func(kv ...string) func(string) string {
		return func(key string) string {
			for i := 0; i < len(kv); i += 2 {
				if kv[i] == key {
					return kv[i+1]
				}
			}
			return ""
		}
	}
	if epoch, seed, err := Reproducible(env()); epoch != nil || seed != nil || err != nil {
		t.Errorf("nothing set: got %v, %v, %v", epoch, seed, err)
	}
	if epoch, seed, err := Reproducible(env(EpochVariable, "1000000000")); err != nil || epoch.Unix() != 1000000000 || *seed != 0 {
		t.Errorf("epoch: got %v, %v, %v", epoch, seed, err)
	}
	if epoch, seed, err := Reproducible(env(SeedVariable, "0x10")); err != nil || epoch != nil || *seed != 16 {
		t.Errorf("seed: got %v, %v, %v", epoch, seed, err)
	}
	for _, e := range [][]string{
		{EpochVariable, "x"}, {EpochVariable, "1.5"}, {EpochVariable, " 1"}, {EpochVariable, "99999999999999"}, {EpochVariable, "-9999999999"},
		{SeedVariable, "x"}, {SeedVariable, "-1"}, {SeedVariable, "0x10000000000000000"},
	} {
		if _, _, err := Reproducible(env(e...)); !errors.Is(err, ErrOptions) || !strings.Contains(err.Error(), e[0]+"="+e[1]) {
			t.Errorf("%s: got %v", e, err)
		}
	}
}

// TestMakeRefuses has what was there stay, and nothing appear beside it.
func TestMakeRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "image")
	writeFile(t, path, append(bytes.Repeat([]byte{0}, 64<<10+64), "_BHRfS_M"...))
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tree := newTree(t, 20, 0)
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		j    Job
		want error
	}{
		"occupied":        {j: Job{Config: Config{Size: gib}}, want: ErrOccupied},
		"occupied, dry":   {j: Job{Config: Config{Size: gib}, DryRun: true}, want: ErrOccupied},
		"too small":       {j: Job{Config: Config{Size: 20 * mib}, Force: true, Source: Source{Dir: tree}}, want: ErrNoSpace},
		"wrong options":   {j: Job{Config: Config{Size: gib, InodeSize: 4096}, Force: true}, want: ErrOptions},
		"no such source":  {j: Job{Config: Config{Size: gib}, Force: true, Source: Source{Dir: filepath.Join(dir, "none")}}, want: fs.ErrNotExist},
		"file as source":  {j: Job{Config: Config{Size: gib}, Force: true, Source: Source{Dir: path}}, want: ErrOptions},
		"two sources":     {j: Job{Config: Config{Size: gib}, Force: true, Source: Source{Dir: tree, OCI: "x"}}, want: ErrOptions},
		"size twice":      {j: Job{Config: Config{Size: gib}, Minimize: true, Force: true, Source: Source{Dir: tree}}, want: ErrOptions},
		"nothing to hold": {j: Job{Minimize: true, Force: true}, want: ErrOptions},
		"no sharing":      {j: Job{Config: Config{Size: gib, Reflink: Off}, Dedupe: true, Force: true}, want: ErrOptions},
		"interrupted":     {ctx: canceled, j: Job{Config: Config{Size: gib}, Force: true, Source: Source{Dir: tree}}, want: context.Canceled},
		"dry run":         {j: Job{Config: Config{Size: gib}, Force: true, Source: Source{Dir: tree}, DryRun: true}},
	} {
		if c.ctx == nil {
			c.ctx = context.Background()
		}
		c.j.Path = path
		if _, err := Make(c.ctx, c.j); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
			t.Fatalf("%s: the file changed, %v", name, err)
		}
		if names := entries(t, dir); len(names) != 1 {
			t.Fatalf("%s: left %v", name, names)
		}
	}
	for name, j := range map[string]Job{
		"no path":      {},
		"no size":      {Path: filepath.Join(dir, "new")},
		"no directory": {Path: filepath.Join(dir, "none", "new"), Config: Config{Size: gib}},
		"directory":    {Path: dir, Config: Config{Size: gib}},
	} {
		if _, err := Make(context.Background(), j); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if names := entries(t, dir); len(names) != 1 {
		t.Fatalf("left %v", names)
	}
}

// TestMakeInterrupted ends jobs while they write.
func TestMakeInterrupted(t *testing.T) {
	tree := newTree(t, 40, 200)
	dir := t.TempDir()
	for after := range int32(8) {
		ctx, cancel := context.WithCancel(context.Background())
		var calls atomic.Int32
		_, err := Make(ctx, Job{Path: filepath.Join(dir, "image"), Source: Source{Dir: tree}, Progress: func(done, total int64) {
			if calls.Add(1) > after {
				cancel()
			}
		}})
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("after %d steps: got %v", after, err)
		}
		if names := entries(t, dir); len(names) != 0 {
			t.Fatalf("left %v", names)
		}
	}
}

// TestMakeInsideSource puts the image into the directory that it is filled from.
func TestMakeInsideSource(t *testing.T) {
	tree := newTree(t, 1, 5)
	path := filepath.Join(tree, "image")
	writeFile(t, path, make([]byte, 5*mib))
	sum := make1(t, Job{Path: path, Source: Source{Dir: tree}, Minimize: true, Force: true})
	if sum.Stats.Bytes > 2*mib {
		t.Errorf("the image holds itself: %d bytes of content", sum.Stats.Bytes)
	}
}

// TestMakeKeepsMode has the new file take over mode and name of the old one.
func TestMakeKeepsMode(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "image"), filepath.Join(dir, "link")
	writeFile(t, path, nil)
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("image", link); err != nil {
		t.Fatal(err)
	}
	make1(t, Job{Path: link, Config: Config{Size: 20 * mib}})
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != 0o600 || info.Size() != 20*mib {
		t.Errorf("got %v, %v", info, err)
	}
}

// blockDevice makes a block device of a sparse file and returns both.
func blockDevice(t *testing.T, size int64, sector string) (dev, file string) {
	t.Helper()
	oracle.NeedRoot(t)
	file = filepath.Join(t.TempDir(), "file")
	writeFile(t, file, nil)
	if err := os.Truncate(file, size); err != nil {
		t.Fatal(err)
	}
	losetup := oracle.Program(t, "losetup")
	dev = strings.TrimSpace(oracle.MustRun(t, losetup, "--find", "--show", "--sector-size", sector, file))
	t.Cleanup(func() {
		if out, err := exec.Command(losetup, "--detach", dev).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	return dev, file
}

func TestMakeBlockDevice(t *testing.T) {
	tree := newTree(t, 10, 50)
	for _, sector := range []string{"512", "4096"} {
		t.Run(sector, func(t *testing.T) {
			dev, _ := blockDevice(t, 400*mib, sector)
			sum := make1(t, Job{Path: dev, Source: Source{Dir: tree}})
			if sum.Bytes != 400*mib || fmt.Sprint(sum.Layout.SectSize) != sector {
				t.Errorf("%d bytes, sectors of %d", sum.Bytes, sum.Layout.SectSize)
			}
			oracle.RepairClean(t, oracle.Gen7, dev)
			if _, err := Make(context.Background(), Job{Path: dev}); !errors.Is(err, ErrOccupied) {
				t.Errorf("again: got %v", err)
			}
			// What was there does not shine through, discarded or not.
			make1(t, Job{Path: dev, Force: true, NoDiscard: true, Config: Config{BlockSize: 4096}})
			oracle.RepairClean(t, oracle.Gen7, dev)
			if _, err := Make(context.Background(), Job{Path: dev, Force: true, Config: Config{Size: gib}}); !errors.Is(err, ErrOptions) {
				t.Errorf("larger than the device: got %v", err)
			}
			make1(t, Job{Path: dev, Force: true, Config: Config{Size: 100 * mib}})
			oracle.RepairClean(t, oracle.Gen7, dev)
			if sector == "4096" {
				if _, err := Make(context.Background(), Job{Path: dev, Force: true, Config: Config{SectSize: 512}}); !errors.Is(err, ErrOptions) {
					t.Errorf("sectors smaller than the device's: got %v", err)
				}
			}
		})
	}
}

// TestMakeInterruptedDevice has a block device hold no filesystem after an interruption.
func TestMakeInterruptedDevice(t *testing.T) {
	dev, file := blockDevice(t, 400*mib, "512")
	make1(t, Job{Path: dev})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	_, err := Make(ctx, Job{Path: dev, Force: true, Source: Source{Dir: newTree(t, 40, 200)}, Progress: func(done, total int64) { cancel() }})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	d, err := device.Open(file, device.ReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if found, err := Probe(d); err != nil || found != "" {
		t.Errorf("the device holds %q, %v", found, err)
	}
}
