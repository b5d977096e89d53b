package bigtree

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestTrees(t *testing.T) {
	t.Parallel()
	many, names, links := t.TempDir(), t.TempDir(), t.TempDir()
	for _, err := range []error{Many(many, 100, 7), Names(names, 1000), Links(links, 50), Sparse(filepath.Join(links, "sparse"), 1<<30, 100, 4096)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for pattern, want := range map[string]int{many + "/*/*": 100, many + "/*": 7, names + "/*": 1000, links + "/link-*": 50} {
		got, err := filepath.Glob(pattern)
		if err != nil || len(got) != want {
			t.Errorf("%s: %d names, want %d (%v)", filepath.Base(pattern), len(got), want, err)
		}
	}
	var st unix.Stat_t
	if err := unix.Stat(filepath.Join(links, "link-7"), &st); err != nil || st.Nlink != 50 {
		t.Errorf("%d links, %v", st.Nlink, err)
	}
	if err := unix.Stat(filepath.Join(links, "sparse"), &st); err != nil || st.Size != 1<<30 || st.Blocks*512 > 1<<20 {
		t.Errorf("sparse: %d bytes in %d sectors, %v", st.Size, st.Blocks, err)
	}
	a, _ := os.ReadFile(filepath.Join(many, "dir-0/file-0"))
	b, _ := os.ReadFile(filepath.Join(many, "dir-1/file-1"))
	if len(a) != 20 || len(b) != 57 || string(a[:4]) == string(b[:4]) {
		t.Errorf("files of %d and %d bytes", len(a), len(b))
	}
}
