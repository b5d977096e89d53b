package e2e

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/internal/oracle/zoo"
	"github.com/klauspost/compress/zstd"
)

// zooForTar is a zoo without what tar cannot hold, and what an image of it should be.
func zooForTar(t testing.TB) (dir string, want *oracle.Tree) {
	t.Helper()
	home := zoo.Home(t)
	zoo.Small(t, home)
	want = oracle.Snapshot(t, home)
	delete(want.Nodes, "special/socket")
	return home, want
}

// checkImage asks every oracle about an image that should hold the tree.
func checkImage(t testing.TB, image string, want *oracle.Tree, o oracle.CompareOptions) {
	t.Helper()
	oracle.RepairClean(t, oracle.Gen7, image)
	oracle.Equal(t, want, kernelSees(t, image), o)
}

// The archives that GNU tar writes keep everything, holes among it.
func TestTarByGNU(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	home, _ := zooForTar(t)
	// GNU tar knows links to files only, and writes unwritten blocks as zeros.
	for _, pattern := range []string{"links/special-*", "links/*/special-*", "sparse/unwritten*"} {
		matches, err := filepath.Glob(filepath.Join(home, pattern))
		must(t, err)
		for _, p := range matches {
			must(t, os.Remove(p))
		}
	}
	want := oracle.Snapshot(t, home)
	delete(want.Nodes, "special/socket")
	everything := []string{"--xattrs", "--xattrs-include=*", "--acls"}
	for name, c := range map[string]struct {
		args []string
		o    oracle.CompareOptions
	}{
		"pax":            {append(everything, "--format=pax"), oracle.CompareOptions{}},
		"pax-sparse":     {append(everything, "--format=pax", "--sparse"), oracle.CompareOptions{}},
		"pax-sparse-0.0": {append(everything, "--format=pax", "--sparse", "--sparse-version=0.0"), oracle.CompareOptions{}},
		"pax-sparse-0.1": {append(everything, "--format=pax", "--sparse", "--sparse-version=0.1"), oracle.CompareOptions{}},
		"gnu-sparse":     {[]string{"--format=gnu", "--sparse"}, oracle.CompareOptions{AnyXattr: func(string) bool { return true }, Mtime: wholeSeconds}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			archive := filepath.Join(t.TempDir(), "tree.tar")
			want := want
			args := append([]string{"--numeric-owner", "-cf", archive, "-C", home}, c.args...)
			if name == "pax" { // without --sparse the large hole is five GiB of zeros
				args = append(args, "--exclude=./sparse")
				want = without(want, "sparse")
			}
			oracle.Run(t, oracle.Program(t, "tar"), append(args, ".")...) // complains about the socket
			checkImage(t, newImage(t, "5g", "--tar", archive), want, c.o)
		})
	}
}

// An archive may come compressed, and from a pipe.
func TestTarStreams(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	home, want := zooForTar(t)
	must(t, os.RemoveAll(filepath.Join(home, "sparse"))) // the writer knows no holes
	want = without(want, "sparse")
	sameRoot := oracle.Snapshot(t, home).Nodes["."]
	want.Nodes["."].Mtime = sameRoot.Mtime
	var plain, gz, zst bytes.Buffer
	zoo.Tar(t, home, &plain)
	compress(t, gzip.NewWriter(&gz), plain.Bytes())
	z, err := zstd.NewWriter(&zst)
	must(t, err)
	compress(t, z, plain.Bytes())
	for name, archive := range map[string][]byte{"plain": plain.Bytes(), "gzip": gz.Bytes(), "zstd": zst.Bytes()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "archive") // its kind is not in its name
			must(t, os.WriteFile(file, archive, 0o644))
			checkImage(t, newImage(t, "3g", "--tar", file), want, oracle.CompareOptions{})

			image := filepath.Join(t.TempDir(), "image")
			cmd := exec.Command(mkfsPath(), "-q", "--size", "3g", "--tar", "-", image)
			cmd.Stdin = bytes.NewReader(archive)
			if r := oracle.RunCmd(t, cmd); r.Exit != 0 {
				t.Fatalf("from a pipe: exit %d\n%s", r.Exit, r.Stderr)
			}
			checkImage(t, image, want, oracle.CompareOptions{})
		})
	}
}

func compress(t testing.TB, w io.WriteCloser, b []byte) {
	t.Helper()
	_, err := w.Write(b)
	must(t, err)
	must(t, w.Close())
}
