package volume_test

import (
	"fmt"
	"testing"

	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/volume"
)

// go run ./bench -sets create,remove,write races Linux with the same; see docs/benchmarks.md.

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
