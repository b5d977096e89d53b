package volume_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/internal/oracle/zoo"
	"github.com/cowfs/cowfs/volume"
	"golang.org/x/sys/unix"
)

// kernelImages are the sorts of images that the kernel makes and we read: each generation of
// mkfs.xfs with its defaults, and each size and feature that changes what lies on the disk.
var kernelImages = []struct {
	name string
	gen  oracle.Gen
	size int64
	args []string
	thin bool // a smaller tree, as there is nothing new in the rest
}{
	{"default-6", oracle.Gen6, 512 << 20, nil, true}, // no rmapbt, no parent pointers
	{"default-7", oracle.Gen7, 512 << 20, nil, false},
	{"rmapbt-sector-4k-ags-17", oracle.Gen6, 2 << 30, []string{"-m", "rmapbt=1", "-s", "size=4096", "-d", "agcount=17"}, true},
	{"minimal", oracle.Gen6, 512 << 20, []string{"-m", "finobt=0,rmapbt=0,reflink=0,bigtime=0", "-i", "sparse=0"}, true},
	{"block-1k", oracle.Gen7, 512 << 20, []string{"-b", "size=1k"}, false},
	{"block-64k", oracle.Gen7, 1 << 30, []string{"-b", "size=64k"}, true},
	{"dir-64k-inode-2k-no-nrext64", oracle.Gen7, 512 << 20, []string{"-n", "size=64k", "-i", "size=2048,nrext64=0"}, true},
}

// TestReadsWhatTheKernelWrote fills an image through the kernel with everything there is, and
// compares all that we read of it with what the kernel shows.
func TestReadsWhatTheKernelWrote(t *testing.T) {
	for _, image := range kernelImages {
		t.Run(image.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "image")
			makeImage(t, path, image.size, oracle.Tool(t, "mkfs.xfs", image.gen), image.args...)
			m := oracle.Mount(t, path, oracle.MountOptions{})
			fill(t, m.Dir, image.thin)
			m.Unmount()
			m = oracle.Mount(t, path, oracle.MountOptions{ReadOnly: true})

			v := open(t, path)
			if v.Log != volume.LogClean {
				t.Errorf("the log of an unmounted image is %v", v.Log)
			}
			if w := v.Warnings(); len(w) > 0 {
				t.Errorf("warnings: %q", w)
			}
			c := newComparison(t, v, m.Dir)
			c.node("")
			t.Logf("%d inodes, %d names compared", len(c.inodes), c.names)
			if c.names < 2000 {
				t.Errorf("only %d names compared", c.names)
			}
			c.parents()
			compareMaps(t, v, m.Dir)
			m.Unmount()
		})
	}
}

func makeImage(t testing.TB, path string, size int64, mkfs string, args ...string) {
	t.Helper()
	f, err := os.Create(path)
	check(t, err)
	check(t, f.Truncate(size))
	check(t, f.Close())
	oracle.MustRun(t, mkfs, append(append([]string{"-q"}, args...), path)...)
}

func open(t testing.TB, path string) *volume.Volume {
	t.Helper()
	dev, err := device.Open(path, device.ReadOnly)
	check(t, err)
	v, err := volume.Open(dev, volume.Options{})
	check(t, err)
	t.Cleanup(func() { v.Close() })
	return v
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fill makes a tree with all forms of everything, among them those that only deleting makes.
func fill(t *testing.T, dir string, thin bool) {
	t.Helper()
	check(t, os.Mkdir(dir+"/zoo", 0o755))
	zoo.Small(t, dir+"/zoo")
	names := oracle.Soak(8_000, 20_000)
	if thin {
		names = 2_000
	}
	for _, d := range []string{"names", "stale", "holes", "links", "extents", "clones"} {
		check(t, os.Mkdir(filepath.Join(dir, d), 0o755))
	}
	zoo.Names(t, dir+"/names", names)
	stale(t, dir+"/stale", names/4, func(i int) bool { return i%3 == 0 })
	stale(t, dir+"/holes", names/4, func(i int) bool { return i > 600 && i < names/4-600 })
	zoo.Links(t, dir+"/links", 2000)
	zoo.Sparse(t, dir+"/extents/sparse", 1<<30, names/4, 4096)
	fragmented(t, dir+"/extents/mixed", names/10)
	clones(t, dir+"/clones")
	attributes(t, dir+"/attributes")
}

// stale makes n names and removes some, which leaves stale entries in the index and, where
// whole blocks get empty, holes in the directory.
func stale(t *testing.T, dir string, n int, remove func(i int) bool) {
	t.Helper()
	for i := range n {
		check(t, os.WriteFile(fmt.Sprintf("%s/%05d-%s", dir, i, strings.Repeat("n", i%50)), nil, 0o600))
	}
	for i := range n {
		if remove(i) {
			check(t, os.Remove(fmt.Sprintf("%s/%05d-%s", dir, i, strings.Repeat("n", i%50))))
		}
	}
}

// fragmented makes a file of written, unwritten and missing ranges in turn.
func fragmented(t *testing.T, path string, n int) {
	t.Helper()
	f, err := os.Create(path)
	check(t, err)
	const unit = 64 << 10
	block := make([]byte, unit)
	for i := range int64(n) {
		binary.BigEndian.PutUint64(block, uint64(i)+1)
		switch i % 3 {
		case 0:
			_, err = f.WriteAt(block[:1000+i], i*unit)
		case 1:
			err = unix.Fallocate(int(f.Fd()), 0, i*unit, unit)
		}
		check(t, err)
	}
	check(t, f.Close())
}

// clones makes files that share all or some of their blocks, where the volume can do that.
func clones(t *testing.T, dir string) {
	t.Helper()
	content := make([]byte, 1<<20)
	for i := range content {
		content[i] = byte(i * 7 >> 8)
	}
	check(t, os.WriteFile(dir+"/origin", content, 0o644))
	origin, err := os.Open(dir + "/origin")
	check(t, err)
	defer origin.Close()
	for i := range 5 {
		clone, err := os.Create(fmt.Sprintf("%s/clone-%d", dir, i))
		check(t, err)
		if err := unix.IoctlFileClone(int(clone.Fd()), int(origin.Fd())); err == nil {
			_, err = clone.WriteAt([]byte("changed"), int64(i)*128<<10)
			check(t, err)
		} else if err != unix.EOPNOTSUPP {
			t.Fatal(err)
		}
		check(t, clone.Close())
	}
}

// attributes makes files that gain and lose attributes, so that their forks change form.
func attributes(t *testing.T, dir string) {
	t.Helper()
	check(t, os.Mkdir(dir, 0o755))
	value := strings.Repeat("value", 13_107)
	for _, n := range []int{1, 5, 30, 120, 400, 1500} {
		path := fmt.Sprintf("%s/%d", dir, n)
		check(t, os.WriteFile(path, nil, 0o644))
		for i := range n {
			check(t, unix.Setxattr(path, fmt.Sprintf("user.%d-%s", i, strings.Repeat("a", i%30)), []byte(value[:i*37%500]), 0))
		}
		for i := range n {
			switch i % 5 {
			case 1:
				check(t, unix.Removexattr(path, fmt.Sprintf("user.%d-%s", i, strings.Repeat("a", i%30))))
			case 2:
				check(t, unix.Setxattr(path, fmt.Sprintf("user.%d-%s", i, strings.Repeat("a", i%30)), []byte(value[:i*i%len(value)]), 0))
			}
		}
	}
}
