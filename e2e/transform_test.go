package e2e

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/internal/oracle/zoo"
)

// clone copies a tree deeply enough to change nodes; names of one inode go on sharing one.
func clone(tree *oracle.Tree) *oracle.Tree {
	out := &oracle.Tree{BlockSize: tree.BlockSize, Nodes: make(map[string]*oracle.Node)}
	copies := make(map[*oracle.Node]*oracle.Node)
	for p, n := range tree.Nodes {
		if copies[n] == nil {
			c := *n
			c.Xattrs = maps.Clone(n.Xattrs)
			copies[n] = &c
		}
		out.Nodes[p] = copies[n]
	}
	return out
}

// What options change on the way is changed in the image, and nothing else.
func TestTransforms(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	home := zoo.Home(t)
	zoo.Small(t, home)
	plain := oracle.SnapshotUnwritten(t, home)
	every := func(change func(n *oracle.Node)) func(*oracle.Tree) {
		return func(tree *oracle.Tree) {
			done := make(map[*oracle.Node]bool)
			for _, n := range tree.Nodes {
				if !done[n] {
					done[n] = true
					change(n)
				}
			}
		}
	}
	remove := func(match func(p string) bool) func(*oracle.Tree) {
		return func(tree *oracle.Tree) {
			for p, n := range tree.Nodes {
				if !match(p) {
					continue
				}
				delete(tree.Nodes, p)
				if n.Mode&0o170000 == 0o040000 && tree.Nodes[path.Dir(p)] != nil {
					tree.Nodes[path.Dir(p)].Subdirs--
				}
			}
		}
	}
	limit := time.Unix(1_600_000_000, 0).UTC()
	clamped := every(func(n *oracle.Node) {
		if n.Mtime.After(limit) {
			n.Mtime = limit
		}
	})
	for args, change := range map[string]func(*oracle.Tree){
		"--all-root":          every(func(n *oracle.Node) { n.UID, n.GID = 0, 0 }),
		"--owner 12:34567890": every(func(n *oracle.Node) { n.UID, n.GID = 12, 34567890 }),
		"--uid-map 1000000:0:200 --uid-map 5:200:4294967095 --gid-map 0:0:4294967295": every(func(n *oracle.Node) {
			if n.UID < 200 {
				n.UID += 1_000_000
			} else {
				n.UID -= 195
			}
		}),
		"--clamp-mtime=1600000000": clamped,
		"--clamp-mtime":            clamped,
		"--no-xattrs":              every(func(n *oracle.Node) { n.Xattrs = nil }),
		"--exclude dirs/2600 --exclude xattrs/* --exclude **/level-60": remove(func(p string) bool {
			return p == "dirs/2600" || strings.HasPrefix(p, "dirs/2600/") || strings.HasPrefix(p, "xattrs/") || strings.Contains(p, "/level-60")
		}),
		"--exclude *": remove(func(p string) bool { return p != "." }),
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			want := clone(plain)
			change(want)
			image := filepath.Join(t.TempDir(), "image")
			cmd := exec.Command(mkfsPath(), append(strings.Fields(args), "-q", "--size", "2g", "--root", home, image)...)
			cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1600000000")
			if r := oracle.RunCmd(t, cmd); r.Exit != 0 {
				t.Fatalf("exit %d\n%s", r.Exit, r.Stderr)
			}
			o := oracle.CompareOptions{}
			if strings.Contains(args, "uid-map") { // which changes the users in ACLs, too
				o.AnyXattr = func(name string) bool { return strings.HasPrefix(name, "system.posix_acl") }
			}
			checkImage(t, image, want, o)
		})
	}
}

// An owner that no map covers is an error that names the file.
func TestUnmappedOwner(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	oracle.NeedRoot(t)
	root := newTree(t, map[string]string{"dir/file": "x"})
	must(t, os.Lchown(filepath.Join(root, "dir/file"), 7, 0))
	failing(t, []string{"--size", "400m", "--root", root, "--uid-map", "0:0:5"}, "dir/file", "7")
}

// --json prints one object about the image, and the same about one that would be made.
func TestJSON(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	root := smallTree(t)
	var reports []map[string]any
	for _, more := range [][]string{nil, {"--dry-run"}} {
		image := filepath.Join(t.TempDir(), "image")
		r := mkcowfs(t, append(more, "--json", "--size", "400m", "-m", "uuid=0c3b6e9a-1f52-4d87-9a6e-2b4c6d8e0f13", "--root", root, image)...)
		var report map[string]any
		if err := json.Unmarshal([]byte(r.Stdout), &report); err != nil || r.Exit != 0 {
			t.Fatalf("exit %d, %v: %s%s", r.Exit, err, r.Stdout, r.Stderr)
		}
		if report["image"] != image || report["bytes"] != float64(400<<20) || report["made"] != (more == nil) {
			t.Errorf("not about this image: %v", report)
		}
		content := report["content"].(map[string]any)
		if content["files"] != 4.0 || content["directories"] != 6.0 {
			t.Errorf("the content is not what it was: %v", content)
		}
		delete(report, "image")
		delete(report, "made")
		reports = append(reports, report)
	}
	a, _ := json.Marshal(reports[0])
	if b, _ := json.Marshal(reports[1]); string(a) != string(b) {
		t.Errorf("the dry run tells another story:\n%s\n%s", a, b)
	}
}
