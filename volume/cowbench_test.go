package volume_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/volume"
)

// These compare writes to a file that shares all its blocks with a clone, by us and by the kernel
// on a loop mount; each as a whole, with what it takes until the data are safe. Run them with
// -benchtime 1x.

const (
	randomSize   = 1 << 30
	randomWrites = 50_000
	streamSize   = 4 << 30
)

// sharedImage is an image with a file of a size and its clone.
func sharedImage(b *testing.B, image, size int64) string {
	b.Helper()
	path := emptyImage(b, mkfs.Config{Size: uint64(image)})
	w := openWriter(b, path)
	check(b, w.Create("/f", volume.Attr{Mode: 0o644}))
	p := noise(1, 4<<20)
	for off := int64(0); off < size; off += int64(len(p)) {
		check(b, w.WriteAt("/f", p, off))
	}
	check(b, w.Clone("/f", "/g"))
	check(b, w.Close())
	f, err := os.Open(path)
	check(b, err)
	check(b, f.Sync())
	check(b, f.Close())
	return path
}

func randomOffsets() []int64 {
	rng := rand.New(rand.NewPCG(1, 2))
	out := make([]int64, randomWrites)
	for i := range out {
		out[i] = rng.Int64N(randomSize/4096) * 4096
	}
	return out
}

// BenchmarkCowRandom writes 4 KiB at random places, and then all of it back.
func BenchmarkCowRandom(b *testing.B) {
	p, offsets := noise(2, 4096), randomOffsets()
	for range b.N {
		b.StopTimer()
		w := openWriter(b, sharedImage(b, 4<<30, randomSize))
		b.StartTimer()
		for _, off := range offsets {
			if err := w.WriteAt("/f", p, off); err != nil {
				b.Fatal(err)
			}
		}
		check(b, w.Sync())
		b.StopTimer()
		check(b, w.Close())
		b.StartTimer()
	}
}

func BenchmarkKernelCowRandom(b *testing.B) {
	p, offsets := noise(2, 4096), randomOffsets()
	for range b.N {
		b.StopTimer()
		m := oracle.Mount(b, sharedImage(b, 4<<30, randomSize), oracle.MountOptions{})
		f, err := os.OpenFile(filepath.Join(m.Dir, "f"), os.O_RDWR, 0)
		check(b, err)
		b.StartTimer()
		for _, off := range offsets {
			if _, err := f.WriteAt(p, off); err != nil {
				b.Fatal(err)
			}
		}
		check(b, f.Sync())
		b.StopTimer()
		check(b, f.Close())
		m.Unmount()
		b.StartTimer()
	}
}

// BenchmarkCowStream writes a large file anew from its beginning to its end.
func BenchmarkCowStream(b *testing.B) {
	p := noise(2, 1<<20)
	b.SetBytes(streamSize)
	for range b.N {
		b.StopTimer()
		w := openWriter(b, sharedImage(b, 12<<30, streamSize))
		b.StartTimer()
		for off := int64(0); off < streamSize; off += int64(len(p)) {
			check(b, w.WriteAt("/f", p, off))
		}
		check(b, w.Sync())
		b.StopTimer()
		check(b, w.Close())
		b.StartTimer()
	}
}

func BenchmarkKernelCowStream(b *testing.B) {
	p := noise(2, 1<<20)
	b.SetBytes(streamSize)
	for range b.N {
		b.StopTimer()
		m := oracle.Mount(b, sharedImage(b, 12<<30, streamSize), oracle.MountOptions{})
		f, err := os.OpenFile(filepath.Join(m.Dir, "f"), os.O_RDWR, 0)
		check(b, err)
		b.StartTimer()
		for off := int64(0); off < streamSize; off += int64(len(p)) {
			_, err := f.WriteAt(p, off)
			check(b, err)
		}
		check(b, f.Sync())
		b.StopTimer()
		check(b, f.Close())
		m.Unmount()
		b.StartTimer()
	}
}
