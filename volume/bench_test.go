package volume_test

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/dir"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/volume"
)

// sourceImage is an image of the Go toolchain's own source tree.
func sourceImage(b *testing.B) string {
	b.Helper()
	root := strings.TrimSpace(oracle.MustRun(b, oracle.Program(b, "go"), "env", "GOROOT"))
	path := filepath.Join(b.TempDir(), "image")
	_, err := mkfs.Make(b.Context(), mkfs.Job{Path: path, Source: mkfs.Source{Dir: filepath.Join(root, "src")}})
	check(b, err)
	return path
}

// BenchmarkTree walks the tree with and without reading all files, by us and by the kernel.
func BenchmarkTree(b *testing.B) {
	path := sourceImage(b)
	v := open(b, path)
	b.Run("walk", func(b *testing.B) { benchmarkWalk(b, v) })
	b.Run("read", func(b *testing.B) { benchmarkRead(b, v, true) })
	b.Run("walk-inodes", func(b *testing.B) { benchmarkInodes(b, v, false) })
	b.Run("read-inodes", func(b *testing.B) { benchmarkInodes(b, v, true) })
	m := oracle.Mount(b, path, oracle.MountOptions{ReadOnly: true})
	b.Run("walk-kernel", func(b *testing.B) { benchmarkWalk(b, os.DirFS(m.Dir)) })
	b.Run("read-kernel", func(b *testing.B) { benchmarkRead(b, os.DirFS(m.Dir), false) })
}

func benchmarkWalk(b *testing.B, f fs.FS) {
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		check(b, fs.WalkDir(f, ".", func(_ string, d fs.DirEntry, err error) error {
			if err == nil {
				_, err = d.Info()
			}
			n++
			return err
		}))
		b.ReportMetric(float64(n), "names")
	}
}

func benchmarkRead(b *testing.B, f fs.FS, writeTo bool) {
	b.ReportAllocs()
	buf := make([]byte, 1<<20)
	for b.Loop() {
		sum := int64(0)
		check(b, fs.WalkDir(f, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			file, err := f.Open(path)
			if err != nil {
				return err
			}
			var n int64
			if writeTo {
				n, err = io.Copy(io.Discard, file)
			} else {
				n, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{file}, buf)
			}
			sum += n
			file.Close()
			return err
		}))
		b.SetBytes(sum)
	}
}

// benchmarkInodes goes from inode to inode without paths, as a checker or exporter does.
func benchmarkInodes(b *testing.B, v *volume.Volume, read bool) {
	b.ReportAllocs()
	for b.Loop() {
		root, err := v.Root()
		check(b, err)
		stack := []*inode.Inode{root}
		sum := int64(0)
		for len(stack) > 0 {
			d, err := dir.Open(stack[len(stack)-1])
			check(b, err)
			stack = stack[:len(stack)-1]
			for e, err := range d.Entries() {
				check(b, err)
				i, err := v.Inode(e.Ino)
				check(b, err)
				switch {
				case i.IsDir():
					stack = append(stack, i)
				case read && i.IsRegular():
					f, err := v.FileOf(e.Name, i)
					check(b, err)
					n, err := f.WriteTo(io.Discard)
					check(b, err)
					check(b, f.Close())
					sum += n
				}
			}
		}
		b.SetBytes(sum)
	}
}

// BenchmarkSparse reads a file of 10,000 extents.
func BenchmarkSparse(b *testing.B) {
	root := b.TempDir()
	f, err := os.Create(filepath.Join(root, "sparse"))
	check(b, err)
	block := content(1, 4096)
	for i := range int64(10_000) {
		_, err := f.WriteAt(block, i*12<<10)
		check(b, err)
	}
	check(b, f.Close())
	path := filepath.Join(b.TempDir(), "image")
	_, err = mkfs.Make(b.Context(), mkfs.Job{Path: path, Source: mkfs.Source{Dir: root}})
	check(b, err)
	v := open(b, path)
	file, err := v.OpenFile("sparse")
	check(b, err)
	b.Run("all", func(b *testing.B) {
		b.SetBytes(120 << 20)
		for b.Loop() {
			_, err := file.Seek(0, io.SeekStart)
			check(b, err)
			_, err = io.Copy(io.Discard, file)
			check(b, err)
		}
	})
	b.Run("pieces", func(b *testing.B) {
		buf := make([]byte, 32<<10)
		b.SetBytes(120 << 20)
		b.ReportAllocs()
		for b.Loop() {
			for off := int64(0); off < file.Inode().Size(); off += int64(len(buf)) {
				if _, err := file.ReadAt(buf, off); err != nil && err != io.EOF {
					b.Fatal(err)
				}
			}
		}
	})
}
