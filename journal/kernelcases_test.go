package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/internal/oracle/dirty"
)

// replayCopy replays the log in a copy of the image, makes it clean, and has it checked.
func replayCopy(t testing.TB, image string) (string, *Result) {
	t.Helper()
	ours := copyImage(t, image)
	d, g := openImage(t, ours, device.ReadWrite)
	r, err := Replay(mustOpen(t, d, g), d)
	check(t, err)
	check(t, MakeClean(d, r.Geometry))
	check(t, d.Close())
	oracle.RepairClean(t, oracle.Gen7, ours)
	return ours, r
}

// A log can make the volume larger than its superblock says.
func TestReplayGrowth(t *testing.T) {
	image := dirty.Fresh(t, 500<<20, "-d", "size=300m")
	m := oracle.Mount(t, image, oracle.MountOptions{Loud: true})
	oracle.MustRun(t, filepath.Join(filepath.Dir(oracle.Tool(t, "xfs_io", oracle.Gen7)), "xfs_growfs"), m.Dir)
	w := dirty.NewWork(t, m.Dir, 1)
	for i := range 8 { // directories go to all groups
		w.Names(fmt.Sprintf("dir%d", i), 40)
	}
	w.Shutdown(false)
	m.Unmount()

	_, before := openImage(t, image, device.ReadOnly)
	ours, r := replayCopy(t, image)
	if r.Geometry.AGCount <= before.AGCount || r.Geometry.DBlocks != 500<<20/4096 {
		t.Errorf("%d blocks in %d groups after the replay, %d in %d before", r.Geometry.DBlocks, r.Geometry.AGCount, before.DBlocks, before.AGCount)
	}
	sameAsKernel(t, image, ours)
}

// sameAsKernel compares our replay, of a copy, with the kernel's of the image.
func sameAsKernel(t *testing.T, image, ours string) {
	t.Helper()
	m := oracle.Mount(t, image, oracle.MountOptions{Loud: true})
	want := oracle.Snapshot(t, m.Dir)
	m.Unmount()
	oracle.RepairClean(t, oracle.Gen7, image)
	o, _ := openImage(t, ours, device.ReadOnly)
	k, g := openImage(t, image, device.ReadOnly)
	compareImages(t, "our replay and the kernel's", o, k, g)
	check(t, o.Close())
	check(t, k.Close())
	m = oracle.Mount(t, ours, oracle.MountOptions{})
	oracle.Equal(t, want, oracle.Snapshot(t, m.Dir), oracle.CompareOptions{})
	m.Unmount()
}

// Two files have swapped their forks: the log does not have the trees' blocks, just that they
// have another owner now. The kernel itself fails to recover from that, for it checks the inode
// before it has computed its checksum.
func TestReplaySwappedTrees(t *testing.T) {
	image := dirty.Fresh(t, 300<<20, "-m", "rmapbt=0,reflink=0", "-i", "exchange=0", "-n", "parent=0")
	m := oracle.Mount(t, image, oracle.MountOptions{Loud: true})
	file, donor := filepath.Join(m.Dir, "file"), filepath.Join(m.Dir, "donor")
	for i, p := range []string{file, donor} {
		f, err := os.Create(p)
		check(t, err)
		for k := range 700 {
			_, err := f.WriteAt([]byte{byte(k), byte(i)}, int64(k)*8192+int64(i)*4096)
			check(t, err)
		}
		check(t, f.Truncate(700*8192))
		check(t, f.Sync())
		check(t, f.Close())
	}
	check(t, exec.Command(oracle.Tool(t, "xfs_io", oracle.Gen7), "-x", "-c", "freeze", "-c", "thaw", m.Dir).Run())
	out := oracle.Run(t, oracle.Tool(t, "xfs_io", oracle.Gen7), "-c", "swapext "+donor, file)
	if out.Exit != 0 || out.Stderr != "" {
		t.Fatalf("swapext: %s", out.Stderr)
	}
	want := oracle.Snapshot(t, m.Dir)
	dirty.NewWork(t, m.Dir, 1).Shutdown(false)
	m.Unmount()

	d, g := openImage(t, image, device.ReadOnly)
	owners := 0
	for _, tr := range committed(t, d, g) {
		for _, i := range itemsOf(t, tr) {
			if i.Type() == format.LogItemInode && format.LogInodeFields.Get(i.Regions[0])&format.LogInodeDOwner != 0 {
				owners++
			}
		}
	}
	check(t, d.Close())
	if owners == 0 {
		t.Fatal("the log has no change of owner")
	}
	ours, _ := replayCopy(t, image)
	m = oracle.Mount(t, ours, oracle.MountOptions{})
	oracle.Equal(t, want, oracle.Snapshot(t, m.Dir), oracle.CompareOptions{})
	m.Unmount()
}

