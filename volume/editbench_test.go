package volume_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/volume"
	"golang.org/x/sys/unix"
)

// BenchmarkNames creates and removes files, in one directory and in a hundred. The figures are
// those of one file.
func BenchmarkNames(b *testing.B) {
	for _, dirs := range []int{1, 100} {
		b.Run(fmt.Sprintf("dirs=%d", dirs), func(b *testing.B) {
			w := openWriter(b, emptyImage(b, mkfs.Config{Size: 4 << 30}))
			for i := range dirs {
				check(b, w.Mkdir(fmt.Sprintf("/%d", i), volume.Attr{Mode: 0o755}))
			}
			name := func(i int) string { return fmt.Sprintf("/%d/file-%d", i%dirs, i) }
			b.Run("create", func(b *testing.B) {
				b.ReportAllocs()
				for i := range b.N {
					check(b, w.Create(name(i), volume.Attr{Mode: 0o644}))
				}
				check(b, w.Sync())
				b.StopTimer()
				for i := range b.N {
					check(b, w.Remove(name(i)))
				}
			})
			b.Run("remove", func(b *testing.B) {
				b.StopTimer()
				for i := range b.N {
					check(b, w.Create(name(i), volume.Attr{Mode: 0o644}))
				}
				check(b, w.Sync())
				b.ReportAllocs()
				b.StartTimer()
				for i := range b.N {
					check(b, w.Remove(name(i)))
				}
				check(b, w.Sync())
			})
			check(b, w.Close())
		})
	}
}

// BenchmarkWrite writes one large file from its beginning to its end.
func BenchmarkWrite(b *testing.B) {
	w := openWriter(b, emptyImage(b, mkfs.Config{Size: 4 << 30}))
	check(b, w.Create("/file", volume.Attr{Mode: 0o644}))
	p := content(1, 4<<20)
	b.SetBytes(int64(len(p)))
	n := int64(0)
	for b.Loop() {
		if n == 512 {
			b.StopTimer()
			check(b, w.Truncate("/file", 0))
			check(b, w.Sync())
			n = 0
			b.StartTimer()
		}
		check(b, w.WriteAt("/file", p, n*int64(len(p))))
		n++
	}
	check(b, w.Sync())
	check(b, w.Close())
}

// BenchmarkKernelNames is BenchmarkNames by the kernel, on a loop mount that is synced at the end.
func BenchmarkKernelNames(b *testing.B) {
	for _, dirs := range []int{1, 100} {
		b.Run(fmt.Sprintf("dirs=%d", dirs), func(b *testing.B) {
			m := oracle.Mount(b, emptyImage(b, mkfs.Config{Size: 4 << 30}), oracle.MountOptions{})
			for i := range dirs {
				check(b, os.Mkdir(fmt.Sprintf("%s/%d", m.Dir, i), 0o755))
			}
			name := func(i int) string { return fmt.Sprintf("%s/%d/file-%d", m.Dir, i%dirs, i) }
			create := func(n int) {
				for i := range n {
					f, err := os.OpenFile(name(i), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
					check(b, err)
					check(b, f.Close())
				}
				syncAll(b, m.Dir)
			}
			remove := func(n int) {
				for i := range n {
					check(b, os.Remove(name(i)))
				}
				syncAll(b, m.Dir)
			}
			b.Run("create", func(b *testing.B) {
				create(b.N)
				b.StopTimer()
				remove(b.N)
			})
			b.Run("remove", func(b *testing.B) {
				b.StopTimer()
				create(b.N)
				b.StartTimer()
				remove(b.N)
			})
			m.Unmount()
		})
	}
}

// BenchmarkKernelWrite is BenchmarkWrite by the kernel.
func BenchmarkKernelWrite(b *testing.B) {
	m := oracle.Mount(b, emptyImage(b, mkfs.Config{Size: 4 << 30}), oracle.MountOptions{})
	f, err := os.Create(m.Dir + "/file")
	check(b, err)
	p := content(1, 4<<20)
	b.SetBytes(int64(len(p)))
	n := int64(0)
	for b.Loop() {
		if n == 512 {
			b.StopTimer()
			check(b, f.Truncate(0))
			syncAll(b, m.Dir)
			n = 0
			b.StartTimer()
		}
		_, err := f.WriteAt(p, n*int64(len(p)))
		check(b, err)
		n++
	}
	syncAll(b, m.Dir)
	check(b, f.Close())
	m.Unmount()
}

// syncAll writes everything of the filesystem at dir.
func syncAll(b *testing.B, dir string) {
	f, err := os.Open(dir)
	check(b, err)
	check(b, unix.Syncfs(int(f.Fd())))
	check(b, f.Close())
}
