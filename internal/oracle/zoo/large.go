package zoo

import (
	"testing"

	"github.com/cowfs/cowfs/internal/bigtree"
)

// Many is bigtree.Many for tests.
func Many(t testing.TB, dir string, files, dirs int) {
	t.Helper()
	must(t, bigtree.Many(dir, files, dirs))
}

// Names is bigtree.Names for tests.
func Names(t testing.TB, dir string, n int) {
	t.Helper()
	must(t, bigtree.Names(dir, n))
}

// Links is bigtree.Links for tests.
func Links(t testing.TB, dir string, n int) {
	t.Helper()
	must(t, bigtree.Links(dir, n))
}

// Sparse is bigtree.Sparse for tests.
func Sparse(t testing.TB, path string, size int64, n int, block int64) {
	t.Helper()
	must(t, bigtree.Sparse(path, size, n, block))
}