// Directory blocks that do not lie in one run are logged in pieces. The kernel itself fails to
// recover from that; what the tree has to be is known from before the crash.
func TestReplayScatteredDirectory(t *testing.T) {
	for _, size := range []string{"4k", "16k"} {
		t.Run(size, func(t *testing.T) {
			image := dirty.Fresh(t, 40<<20, "-b", "size=1k", "-n", "size="+size+",parent=0",
				"-m", "rmapbt=0,reflink=0,finobt=0,inobtcount=0", "-d", "agcount=1", "-l", "size=9m")
			m := oracle.Mount(t, image, oracle.MountOptions{Loud: true})
			w := dirty.NewWork(t, m.Dir, 1)
			scatter(t, w)
			for i := range 300 {
				check(t, os.Link(w.Path("d/a name of some length %d", i), w.Path("d/another long name %d", i)))
				if i%100 == 50 {
					w.Sync()
				}
			}
			for i := 0; i < 300; i += 3 {
				check(t, os.Rename(w.Path("d/a name of some length %d", i), w.Path("d/renamed %d", i)))
			}
			want := oracle.Snapshot(t, m.Dir)
			w.Shutdown(false)
			m.Unmount()

			d, g := openImage(t, image, device.ReadOnly)
			pieces := 0
			for _, tr := range committed(t, d, g) {
				for _, i := range itemsOf(t, tr) {
					if i.Type() == format.LogItemBuf && format.LogBufFlags.Get(i.Regions[0]).Type() == format.LogBufTypeDirData &&
						int(format.LogBufLen.Get(i.Regions[0]))*512 < g.DirBlockSize {
						pieces++
					}
				}
			}
			check(t, d.Close())
			if pieces == 0 {
				t.Fatal("all directory blocks lie in one run")
			}
			ours, _ := replayCopy(t, image)
			m = oracle.Mount(t, ours, oracle.MountOptions{})
			got := oracle.Snapshot(t, m.Dir)
			m.Unmount()
			for name := range want.Nodes {
				if strings.HasPrefix(name, "rest") { // its end found no space
					delete(want.Nodes, name)
					delete(got.Nodes, name)
				}
			}
			oracle.Equal(t, want, got, oracle.CompareOptions{})
		})
	}
}

// scatter makes a directory d with files, and leaves free just single blocks.
func scatter(t testing.TB, w *dirty.Work) {
	oracle.MustRun(t, oracle.Tool(t, "xfs_io", oracle.Gen7), "-x", "-c", "resblks 0", w.Dir)
	check(t, os.Mkdir(w.Path("d"), 0o755))
	for i := range 300 {
		check(t, os.WriteFile(w.Path("d/a name of some length %d", i), nil, 0o644))
	}
	const hole = 12 << 20
	f, err := os.Create(w.Path("holes"))
	check(t, err)
	defer f.Close()
	check(t, unix.Fallocate(int(f.Fd()), 0, 0, hole))
	spare := bytes.Repeat([]byte("s"), 100<<10) // to make holes needs some room
	check(t, os.WriteFile(w.Path("spare"), spare, 0o644))
	w.Sync()
	for i := range 4 { // all the rest
		rest, err := os.Create(w.Path("rest%d", i))
		if errors.Is(err, unix.ENOSPC) {
			break
		}
		check(t, err)
		for err == nil {
			_, err = rest.Write(bytes.Repeat([]byte("x"), 4096))
		}
		if !errors.Is(err, unix.ENOSPC) {
			t.Fatalf("workload: fill the volume: %v", err)
		}
		_ = rest.Sync() // may say that there is no space
		check(t, rest.Close())
	}
	_ = unix.Syncfs(int(f.Fd())) // says so once more
	check(t, os.Remove(w.Path("spare")))
	w.Settle()
	for off := int64(0); off < hole; off += 2048 {
		check(t, unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, 1024))
	}
	check(t, os.WriteFile(w.Path("spare"), spare, 0o644))
	w.Sync()
}
