package source_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/internal/oracle/zoo"
	"github.com/cowfs/cowfs/source"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func scan(t testing.TB, dir string, o source.Options) *source.Tree {
	t.Helper()
	tree, err := source.ScanDir(context.Background(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tree.Close() })
	checkTree(t, tree)
	return tree
}

// write makes files below dir; a name that ends in a slash is a directory.
func write(t testing.TB, dir string, files ...string) {
	t.Helper()
	for _, f := range files {
		p := filepath.Join(dir, f)
		err := os.MkdirAll(filepath.Dir(p), 0o755)
		if strings.HasSuffix(f, "/") {
			err = os.MkdirAll(p, 0o755)
		} else if err == nil {
			err = os.WriteFile(p, []byte(f), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestScanZoo compares with a reading of the same tree that shares no code.
func TestScanZoo(t *testing.T) {
	dir := smallZoo(t)
	unix.Sync() // extents that are not allocated yet cannot be told from others
	want := oracle.SnapshotUnwritten(t, dir)
	tree := scan(t, dir, source.Options{})
	if got := strings.Count(dump(t, tree), "\n"); got != len(want.Nodes) {
		t.Errorf("%d names, want %d", got, len(want.Nodes))
	}
	for p, w := range want.Nodes {
		id := source.ID(0)
		if p != "." {
			var ok bool
			if id, ok = lookup(tree, p); !ok {
				t.Errorf("%s is missing", p)
				continue
			}
		}
		compareNode(t, tree, id, filepath.Join(dir, p), w)
	}
}

func compareNode(t *testing.T, tree *source.Tree, id source.ID, host string, w *oracle.Node) {
	t.Helper()
	n := tree.Node(id)
	got := oracle.Node{
		Mode: uint32(n.Mode), UID: n.UID, GID: n.GID, Mtime: time.Unix(n.Sec, int64(n.Nsec)).UTC(),
		Size: n.Size, Target: tree.Target(id),
		Nlink: w.Nlink, Names: w.Names, Subdirs: w.Subdirs, First: w.First, Hash: w.Hash, Xattrs: w.Xattrs,
	}
	if n.Mode&format.ModeType != format.ModeDir && n.NLink != w.Names {
		t.Errorf("%s: %d links, want %d", host, n.NLink, w.Names)
	}
	if n.Rdev != 0 {
		major, minor := format.DecodeDev(n.Rdev)
		got.Rdev = unix.Mkdev(major, minor)
	}
	for _, x := range tree.Xattrs(id) {
		value, err := os.ReadFile("/dev/null")
		buf := make([]byte, 1<<16)
		if k, err2 := unix.Lgetxattr(host, x.Name, buf); err2 != nil {
			err = err2
		} else {
			value = buf[:k]
		}
		if err != nil || !bytes.Equal(value, x.Value) {
			t.Errorf("%s: attribute %s differs (%v)", host, x.Name, err)
		}
	}
	if len(tree.Xattrs(id)) != len(w.Xattrs) {
		t.Errorf("%s: %d attributes, want %d", host, len(tree.Xattrs(id)), len(w.Xattrs))
	}
	if n.Mode&format.ModeType == format.ModeReg {
		compareRanges(t, tree, id, host, w, &got)
	}
	if diff := cmp.Diff(*w, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", host, diff)
	}
}

// compareRanges compares a file's ranges, and the content of those that have some.
func compareRanges(t *testing.T, tree *source.Tree, id source.ID, host string, w, got *oracle.Node) {
	t.Helper()
	ranges := tree.Extents(id)
	if ranges == nil && w.Size > 0 {
		ranges = []source.Range{{Off: 0, Len: w.Size}}
	}
	f, err := os.Open(host)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := tree.NewReader()
	defer r.Close()
	for _, x := range ranges {
		s := oracle.Segment{Start: x.Off, End: x.End()}
		if x.Unwritten {
			got.Unwrit = append(got.Unwrit, s)
			continue
		}
		got.Data = append(got.Data, s)
		a, b := make([]byte, x.Len), make([]byte, x.Len)
		if _, err := f.ReadAt(a, x.Off); err != nil {
			t.Fatal(err)
		}
		if err := r.ReadAt(id, b, x.Off); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s: content from %d to %d differs", host, x.Off, x.End())
		}
	}
	// Blocks beyond the end do not belong to the content.
	var inside []oracle.Segment
	for _, s := range w.Unwrit {
		if s.End = min(s.End, w.Size); s.Start < s.End {
			inside = append(inside, s)
		}
	}
	w.Unwrit = inside
	if n := len(w.Data); n > 0 {
		w.Data[n-1].End = min(w.Data[n-1].End, w.Size)
	}
}

func TestScanIsDeterministic(t *testing.T) {
	dir := smallZoo(t)
	write(t, dir, "wide/")
	zoo.Names(t, filepath.Join(dir, "wide"), 10_000) // several jobs share a directory
	var dumps []string
	for _, procs := range []int{1, 4, 4} {
		old := runtime.GOMAXPROCS(procs)
		tree := scan(t, dir, source.Options{})
		dumps = append(dumps, dump(t, tree))
		runtime.GOMAXPROCS(old)
	}
	for _, d := range dumps[1:] {
		if diff := cmp.Diff(dumps[0], d); diff != "" {
			t.Errorf("another scan differs: %s", diff)
		}
	}
}

func TestScanHardLinks(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "b/file", "a/", "b-/")
	for _, p := range []string{"z", "a/2", "a/1", "b-/x"} {
		if err := os.Link(filepath.Join(dir, "b/file"), filepath.Join(dir, p)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("target", filepath.Join(dir, "a/link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(dir, "a/link"), filepath.Join(dir, "b/link")); err != nil {
		t.Fatal(err)
	}
	tree := scan(t, dir, source.Options{})
	id, _ := lookup(tree, "b/file")
	if tree.Node(id).NLink != 5 || tree.Path(id) != "/a/1" || tree.Len() != 6 {
		t.Errorf("%d links of %s, %d nodes", tree.Node(id).NLink, tree.Path(id), tree.Len())
	}
	if id, _ := lookup(tree, "b/link"); tree.Node(id).NLink != 2 || tree.Target(id) != "target" {
		t.Errorf("link of a symbolic link: %+v", tree.Node(id))
	}
	// A link outside of the tree does not count.
	tree = scan(t, filepath.Join(dir, "b"), source.Options{})
	if id, _ := lookup(tree, "file"); tree.Node(id).NLink != 1 {
		t.Errorf("%d links", tree.Node(id).NLink)
	}
	// Nor does one that is left out, and Path names one that is there.
	tree = scan(t, dir, source.Options{Exclude: []string{"a"}})
	if id, _ := lookup(tree, "z"); tree.Node(id).NLink != 3 || tree.Path(id) != "/b/file" {
		t.Errorf("%d links of %s", tree.Node(id).NLink, tree.Path(id))
	}
}

func TestScanExclude(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a/x.o", "a/x.c", "a/b/y.o", "a/b/z/y.o", "c/keep", "c/tmp/1", "d/tmp/2", "top.o")
	for _, c := range []struct {
		patterns string
		want     string
	}{
		{"", "a a/b a/b/y.o a/b/z a/b/z/y.o a/x.c a/x.o c c/keep c/tmp c/tmp/1 d d/tmp d/tmp/2 top.o"},
		{"*.o", "a a/b a/b/y.o a/b/z a/b/z/y.o a/x.c a/x.o c c/keep c/tmp c/tmp/1 d d/tmp d/tmp/2"},
		{"**/*.o", "a a/b a/b/z a/x.c c c/keep c/tmp c/tmp/1 d d/tmp d/tmp/2"},
		{"/a/", "c c/keep c/tmp c/tmp/1 d d/tmp d/tmp/2 top.o"},
		{"a/*", "a c c/keep c/tmp c/tmp/1 d d/tmp d/tmp/2 top.o"},
		{"a/b/*", "a a/b a/x.c a/x.o c c/keep c/tmp c/tmp/1 d d/tmp d/tmp/2 top.o"},
		{"a/**", "c c/keep c/tmp c/tmp/1 d d/tmp d/tmp/2 top.o"},
		{"*/tmp a", "c c/keep d top.o"},
		{"{a,c} d/tm?", "d top.o"},
	} {
		o := source.Options{Exclude: strings.Fields(c.patterns)}
		if got := names(scan(t, dir, o)); got != c.want {
			t.Errorf("without %q: %s\nwant %s", c.patterns, got, c.want)
		}
	}
}

func TestScanSkipsTheImage(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "image", "other", "sub/")
	var st unix.Stat_t
	if err := unix.Stat(filepath.Join(dir, "image"), &st); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(dir, "image"), filepath.Join(dir, "sub/same")); err != nil {
		t.Fatal(err)
	}
	skip := &source.FileID{Dev: uint64(st.Dev), Ino: st.Ino}
	if got := names(scan(t, dir, source.Options{SkipFile: skip})); got != "other sub" {
		t.Errorf("got %s", got)
	}
	skip.Dev++ // another filesystem's file with the same number
	if got := names(scan(t, dir, source.Options{SkipFile: skip})); got != "image other sub sub/same" {
		t.Errorf("got %s", got)
	}
}

func TestOwnersAndTimes(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "f")
	at := time.Unix(1_600_000_000, 123_456_789)
	if err := os.Chtimes(filepath.Join(dir, "f"), at, at); err != nil {
		t.Fatal(err)
	}
	uid, gid := uint32(os.Getuid()), uint32(os.Getgid())
	clamp := func(sec int64) *int64 { return &sec }
	for _, c := range []struct {
		o        source.Options
		uid, gid uint32
		sec      int64
		nsec     uint32
	}{
		{source.Options{}, uid, gid, 1_600_000_000, 123_456_789},
		{source.Options{AllRoot: true}, 0, 0, 1_600_000_000, 123_456_789},
		{source.Options{Owner: &source.Owner{UID: 5, GID: 6}}, 5, 6, 1_600_000_000, 123_456_789},
		{source.Options{UIDMap: []source.IDMap{{Inside: 100, Outside: uid, Count: 1}}}, 100, gid, 1_600_000_000, 123_456_789},
		{source.Options{GIDMap: []source.IDMap{{Inside: 7, Outside: gid + 1, Count: 3}, {Inside: 1 << 31, Outside: gid, Count: 1}}}, uid, 1 << 31, 1_600_000_000, 123_456_789},
		{source.Options{ClampMtime: clamp(1_600_000_001)}, uid, gid, 1_600_000_000, 123_456_789},
		{source.Options{ClampMtime: clamp(1_600_000_000)}, uid, gid, 1_600_000_000, 0},
		{source.Options{ClampMtime: clamp(-5)}, uid, gid, -5, 0},
	} {
		tree := scan(t, dir, c.o)
		id, _ := lookup(tree, "f")
		n := tree.Node(id)
		if n.UID != c.uid || n.GID != c.gid || n.Sec != c.sec || n.Nsec != c.nsec {
			t.Errorf("%+v: %d:%d %d.%09d", c.o, n.UID, n.GID, n.Sec, n.Nsec)
		}
		if got := string(content(t, tree, "f")); got != "f" { // although the time is another
			t.Errorf("content %q", got)
		}
	}
}

func TestWrongOptions(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "f")
	id := uint32(os.Getuid())
	for _, c := range []struct {
		o    source.Options
		want string
	}{
		{source.Options{AllRoot: true, Owner: &source.Owner{}}, "twice"},
		{source.Options{AllRoot: true, UIDMap: []source.IDMap{{Count: 1}}}, "nothing to map"},
		{source.Options{Owner: &source.Owner{UID: 1<<32 - 1}}, "IDs go up to 4294967294"},
		{source.Options{UIDMap: []source.IDMap{{}}}, "0:0:0 is not a range"},
		{source.Options{GIDMap: []source.IDMap{{Inside: 1 << 31, Count: 1 << 31}}}, "not a range"},
		{source.Options{UIDMap: []source.IDMap{{Outside: 5, Count: 5}, {Outside: 9, Count: 1}}}, "overlap"},
		{source.Options{UIDMap: []source.IDMap{{Outside: id + 1, Count: 1}}}, fmt.Sprintf("the user map does not cover user %d", id)},
		{source.Options{Exclude: []string{"a[b"}}, `"a[b" is malformed`},
		{source.Options{Exclude: []string{"/"}}, `"/" is malformed`},
	} {
		_, err := source.ScanDir(context.Background(), dir, c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v, want %q", c.o, err, c.want)
		}
	}
	for _, p := range []string{filepath.Join(dir, "f"), filepath.Join(dir, "none")} {
		var pe *fs.PathError
		if _, err := source.ScanDir(context.Background(), p, source.Options{}); !errors.As(err, &pe) || pe.Path != p {
			t.Errorf("%s: %v", p, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := source.ScanDir(ctx, dir, source.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

func TestReadNoticesChanges(t *testing.T) {
	t.Run("scan", func(t *testing.T) { readNoticesChanges(t, scan) })
	t.Run("walk", func(t *testing.T) { readNoticesChanges(t, walk) })
}

func readNoticesChanges(t *testing.T, scan func(testing.TB, string, source.Options) *source.Tree) {
	for name, change := range map[string]func(p string) error{
		"written":    func(p string) error { return os.WriteFile(p, []byte("other"), 0o644) },
		"longer":     func(p string) error { return os.WriteFile(p, []byte("longer"), 0o644) },
		"shorter":    func(p string) error { return os.Truncate(p, 1) },
		"gone":       os.Remove,
		"directory":  func(p string) error { return errors.Join(os.Remove(p), os.Mkdir(p, 0o755)) },
		"symlink":    func(p string) error { return errors.Join(os.Remove(p), os.Symlink("g", p)) },
		"fifo":       func(p string) error { return errors.Join(os.Remove(p), unix.Mkfifo(p, 0o644)) },
		"no parent":  func(p string) error { return os.Rename(filepath.Dir(p), filepath.Dir(p)+"2") },
		"other file": func(p string) error { return os.Rename(filepath.Join(filepath.Dir(p), "g"), p) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "d/12345", "d/g")
			p := filepath.Join(dir, "d/12345")
			if err := os.WriteFile(p, []byte("hello"), 0o644); err != nil {
				t.Fatal(err)
			}
			old := time.Unix(1_000_000_000, 0)
			for _, f := range []string{p, filepath.Join(dir, "d/g")} {
				if err := errors.Join(os.WriteFile(f, []byte("hello"), 0o644), os.Chtimes(f, old, old)); err != nil {
					t.Fatal(err)
				}
			}
			tree := scan(t, dir, source.Options{})
			id, _ := lookup(tree, "d/12345")
			r := tree.NewReader()
			defer r.Close()
			open := tree.NewReader() // has the file open already
			defer open.Close()
			if err := open.ReadAt(id, make([]byte, 2), 0); err != nil {
				t.Fatal(err)
			}
			if err := change(p); err != nil {
				t.Fatal(err)
			}
			err := r.ReadAt(id, make([]byte, 5), 0)
			var ce *source.ChangedError
			if !errors.Is(err, source.ErrChanged) || !errors.As(err, &ce) || ce.Path != p {
				t.Errorf("got %v", err)
			}
			if _, _, ok := r.Host(id); ok {
				t.Error("Host gives the file")
			}
			if err := r.ReadAt(id, nil, 0); !errors.Is(err, source.ErrChanged) {
				t.Errorf("empty read: %v", err)
			}
			if strings.HasPrefix(name, "w") || strings.HasPrefix(name, "l") || name == "shorter" {
				if err := open.ReadAt(id, make([]byte, 3), 2); !errors.Is(err, source.ErrChanged) {
					t.Errorf("open file: got %v", err)
				}
			} else if err := open.ReadAt(id, make([]byte, 3), 2); err != nil {
				t.Errorf("open file that was replaced: %v", err)
			}
		})
	}
}

func TestHostFile(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "some/file", "other")
	tree := scan(t, dir, source.Options{})
	r := tree.NewReader()
	defer r.Close()
	id, _ := lookup(tree, "some/file")
	fd, base, ok := r.Host(id)
	p := make([]byte, 9)
	if n, err := unix.Pread(fd, p, base); !ok || n != 9 || err != nil || string(p) != "some/file" {
		t.Errorf("%v %d %v %q", ok, n, err, p)
	}
	if _, _, ok := r.Host(0); ok {
		t.Error("a directory has content")
	}
	if err := r.ReadAt(0, p, 0); err == nil {
		t.Error("a directory can be read")
	}
}

// TestUnreadable runs itself as a user who may not read everything.
func TestUnreadable(t *testing.T) {
	if dir := os.Getenv("COWFS_UNREADABLE"); dir != "" {
		tree, err := source.ScanDir(context.Background(), dir, source.Options{})
		if err == nil {
			id, _ := lookup(tree, "dir/file")
			err = tree.NewReader().ReadAt(id, make([]byte, 1), 0)
		}
		fmt.Printf("ERROR: %v\n", err)
		return
	}
	if os.Getuid() != 0 {
		t.Skip("needs root to become somebody else")
	}
	dir := t.TempDir()
	write(t, dir, "dir/file")
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // ours, too
		t.Fatal(err)
	}
	for p := dir; p != "/"; p = filepath.Dir(p) {
		if st, err := os.Stat(p); err != nil || st.Mode()&5 != 5 {
			t.Skipf("%s is not open to others", p)
		}
	}
	for _, c := range []struct {
		path string
		mode os.FileMode
	}{{"dir/file", 0o600}, {"dir", 0o711}, {"dir", 0o744}} {
		p := filepath.Join(dir, c.path)
		old, err := os.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(p, c.mode); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestUnreadable$", "-test.v")
		cmd.Env = append(os.Environ(), "COWFS_UNREADABLE="+dir)
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		want := p
		if c.mode == 0o744 {
			want += "/file" // can be listed, not entered
		}
		if want := "ERROR: " + want + ": permission denied"; !strings.Contains(string(out), want) {
			t.Errorf("mode %o of %s: %s", c.mode, c.path, out)
		}
		if err := os.Chmod(p, old.Mode()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestScanDeep goes down further than the host can name in one piece.
func TestScanDeep(t *testing.T) {
	dir := t.TempDir()
	fd, err := unix.Open(dir, unix.O_DIRECTORY|unix.O_PATH, 0)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.Repeat("n", 200)
	const depth = 50 // 10 kB
	for range depth {
		if err := unix.Mkdirat(fd, name, 0o755); err != nil {
			t.Fatal(err)
		}
		next, err := unix.Openat(fd, name, unix.O_DIRECTORY|unix.O_PATH, 0)
		unix.Close(fd)
		if err != nil {
			t.Fatal(err)
		}
		fd = next
	}
	defer unix.Close(fd)
	f, err := unix.Openat(fd, "bottom", unix.O_CREAT|unix.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Write(f, []byte("deep")); err != nil {
		t.Fatal(err)
	}
	if err := unix.Fsetxattr(f, "user.deep", []byte("yes"), 0); err != nil {
		t.Log("no extended attributes here: ", err)
	}
	unix.Close(f)
	tree := scan(t, dir, source.Options{})
	p := strings.Repeat("/"+name, depth) + "/bottom"
	if got := string(content(t, tree, p)); got != "deep" {
		t.Errorf("content %q", got)
	}
}

func TestScanProgress(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a/b/c", "d/e")
	last, calls := 0, 0
	tree := scan(t, dir, source.Options{Progress: func(n int) {
		if n < last {
			t.Errorf("%d behind %d", n, last)
		}
		last = n
		calls++
	}})
	if last != tree.Len() || calls < 2 {
		t.Errorf("%d nodes reported in %d calls, there are %d", last, calls, tree.Len())
	}
}
