package volume_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/volume"
)

// crashedByKernel makes an image that the kernel has worked with and then stopped to write, with
// what was in memory of the log flushed or not.
func crashedByKernel(t *testing.T, seed uint64, flush bool, mkfsArgs ...string) string {
	t.Helper()
	image := filepath.Join(t.TempDir(), "image")
	makeImage(t, image, 1<<30, oracle.Tool(t, "mkfs.xfs", oracle.Gen7), mkfsArgs...)
	m := oracle.Mount(t, image, oracle.MountOptions{Loud: true})
	oracle.KernelExercise(t, m.Dir, seed)
	args := []string{"-x", "-c", "shutdown", m.Dir}
	if flush {
		args[2] = "shutdown -f"
	}
	oracle.MustRun(t, oracle.Tool(t, "xfs_io", oracle.Gen7), args...)
	m.Unmount()
	return image
}

func copyFile(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	oracle.MustRun(t, "cp", "--sparse=always", from, to)
	return to
}

func hashOf(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	check(t, err)
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	check(t, err)
	return fmt.Sprintf("%x", h.Sum(nil))
}

// What the log of a crashed kernel holds comes back as the kernel itself brings it back.
func TestRecoversTheKernelsLog(t *testing.T) {
	oracle.NeedRoot(t)
	variants := [][]string{nil, {"-b", "size=1024"}, {"-m", "rmapbt=0", "-n", "parent=0"}, {"-b", "size=16k"}, {"-i", "sparse=0,nrext64=0"}}
	n := 3
	if os.Getenv("COWFS_SOAK") == "1" {
		n = 100
	}
	for i := range n {
		args := variants[i%len(variants)]
		flush := i%3 != 2
		t.Run(fmt.Sprintf("%d-%v-%v", i, args, flush), func(t *testing.T) {
			image := crashedByKernel(t, uint64(i+1), flush, args...)
			theirs := copyFile(t, image)
			m := oracle.Mount(t, theirs, oracle.MountOptions{Loud: true})
			want := oracle.Snapshot(t, m.Dir)
			m.Unmount()

			before := hashOf(t, image)
			dev, err := device.Open(image, device.ReadOnly)
			check(t, err)
			v, err := volume.Open(dev, volume.Options{Replay: true})
			if err != nil {
				t.Fatal(err)
			}
			root, err := v.ReadDir(".")
			check(t, err)
			if len(root) == 0 {
				t.Error("nothing is seen in memory")
			}
			check(t, v.Close())
			if hashOf(t, image) != before {
				t.Error("reading has changed the image")
			}

			dev, err = device.Open(image, device.ReadWrite)
			check(t, err)
			w, err := volume.OpenWriter(dev, volume.Options{Replay: true})
			if err != nil {
				t.Fatal(err)
			}
			check(t, w.Close())
			oracle.RepairClean(t, oracle.Gen7, image)
			m = oracle.Mount(t, image, oracle.MountOptions{})
			oracle.Equal(t, want, oracle.Snapshot(t, m.Dir), oracle.CompareOptions{})
			m.Unmount()
		})
	}
}
