package oracle

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Each change to a tree is found and named; without one nothing is.
func TestCompareFindsEachChange(t *testing.T) {
	t.Parallel()
	build := func(t *testing.T) string {
		dir := t.TempDir()
		for _, p := range []string{"a", "b/c", "b/d"} {
			must(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(p)), 0o755))
			must(t, os.WriteFile(filepath.Join(dir, p), []byte("content of "+p), 0o644))
		}
		must(t, os.Symlink("target", filepath.Join(dir, "link")))
		must(t, os.Link(filepath.Join(dir, "a"), filepath.Join(dir, "hard")))
		must(t, unix.Setxattr(filepath.Join(dir, "a"), "user.x", []byte("value"), 0))
		f, err := os.Create(filepath.Join(dir, "sparse"))
		must(t, err)
		must(t, f.Truncate(1<<20))
		must(t, f.Close())
		for _, p := range []string{"a", "b/c", "b/d", "link", "sparse", "b", "."} {
			at := []unix.Timespec{{Sec: 1000}, {Sec: 1000, Nsec: 5}}
			must(t, unix.UtimesNanoAt(unix.AT_FDCWD, filepath.Join(dir, p), at, unix.AT_SYMLINK_NOFOLLOW))
		}
		return dir
	}
	for _, test := range []struct {
		change string
		do     func(dir string) error
		want   string
		count  int
	}{
		{"nothing", func(string) error { return nil }, "", 0},
		{"mode", func(d string) error { return os.Chmod(d+"/b/c", 0o4600) }, `"b/c": mode: want file 0644, got file`, 1},
		{"mtime", func(d string) error { return os.Chtimes(d+"/b/c", time.Time{}, time.Unix(1000, 6)) }, `"b/c": mtime`, 1},
		{"content", func(d string) error {
			return keepTime(d+"/b/c", func(p string) error { return os.WriteFile(p, []byte("content of b/x"), 0) })
		}, `"b/c": contents`, 1},
		{"size", func(d string) error { return keepTime(d+"/b/d", func(p string) error { return os.Truncate(p, 3) }) }, `"b/d": size: want 14, got 3`, 2},
		{"xattr value", func(d string) error { return unix.Setxattr(d+"/a", "user.x", []byte("other"), 0) }, `attribute "user.x": want "value", got "other"`, 2},
		{"xattr gone", func(d string) error { return unix.Removexattr(d+"/a", "user.x") }, `attribute "user.x" is missing`, 2},
		{"xattr more", func(d string) error { return unix.Setxattr(d+"/b", "user.y", nil, 0) }, `"b": attribute "user.y" should not`, 1},
		{"name gone", func(d string) error { return keepTime(d+"/b", func(string) error { return os.Remove(d + "/b/d") }) }, `"b/d": is missing`, 1},
		{"name more", func(d string) error {
			return keepTime(d+"/b", func(p string) error { return os.Mkdir(p+"/e", 0o755) })
		}, `"b/e": is there`, 1},
		{"link broken", func(d string) error {
			return keepTime(d, func(string) error {
				return keepTime(d+"/hard", func(p string) error {
					must(t, os.Rename(p, p+"~"))
					b, err := os.ReadFile(p + "~")
					must(t, err)
					must(t, os.Remove(p+"~"))
					must(t, os.WriteFile(p, b, 0o644))
					return unix.Setxattr(p, "user.x", []byte("value"), 0)
				})
			})
		}, `"hard": first name of the same inode: want a, got hard`, 1},
		{"target", func(d string) error {
			return keepTime(d, func(string) error {
				must(t, os.Remove(d+"/link"))
				must(t, os.Symlink("tarGet", d+"/link"))
				at := []unix.Timespec{{Sec: 1000}, {Sec: 1000, Nsec: 5}}
				return unix.UtimesNanoAt(unix.AT_FDCWD, d+"/link", at, unix.AT_SYMLINK_NOFOLLOW)
			})
		}, `"link": target`, 1},
		{"hole filled", func(d string) error {
			return keepTime(d+"/sparse", func(p string) error {
				f, err := os.OpenFile(p, os.O_RDWR, 0)
				must(t, err)
				_, err = f.WriteAt(make([]byte, 64<<10), 128<<10)
				must(t, err)
				return f.Close()
			})
		}, `"sparse": data at`, 1},
	} {
		t.Run(test.change, func(t *testing.T) {
			want, got := build(t), build(t)
			must(t, test.do(got))
			diff := Compare(Snapshot(t, want), Snapshot(t, got), CompareOptions{})
			if len(diff) != test.count || !strings.Contains(strings.Join(diff, "\n"), test.want) {
				t.Errorf("want %d differences with %s, got:\n%s", test.count, test.want, strings.Join(diff, "\n"))
			}
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// keepTime undoes what a change does to the time of p.
func keepTime(p string, change func(p string) error) error {
	var st unix.Stat_t
	if err := unix.Lstat(p, &st); err != nil {
		return err
	}
	if err := change(p); err != nil {
		return err
	}
	return unix.UtimesNanoAt(unix.AT_FDCWD, p, []unix.Timespec{st.Atim, st.Mtim}, 0)
}

func TestHashIgnoresHoles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	content := make([]byte, 300_000)
	copy(content[200_000:], "data behind zeros")
	must(t, os.WriteFile(dir+"/full", content, 0o644))
	f, err := os.Create(dir + "/holes")
	must(t, err)
	must(t, f.Truncate(300_000))
	_, err = f.WriteAt([]byte("data behind zeros"), 200_000)
	must(t, err)
	must(t, f.Close())
	tree := Snapshot(t, dir)
	if tree.Nodes["full"].Hash != tree.Nodes["holes"].Hash {
		t.Error("the hash depends on holes")
	}
	content[299_999] = 1
	must(t, os.WriteFile(dir+"/full", content, 0o644))
	if Snapshot(t, dir).Nodes["full"].Hash == tree.Nodes["full"].Hash {
		t.Error("the hash does not depend on the last byte")
	}
}

func TestKernelLogLines(t *testing.T) {
	t.Parallel()
	k := &kernelLog{device: "loop3"}
	for line, want := range map[string]bool{
		"XFS (loop3): Mounting V5 Filesystem 03471136-5162-4120-8a40-b408ba1ae68b":          false,
		"XFS (loop3): Ending clean mount":                                                   false,
		"XFS (loop3): Starting recovery (logdev: internal)":                                 true,
		"XFS (loop3): Metadata CRC error detected at xfs_agf_read_verify":                   true,
		"XFS (loop33): Metadata CRC error detected at xfs_agf_read_verify":                  false,
		"XFS (loop3): EXPERIMENTAL large block size feature enabled. Use at your own risk!": false,
		"I/O error, dev loop3, sector 0 op 0x0:(READ)":                                      true,
		"XFS: Assertion failed: 0, file: fs/xfs/xfs_x.c, line: 1":                           true,
		"usb 1-1: new device": false,
	} {
		if got := k.complaint(line); got != want {
			t.Errorf("complaint(%q) = %v", line, got)
		}
	}
}
