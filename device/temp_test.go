package device

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// makers are the two ways to make a file that is not there yet.
var makers = map[string]func(*pending) (*os.File, error){
	"anonymous": func(p *pending) (*os.File, error) {
		if f := anonymous(p.path); f != nil {
			return f, nil
		}
		return nil, errors.ErrUnsupported
	},
	"named": (*pending).createNamed,
}

func eachMaker(t *testing.T, test func(t *testing.T, temp func(path string, size int64) (*File, error))) {
	for name, maker := range makers {
		t.Run(name, func(t *testing.T) {
			test(t, func(path string, size int64) (*File, error) {
				d, err := createTemp(path, size, maker)
				if errors.Is(err, errors.ErrUnsupported) {
					t.Skip("the host knows no files without names")
				}
				return d, err
			})
		})
	}
}

func TestTempAppearsWithCommit(t *testing.T) {
	eachMaker(t, func(t *testing.T, temp func(string, int64) (*File, error)) {
		for _, sync := range []bool{false, true} {
			path := filepath.Join(t.TempDir(), "image")
			d, err := temp(path, 10)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("before commit: %v", err)
			}
			put(t, d, "before")
			if err := d.Commit(sync); err != nil {
				t.Fatal(err)
			}
			holds(t, path, "before\x00\x00\x00\x00")
			put(t, d, "after!")
			if err := d.Commit(sync); err == nil {
				t.Error("a second commit is no error")
			}
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			holds(t, path, "after!\x00\x00\x00\x00")
			only(t, path)
		}
	})
}

func TestTempWithoutCommitLeavesNothing(t *testing.T) {
	eachMaker(t, func(t *testing.T, temp func(string, int64) (*File, error)) {
		path := filepath.Join(t.TempDir(), "image")
		for _, size := range []int64{10, -1} {
			d, err := temp(path, size)
			if (err != nil) != (size < 0) {
				t.Fatalf("size %d: %v", size, err)
			}
			if err == nil {
				put(t, d, "half")
				if err := d.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if left, err := os.ReadDir(filepath.Dir(path)); len(left) > 0 || err != nil {
				t.Errorf("left behind: %v, %v", left, err)
			}
		}
	})
}

// An image that is replaced stays until the new one is there, and is used by nobody else
// meanwhile. The new one has its mode. A symbolic link stays a link.
func TestTempReplaces(t *testing.T) {
	eachMaker(t, func(t *testing.T, temp func(string, int64) (*File, error)) {
		path := filepath.Join(t.TempDir(), "image")
		link := filepath.Join(t.TempDir(), "link")
		err := errors.Join(os.WriteFile(path, []byte("old"), 0o600), os.Chmod(path, 0o464), os.Symlink(path, link))
		if err != nil {
			t.Fatal(err)
		}
		for _, commit := range []bool{false, true} {
			d, err := temp(link, 3)
			if err != nil {
				t.Fatal(err)
			}
			put(t, d, "new")
			holds(t, path, "old")
			if _, err := Open(path, ReadOnly); !errors.Is(err, ErrBusy) {
				t.Errorf("while being replaced: got %v, want ErrBusy", err)
			}
			if commit {
				if err := d.Commit(false); err != nil {
					t.Fatal(err)
				}
			}
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			only(t, path)
			only(t, link)
		}
		holds(t, path, "new")
		info, err := os.Stat(path)
		if err != nil || info.Mode() != 0o464 {
			t.Errorf("mode: %v, %v", info.Mode(), err)
		}
		if to, err := os.Readlink(link); to != path || err != nil {
			t.Errorf("link: %q, %v", to, err)
		}
	})
}

// Somebody makes a file at the path while the image is made: the image takes its place.
func TestTempOvertaken(t *testing.T) {
	eachMaker(t, func(t *testing.T, temp func(string, int64) (*File, error)) {
		path := filepath.Join(t.TempDir(), "image")
		d, err := temp(path, 3)
		if err != nil {
			t.Fatal(err)
		}
		put(t, d, "new")
		if err := os.WriteFile(path, []byte("other"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(d.Commit(false), d.Close()); err != nil {
			t.Fatal(err)
		}
		holds(t, path, "new")
		only(t, path)
	})
}

func TestTempCommitFails(t *testing.T) {
	eachMaker(t, func(t *testing.T, temp func(string, int64) (*File, error)) {
		path := filepath.Join(t.TempDir(), "image")
		d, err := temp(path, 3)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := d.Commit(false); err == nil {
			t.Error("a commit over a directory is no error")
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		only(t, path)
	})
}

func TestTempRefuses(t *testing.T) {
	dir := t.TempDir()
	if _, err := CreateTemp(dir, 1); !errors.Is(err, ErrNotImage) {
		t.Errorf("directory: got %v, want ErrNotImage", err)
	}
	if _, err := CreateTemp(filepath.Join(dir, "no", "image"), 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: got %v, want ErrNotExist", err)
	}
}

func put(t *testing.T, d *File, s string) {
	t.Helper()
	if _, err := d.WriteAt([]byte(s), 0); err != nil {
		t.Fatal(err)
	}
}

func holds(t *testing.T, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); string(got) != want || err != nil {
		t.Errorf("%s holds %q, %v; want %q", path, got, err, want)
	}
}

// only checks that there is nothing else in the directory of path.
func only(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 || entries[0].Name() != filepath.Base(path) {
		t.Errorf("beside %s: %v, %v", path, entries, err)
	}
}
