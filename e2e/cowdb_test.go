package e2e

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/internal/oracle/zoo"
	"github.com/google/go-cmp/cmp"
)

// cowdb shows of an image what the kernel shows of it: one made by mkcowfs, and one that
// mkfs.xfs made and the kernel wrote.
func TestCowdbSeesWhatTheKernelSees(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	home := zoo.Home(t)
	zoo.Small(t, home)
	byKernel := filepath.Join(t.TempDir(), "image")
	makeOther(t, oracle.Tool(t, "mkfs.xfs", oracle.Gen7), byKernel, "2g", []string{"--root", home})
	for name, image := range map[string]string{
		"mkcowfs": newImage(t, "2g", "--dedupe", "--root", home), "mkcowfs 64k": newImage(t, "2g", "-b", "size=64k", "--root", home), "kernel": byKernel,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := oracle.FileHash(t, image)
			m := oracle.Mount(t, image, oracle.MountOptions{ReadOnly: true})
			compareCat(t, image, m.Dir)
			compareList(t, image, m.Dir)
			compareStat(t, image, oracle.Snapshot(t, m.Dir))
			m.Unmount()
			for _, c := range []string{"sb 0", "agf 0", "agi 0", "agfl 0", "freesp", "fsmap", "df", "logstate", "btdump bnobt 0", "btdump rmapbt 0", "btdump refcountbt 0", "btdump inobt 0", "inode /files"} {
				if out := cowdb(t, append([]string{image}, strings.Fields(c)...)...); len(out) < 20 && c != "btdump refcountbt 0" { // may be empty
					t.Errorf("%s prints only %q", c, out)
				}
				out := cowdb(t, append([]string{"--json", image}, strings.Fields(c)...)...)
				if first, _, _ := strings.Cut(out, "\n"); out != "" && !json.Valid([]byte(first)) {
					t.Errorf("%s: no JSON: %.100q", c, first)
				}
			}
			if oracle.FileHash(t, image) != before {
				t.Error("reading changed the image")
			}
		})
	}
}

func compareCat(t *testing.T, image, dir string) {
	t.Helper()
	for _, p := range []string{"/files/0", "/files/1", "/files/65537", "/files/1048577", "/files/twin-b", "/sparse/hole-in-the-middle", "/sparse/unwritten-middle", "/links/many-77", "/modes/file-0000"} {
		want, err := os.ReadFile(filepath.Join(dir, p))
		must(t, err)
		if got := cowdb(t, image, "cat", p); got != string(want) {
			t.Errorf("cat %s: %d bytes, want %d, or others", p, len(got), len(want))
		}
		to := filepath.Join(t.TempDir(), "got")
		cowdb(t, image, "get", p, to)
		if got, err := os.ReadFile(to); err != nil || string(got) != string(want) {
			t.Errorf("get %s: %d bytes, want %d, or others (%v)", p, len(got), len(want), err)
		}
	}
}

func compareList(t *testing.T, image, dir string) {
	t.Helper()
	for _, p := range []string{"/", "/dirs/0", "/dirs/1", "/dirs/40", "/dirs/200", "/dirs/2600", "/names"} {
		entries, err := os.ReadDir(filepath.Join(dir, p))
		must(t, err)
		var want, got []string
		for _, e := range entries {
			want = append(want, e.Name())
		}
		for line := range strings.Lines(cowdb(t, "--json", image, "ls", p)) {
			var e struct{ Name string }
			must(t, json.Unmarshal([]byte(line), &e))
			got = append(got, nameOf(e.Name))
		}
		slices.Sort(got)
		if !slices.Equal(want, got) {
			t.Errorf("ls %s: %d names, want %d: %s", p, len(got), len(want), cmp.Diff(want, got))
		}
	}
}

var escaped = regexp.MustCompile(`\\\\|\\x[0-9a-f]{2}`)

// nameOf is the name that cowdb shows in JSON, where bytes that are not UTF-8 are \xNN and a
// backslash is two.
func nameOf(s string) string {
	return escaped.ReplaceAllStringFunc(s, func(e string) string {
		if e == `\\` {
			return `\`
		}
		b, err := hex.DecodeString(e[2:])
		if err != nil {
			return e
		}
		return string(b)
	})
}

// compareStat asks for everything whose name is simple in one session.
func compareStat(t *testing.T, image string, tree *oracle.Tree) {
	t.Helper()
	var script strings.Builder
	var paths []string
	for p := range tree.Nodes {
		if p != "." && !strings.HasPrefix(p, "names/") && len(paths) < 1500 {
			paths = append(paths, p)
			fmt.Fprintf(&script, "stat /%s\n", p)
		}
	}
	cmd := exec.Command(filepath.Join(bin, "cowdb"), "--json", image)
	cmd.Stdin = strings.NewReader(script.String())
	r := oracle.RunCmd(t, cmd)
	if r.Exit != 0 {
		t.Fatalf("exit %d\n%s", r.Exit, r.Stderr)
	}
	lines := strings.Split(strings.TrimSpace(r.Stdout), "\n")
	if len(lines) != len(paths) {
		t.Fatalf("%d lines about %d paths", len(lines), len(paths))
	}
	for i, p := range paths {
		var got struct {
			Mode     string
			UID, GID uint32
			Links    uint32
			Size     int64
			Mtime    string
		}
		must(t, json.Unmarshal([]byte(lines[i]), &got))
		n := tree.Nodes[p]
		mode, err := strconv.ParseUint(got.Mode, 8, 32)
		must(t, err)
		want := fmt.Sprintf("%o %d:%d %d %s", n.Mode, n.UID, n.GID, n.Nlink, n.Mtime.Format("2006-01-02T15:04:05.999999999Z07:00"))
		if s := fmt.Sprintf("%o %d:%d %d %s", mode, got.UID, got.GID, got.Links, got.Mtime); s != want {
			t.Errorf("stat /%s: got %s, want %s", p, s, want)
		}
		if n.Size > 0 && got.Size != n.Size {
			t.Errorf("stat /%s: size %d, want %d", p, got.Size, n.Size)
		}
	}
}
