package source_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/internal/oracle/zoo"
	"github.com/cowfs/cowfs/source"
	"github.com/google/go-cmp/cmp"
)

// rawSparse is a PAX archive of a sparse file: archive/tar writes none.
func rawSparse(t testing.TB, data string, records map[string]string) []byte {
	t.Helper()
	m := file("file", data)
	m.PAXRecords = records
	b := pack(t, m)
	// The writer does not take the records of sparse files under their own name.
	return bytes.ReplaceAll(b, []byte("GNU_sparse"), []byte("GNU.sparse"))
}

func TestSparseMaps(t *testing.T) {
	version1 := func(text, data string) string {
		return text + strings.Repeat("\x00", (512-len(text)%512)%512) + data
	}
	v1 := func(size string) map[string]string {
		return map[string]string{"GNU_sparse.major": "1", "GNU_sparse.minor": "0", "GNU_sparse.name": "file", "GNU_sparse.realsize": size}
	}
	v0 := func(size, n, text string) map[string]string {
		return map[string]string{"GNU_sparse.size": size, "GNU_sparse.numblocks": n, "GNU_sparse.map": text}
	}
	for _, c := range []struct {
		name    string
		b       []byte
		extents string // or an error
		content string
	}{
		{"1.0", rawSparse(t, version1("2\n5\n3\n10\n2\n", "abcde"), v1("14")), "[{5 3 false} {10 2 false}]", "\x00\x00\x00\x00\x00abc\x00\x00de\x00\x00"},
		{"1.0 end mark", rawSparse(t, version1("2\n1\n3\n6\n0\n", "abc"), v1("6")), "[{1 3 false}]", "\x00abc\x00\x00"},
		{"1.0 all hole", rawSparse(t, version1("0\n", ""), v1("4")), "[]", "\x00\x00\x00\x00"},
		{"1.0 dense", rawSparse(t, version1("2\n0\n2\n2\n1\n", "abc"), v1("3")), "<nil>", "abc"},
		{"1.0 empty", rawSparse(t, version1("1\n0\n0\n", ""), v1("0")), "<nil>", ""},
		{"0.1", rawSparse(t, "abc", v0("9", "2", "1,1,4,2")), "[{1 1 false} {4 2 false}]", "\x00a\x00\x00bc\x00\x00\x00"},
		{"too little data", rawSparse(t, version1("2\n5\n3\n10\n2\n", "abc"), v1("14")), "error: it has 5 bytes, and there are 3", ""},
		{"too much data", rawSparse(t, version1("1\n5\n3\n", "abcde"), v1("14")), "error: it has 3 bytes, and there are 5", ""},
		{"overlap", rawSparse(t, version1("2\n5\n3\n6\n2\n", "abcde"), v1("14")), "error: invalid tar header", ""},
		{"beyond the end", rawSparse(t, version1("1\n5\n3\n", "abc"), v1("7")), "error: invalid tar header", ""},
		{"huge", rawSparse(t, version1("1\n9223372036854775804\n3\n", "abc"), v1("9223372036854775807")), "[{9223372036854775804 3 false}]", ""},
		{"count", rawSparse(t, version1("7777777777777\n5\n3\n", "abc"), v1("9")), "error: ", ""},
		{"unknown version", rawSparse(t, "abc", map[string]string{"GNU_sparse.major": "2", "GNU_sparse.minor": "0"}), "<nil>", "abc"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for form, b := range map[string][]byte{"plain": c.b, "gzip": gzipped(t, c.b)} {
				tree, err := readTar(t, source.Options{}, b)
				if want, ok := strings.CutPrefix(c.extents, "error: "); ok {
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("%s: got %v", form, err)
					}
					continue
				}
				if err != nil {
					t.Errorf("%s: %v", form, err)
					continue
				}
				id, _ := lookup(tree, "file")
				got := fmt.Sprint(tree.Extents(id))
				if tree.Extents(id) == nil {
					got = "<nil>"
				}
				if got != c.extents {
					t.Errorf("%s: %s, want %s", form, got, c.extents)
				}
				if n := tree.Node(id).Size; n < 1<<20 {
					if got := string(content(t, tree, "file")); got != c.content {
						t.Errorf("%s: %q", form, got)
					}
				}
			}
		})
	}
}

