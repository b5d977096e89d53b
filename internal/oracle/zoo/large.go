package zoo

import (
	"encoding/binary"
	"fmt"
	"os"
	"testing"
)

// Many fills dir with the given number of small files in that many directories.
func Many(t testing.TB, dir string, files, dirs int) {
	t.Helper()
	b := newBuilder(t, dir)
	content := b.bytes(8 << 10)
	for d := range dirs {
		must(t, os.Mkdir(b.path(fmt.Sprintf("dir-%d", d)), 0o755))
	}
	for i := range files {
		n := 20 + i*37%4000
		binary.LittleEndian.PutUint32(content, uint32(i)) // no two files are equal
		must(t, os.WriteFile(b.path(fmt.Sprintf("dir-%d/file-%d", i%dirs, i)), content[:n], 0o644))
	}
}

// Names fills dir with n names: empty files, as nothing but the directory is of interest.
func Names(t testing.TB, dir string, n int) {
	t.Helper()
	for i := range n {
		f, err := os.Create(fmt.Sprintf("%s/entry-number-%08d-of-many", dir, i*7919%n))
		must(t, err)
		must(t, f.Close())
	}
}

// Links makes one file in dir with n names.
func Links(t testing.TB, dir string, n int) {
	t.Helper()
	first := dir + "/link-0"
	must(t, os.WriteFile(first, []byte("one inode"), 0o644))
	for i := 1; i < n; i++ {
		must(t, os.Link(first, fmt.Sprintf("%s/link-%d", dir, i)))
	}
}

// Sparse makes a file of size bytes with n extents of one block each, at equal distances.
func Sparse(t testing.TB, path string, size int64, n int, block int64) {
	t.Helper()
	f, err := os.Create(path)
	must(t, err)
	must(t, f.Truncate(size))
	content := make([]byte, block)
	step := size / int64(n) / block * block
	for i := range int64(n) {
		binary.LittleEndian.PutUint64(content, uint64(i)+1)
		_, err := f.WriteAt(content, i*step)
		must(t, err)
	}
	must(t, f.Close())
}
