package check_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/internal/oracle/dirty"
	"github.com/cowfs/cowfs/volume"
)

// work lets the kernel do something with an image.
func work(t *testing.T, image string, o oracle.MountOptions, do func(dir string)) {
	t.Helper()
	m := oracle.Mount(t, image, o)
	do(m.Dir)
	m.Unmount()
}

// fill writes files of some size until there is no room.
func fill(t *testing.T, dir string, size int) (made int) {
	t.Helper()
	b := make([]byte, size)
	for ; ; made++ {
		err := os.WriteFile(filepath.Join(dir, fmt.Sprint("fill", made)), b, 0o644)
		if errors.Is(err, unix.ENOSPC) {
			return made
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestSoundGrown checks a volume that has become larger, twice, the second time by less than a group.
func TestSoundGrown(t *testing.T) {
	image := dirty.Fresh(t, 300<<20)
	grow := oracle.Program(t, "xfs_growfs")
	for i, size := range []int64{700 << 20, 1000<<20 + 12345} {
		if err := os.Truncate(image, size); err != nil {
			t.Fatal(err)
		}
		work(t, image, oracle.MountOptions{}, func(dir string) {
			oracle.MustRun(t, grow, "-d", dir)
			oracle.KernelExercise(t, dir, uint64(i))
		})
		clean(t, image, fmt.Sprintf("%d bytes", size))
	}
}

// TestSoundRenamed checks a volume with another UUID than its metadata, and with a label.
func TestSoundRenamed(t *testing.T) {
	image := dirty.Fresh(t, 300<<20)
	work(t, image, oracle.MountOptions{}, func(dir string) { oracle.KernelExercise(t, dir, 1) })
	oracle.MustRun(t, oracle.Tool(t, "xfs_db", oracle.Gen7), "-x", "-c", "uuid generate", "-c", "label other", image)
	clean(t, image, "with another UUID")
	work(t, image, oracle.MountOptions{}, func(dir string) { oracle.KernelExercise(t, dir, 2) })
	clean(t, image, "and after the kernel's work")
	oracle.RepairClean(t, oracle.Gen7, image)
}

// TestSoundFull checks a volume without room, and one in which only parts of inode chunks fit
// between files.
func TestSoundFull(t *testing.T) {
	for _, args := range [][]string{nil, {"-b", "size=1k"}, {"-m", "rmapbt=0,reflink=0"}} {
		t.Run(fmt.Sprint(args), func(t *testing.T) {
			t.Parallel()
			image := dirty.Fresh(t, 64<<20, append(args, "-l", "size=16m", "-d", "agcount=2")...)
			work(t, image, oracle.MountOptions{Full: true}, func(dir string) {
				n := fill(t, dir, 12<<10)
				for i := 0; i < n; i += 2 { // holes of 12 KiB
					if err := os.Remove(filepath.Join(dir, fmt.Sprint("fill", i))); err != nil {
						t.Fatal(err)
					}
				}
				for i := range 2000 {
					err := os.WriteFile(filepath.Join(dir, fmt.Sprint("small", i)), nil, 0o644)
					if err != nil && !errors.Is(err, unix.ENOSPC) {
						t.Fatal(err)
					}
				}
			})
			clean(t, image, "in pieces")
			work(t, image, oracle.MountOptions{Full: true}, func(dir string) {
				if err := os.Mkdir(filepath.Join(dir, "more"), 0o755); err == nil {
					fill(t, filepath.Join(dir, "more"), 3000)
				}
			})
			clean(t, image, "full")
			oracle.RepairClean(t, oracle.Gen7, image)
		})
	}
}

// TestSoundOthers checks what other programs have made: the mkfs.xfs of the system, and xfs_repair.
func TestSoundOthers(t *testing.T) {
	old := filepath.Join(t.TempDir(), "old")
	oracle.MustRun(t, oracle.Tool(t, "mkfs.xfs", oracle.Gen6), "-q", "-d", "file,size=400m,name="+old)
	work(t, old, oracle.MountOptions{}, func(dir string) { oracle.KernelExercise(t, dir, 4) })
	clean(t, old, "by mkfs.xfs 6")

	oracle.MustRun(t, oracle.Tool(t, "xfs_db", oracle.Gen7), "-x", "-c", "path /", "-c", "write -d core.nlinkv2 77", old)
	repair := exec.Command(oracle.Tool(t, "xfs_repair", oracle.Gen7), old)
	if r := oracle.RunCmd(t, repair); r.Exit != 0 {
		t.Fatal(r.Stderr)
	}
	clean(t, old, "after xfs_repair")
}

// TestSoundQuota checks a volume with quotas. Their records are not judged, which is said; and
// nothing is wrong.
func TestSoundQuota(t *testing.T) {
	image := dirty.Fresh(t, 300<<20)
	m, err := oracle.TryMount(t, image, oracle.MountOptions{Data: "uquota,gquota,pquota"})
	if errors.Is(err, unix.EINVAL) {
		t.Skip("this kernel has no quotas")
	}
	if err != nil {
		t.Fatal(err)
	}
	oracle.KernelExercise(t, m.Dir, 1)
	for i := range 50 {
		p := filepath.Join(m.Dir, fmt.Sprint("of", i))
		if err := errors.Join(os.WriteFile(p, make([]byte, 5000), 0o644), os.Chown(p, 1000+i*300, 5*i)); err != nil {
			t.Fatal(err)
		}
	}
	m.Unmount()
	r := checkFile(t, image)
	unchecked := false
	for _, f := range r.Findings {
		unchecked = unchecked || f.Code.Severity == check.Unchecked
		if f.Code.Severity != check.Unchecked {
			t.Errorf("false alarm: %s", told(f))
		}
	}
	if !unchecked || r.Complete {
		t.Errorf("quota records pass for checked: %v", r.Findings)
	}
}

// TestSoundCase checks a volume whose names are equal in either case.
func TestSoundCase(t *testing.T) {
	image := dirty.Fresh(t, 300<<20, "-n", "version=ci")
	edit(t, image, rand.New(rand.NewPCG(1, 1)), 1)
	dev, err := device.Open(image, device.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	w, err := volume.OpenWriter(dev, volume.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		if err := w.Create(fmt.Sprintf("/A Name In MIXED Case %d", i), volume.Attr{Mode: 0o600}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	clean(t, image, "with names in either case")
	oracle.RepairClean(t, oracle.Gen7, image)
}
