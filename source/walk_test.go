package source_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cowfs/cowfs/source"
)

func walk(t testing.TB, dir string, o source.Options) *source.Tree {
	t.Helper()
	tree, err := source.WalkDir(context.Background(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tree.Close() })
	checkTree(t, tree)
	return tree
}

// TestWalkZoo compares what other hosts do with what Linux does. Only it knows unwritten ranges.
func TestWalkZoo(t *testing.T) {
	dir := smallZoo(t)
	unwritten := regexp.MustCompile(` extents=\[.* true.*\]`)
	for name, o := range map[string]source.Options{
		"all":     {},
		"changed": {AllRoot: true, NoXattrs: true, Exclude: []string{"**/*.bin", "deep/**"}, ClampMtime: new(int64)},
		"skip":    {SkipFile: source.IDOf(firstFile(t, dir))},
	} {
		t.Run(name, func(t *testing.T) {
			want := strings.Split(dump(t, scan(t, dir, o)), "\n")
			got := strings.Split(dump(t, walk(t, dir, o)), "\n")
			sparse := 0
			for i := range min(len(want), len(got)) {
				if unwritten.MatchString(want[i]) {
					want[i], got[i] = unwritten.ReplaceAllString(want[i], ""), regexp.MustCompile(` extents=\[.*\]`).ReplaceAllString(got[i], "")
				} else if strings.Contains(want[i], "extents=") {
					sparse++
				}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("-scan +walk:\n%s", d)
			}
			if sparse == 0 {
				t.Error("no file has holes")
			}
		})
	}
}

// firstFile is the path of the first regular file below a directory.
func firstFile(t *testing.T, dir string) string {
	t.Helper()
	tree := scan(t, dir, source.Options{})
	for id := range source.ID(tree.Len()) {
		if p := filepath.Join(dir, tree.Path(id)); tree.Node(id).Mode&0o170000 == 0o100000 {
			return p
		}
	}
	t.Fatal("no file")
	return ""
}

func TestWalkRefuses(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "f")
	for _, p := range []string{"f", "none"} {
		if _, err := source.WalkDir(context.Background(), filepath.Join(dir, p), source.Options{}); err == nil || !strings.Contains(err.Error(), p) {
			t.Errorf("%s: %v", p, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := source.WalkDir(ctx, dir, source.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if err := os.Symlink(dir, filepath.Join(dir, "self")); err != nil {
		t.Fatal(err)
	}
	if tree := walk(t, filepath.Join(dir, "self"), source.Options{}); tree.Len() != 3 {
		t.Errorf("through a symbolic link: %d nodes", tree.Len())
	}
}