// TestSparseOfGNUTar reads all forms that GNU tar writes.
func TestSparseOfGNUTar(t *testing.T) {
	gnutar := oracle.Program(t, "tar")
	dir := filepath.Join(t.TempDir(), "tree")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	zoo.Sparse(t, filepath.Join(dir, "many"), 64<<20, 300, 4096)
	zoo.Sparse(t, filepath.Join(dir, "few"), 1<<40, 3, 4096)
	long := strings.Repeat("long-name-", 20)
	zoo.Sparse(t, filepath.Join(dir, long), 1<<20, 2, 8192)
	if err := os.Truncate(createFile(t, filepath.Join(dir, "hole")), 1<<30); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "dense", "empty-dir/")
	want := scan(t, dir, source.Options{})
	for _, form := range []string{"--format=gnu", "--format=pax --sparse-version=0.0", "--format=pax --sparse-version=0.1", "--format=pax --sparse-version=1.0"} {
		for _, pipe := range []string{"", "gzip"} {
			path := filepath.Join(t.TempDir(), "x.tar")
			args := append(strings.Fields(form), "-C", dir, "-cSf", path, ".")
			if out, err := exec.Command(gnutar, args...).CombinedOutput(); err != nil {
				t.Fatalf("tar: %v: %s", err, out)
			}
			if pipe != "" {
				oracle.MustRun(t, oracle.Program(t, pipe), path)
				path += ".gz"
			}
			tree, err := source.ReadTar(context.Background(), []string{path}, source.Options{SpoolDir: t.TempDir()})
			if err != nil {
				t.Errorf("%s: %v", form, err)
				continue
			}
			checkTree(t, tree)
			compareTrees(t, want, tree, form+" "+pipe)
			tree.Close()
		}
	}
}

func createFile(t testing.TB, p string) string {
	t.Helper()
	if err := os.WriteFile(p, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

// compareTrees compares names, sizes, ranges and the content of ranges.
func compareTrees(t *testing.T, want, got *source.Tree, what string) {
	t.Helper()
	if diff := cmp.Diff(names(want), names(got)); diff != "" {
		t.Errorf("%s: %s", what, diff)
		return
	}
	rw, rg := want.NewReader(), got.NewReader()
	defer rw.Close()
	defer rg.Close()
	for i := range want.Len() {
		id := source.ID(i)
		if want.Node(id).Size != got.Node(id).Size {
			t.Errorf("%s: %s has %d bytes", what, want.Path(id), got.Node(id).Size)
		}
		if diff := cmp.Diff(want.Extents(id), got.Extents(id)); diff != "" {
			t.Errorf("%s: %s: %s", what, want.Path(id), diff)
			continue
		}
		ranges := want.Extents(id)
		for k := range ranges { // backwards, then forwards
			for _, x := range []source.Range{ranges[len(ranges)-1-k], ranges[k]} {
				// A bit of the hole in front of it, too.
				off := max(0, x.Off-100)
				a, b := make([]byte, x.End()-off), make([]byte, x.End()-off)
				if err := rw.ReadAt(id, a, off); err != nil {
					t.Fatal(err)
				}
				if err := rg.ReadAt(id, b, off); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(a, b) {
					t.Fatalf("%s: %s differs at %d", what, want.Path(id), x.Off)
				}
			}
		}
	}
}

// TestTarOfZoo compares an archive of a tree with the tree.
func TestTarOfZoo(t *testing.T) {
	dir := smallZoo(t)
	// What an archive does not hold, or only as gigabytes of zeroes.
	for _, p := range []string{"sparse/large", "special/socket"} {
		if err := os.RemoveAll(filepath.Join(dir, p)); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	zoo.Tar(t, dir, &b)
	strip := func(text string) string { // an archive has no holes
		var out []string
		for line := range strings.Lines(text) {
			line, rest, _ := strings.Cut(line, " extents=")
			if _, hash, ok := strings.Cut(rest, "] "); ok {
				line += " " + hash
			}
			out = append(out, strings.TrimSpace(line))
		}
		return strings.Join(out, "\n")
	}
	want := strip(dump(t, scan(t, dir, source.Options{})))
	got := strip(dump(t, mustReadTar(t, source.Options{}, b.Bytes())))
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); diff != "" {
		t.Error(diff)
	}
}
