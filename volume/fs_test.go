package volume_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/iotest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cowfs/cowfs/dir"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/volume"
)

func TestFS(t *testing.T) {
	v := open(t, buildImage(t, mkfs.Config{}, 200, false))
	if err := fstest.TestFS(v, "files/large", "files/empty", "links/hard", "dev/null", "attrs/node", "dirs/200/00199-"+strings.Repeat("n", 19)); err != nil {
		t.Error(err)
	}
}

func TestPaths(t *testing.T) {
	v := buildVolume(t)
	small, err := v.Lookup("/files/small")
	check(t, err)
	link, err := v.LookupLink("links/0")
	check(t, err)
	for _, c := range []struct {
		path   string
		follow bool
		want   any // an inode or an error
	}{
		{"", true, v.Geo.RootIno},
		{"/", false, v.Geo.RootIno},
		{"files/small", true, small.Ino},
		{"//files//./small", true, small.Ino},
		{"/../../files/../dirs/../files/small", true, small.Ino},
		{"/links/0", true, small.Ino},
		{"/links/0", false, link.Ino},
		{"/links/1", true, small.Ino},
		{"/links/2", true, v.Geo.RootIno},
		{"/links/2/", false, v.Geo.RootIno},
		{"/links/2/files/small", false, small.Ino},
		{"/links/3/small", true, small.Ino},
		{"/links/long", true, small.Ino},
		{"/bad/loop", true, volume.ErrTooManyLinks},
		{"/bad/0", true, volume.ErrTooManyLinks},
		{"/bad/3", true, volume.ErrTooManyLinks},
		{"/bad/loop/x", false, volume.ErrTooManyLinks},
		{"/bad/2", true, fs.ErrNotExist},
		{"/files/nothing", true, fs.ErrNotExist},
		{"/nothing/at/all", true, fs.ErrNotExist},
		{"/files/small/", true, dir.ErrNotDir},
		{"/files/small/x", true, dir.ErrNotDir},
		{"/files/small/..", true, dir.ErrNotDir},
		{"/bad/1", true, dir.ErrNotDir},
		{"/" + strings.Repeat("n", 256), true, volume.ErrNameTooLong},
	} {
		lookup := v.Lookup
		if !c.follow {
			lookup = v.LookupLink
		}
		got, err := lookup(c.path)
		switch want := c.want.(type) {
		case error:
			var pe *fs.PathError
			if !errors.Is(err, want) || !errors.As(err, &pe) || pe.Path != c.path {
				t.Errorf("%q: error %v, want %v about the path", c.path, err, want)
			}
		default:
			if err != nil || got.Ino != want {
				t.Errorf("%q: %v, %v, want inode %v", c.path, got, err, want)
			}
		}
	}
}

// Names that io/fs does not allow are refused by its methods, but for those of odd bytes.
func TestNamesOfIOFS(t *testing.T) {
	v := buildVolume(t)
	for _, name := range []string{"", "/", "/files", "files/", "./files", "files/..", "files//small"} {
		_, open := v.Open(name)
		_, stat := v.Stat(name)
		_, read := v.ReadFile(name)
		_, list := v.ReadDir(name)
		_, link := v.ReadLink(name)
		for _, err := range []error{open, stat, read, list, link} {
			if !errors.Is(err, fs.ErrInvalid) {
				t.Errorf("%q: %v", name, err)
			}
		}
	}
	if _, err := v.Open("\xff"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a name that is not UTF-8: %v", err)
	}
	if _, err := v.ReadFile("files"); err == nil {
		t.Error("a directory can be read as a file")
	}
	if b, err := v.ReadFile("dev/null"); err != nil || len(b) > 0 {
		t.Errorf("a device has %d bytes, %v", len(b), err)
	}
	if _, err := v.ReadDir("files/small"); !errors.Is(err, dir.ErrNotDir) {
		t.Errorf("a file listed as a directory: %v", err)
	}
	if _, err := v.ReadLink("files/small"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("a file read as a link: %v", err)
	}
}

func TestInfo(t *testing.T) {
	v := buildVolume(t)
	info, err := v.Stat("links/hard")
	check(t, err)
	i, ok := info.Sys().(*inode.Inode)
	if !ok {
		t.Fatalf("Sys gives a %T", info.Sys())
	}
	if info.Mode() != fs.ModeSetuid|0o644 || info.Size() != 300_000 || info.Name() != "hard" || i.UID() != 7 || i.GID() != 70_000 || i.NLink() != 2 {
		t.Errorf("%v, owner %d:%d, %d links", info, i.UID(), i.GID(), i.NLink())
	}
	if want := time.Unix(1_700_000_000, 123_456_789); !info.ModTime().Equal(want) {
		t.Errorf("time %v, want %v", info.ModTime(), want)
	}
	info, err = v.Lstat("dev/null")
	check(t, err)
	if major, minor := info.Sys().(*inode.Inode).Device(); info.Mode() != fs.ModeDevice|fs.ModeCharDevice|0o666 || major != 1 || minor != 3 {
		t.Errorf("%v, device %d:%d", info, major, minor)
	}
}

func TestReadFile(t *testing.T) {
	v := buildVolume(t)
	for name, want := range map[string][]byte{
		"files/empty": {}, "files/small": content(1, 100), "files/large": content(2, 300_000), "links/hard": content(2, 300_000), "links/long": content(1, 100),
	} {
		f, err := v.Open(name)
		check(t, err)
		if err := iotest.TestReader(f, want); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		check(t, f.Close())
		if _, err := f.Read(make([]byte, 1)); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("%s: read after close: %v", name, err)
		}
		got, err := v.ReadFile(name)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

// sparseVolume has one file, "sparse", that is written at each multiple of 12 KiB only.
func sparseVolume(t testing.TB) (v *volume.Volume, original string) {
	root := t.TempDir()
	original = filepath.Join(root, "sparse")
	f, err := os.Create(original)
	check(t, err)
	check(t, f.Truncate(300_077))
	for off := int64(0); off < 300_000; off += 12 << 10 {
		_, err := f.WriteAt(content(int(off>>10), 4<<10), off)
		check(t, err)
	}
	check(t, f.Close())
	path := filepath.Join(t.TempDir(), "image")
	_, err = mkfs.Make(t.Context(), mkfs.Job{Path: path, Source: mkfs.Source{Dir: root}})
	check(t, err)
	return open(t, path), original
}

func TestSparseFile(t *testing.T) {
	v, original := sparseVolume(t)
	want, err := os.ReadFile(original)
	check(t, err)
	f, err := v.OpenFile("/sparse")
	check(t, err)
	defer f.Close()
	if err := iotest.TestReader(f, want); err != nil {
		t.Error(err)
	}
	_, err = f.Seek(100, io.SeekStart)
	check(t, err)
	var all bytes.Buffer
	if n, err := f.WriteTo(&all); err != nil || n != int64(len(want)-100) || !bytes.Equal(all.Bytes(), want[100:]) {
		t.Errorf("WriteTo: %d bytes, %v", n, err)
	}
	var w recorder
	check(t, f.CopyTo(t.Context(), &w))
	if !bytes.Equal(w.data, want) {
		t.Error("CopyTo: the copy differs")
	}
	if w.written > 25*4<<10 {
		t.Errorf("CopyTo has written %d bytes of a file with 25 blocks", w.written)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.CopyTo(canceled, &w); !errors.Is(err, context.Canceled) {
		t.Errorf("CopyTo, canceled: %v", err)
	}
}

// recorder is a SparseWriter that counts what is written.
type recorder struct {
	data    []byte
	written int
}

func (r *recorder) WriteAt(p []byte, off int64) (int, error) {
	r.written += len(p)
	if grow := int(off) + len(p) - len(r.data); grow > 0 {
		r.data = append(r.data, make([]byte, grow)...)
	}
	return copy(r.data[off:], p), nil
}

func (r *recorder) Truncate(size int64) error {
	r.data = append(r.data, make([]byte, max(0, int(size)-len(r.data)))...)[:size]
	return nil
}

// The volume and an open file can be used by many goroutines.
func TestConcurrentReaders(t *testing.T) {
	v := buildVolume(t)
	sparse, original := sparseVolume(t)
	want, err := os.ReadFile(original)
	check(t, err)
	shared, err := sparse.OpenFile("sparse")
	check(t, err)
	defer shared.Close()
	var g errgroup.Group
	for n := range 8 {
		g.Go(func() error {
			count := 0
			err := fs.WalkDir(v, ".", func(path string, d fs.DirEntry, err error) error {
				if err != nil {
					return err
				}
				count++
				_, err = d.Info()
				return err
			})
			if err != nil || count < 3900 {
				return fmt.Errorf("%d names, %w", count, err)
			}
			buf := make([]byte, 50_000)
			for off := int64(n * 1000); off < int64(len(want)-len(buf)); off += 17_000 {
				if _, err := shared.ReadAt(buf, off); err != nil {
					return err
				}
				if !bytes.Equal(buf, want[off:off+int64(len(buf))]) {
					return fmt.Errorf("the contents differ at %d", off)
				}
			}
			return nil
		})
	}
	check(t, g.Wait())
}

// A directory is read in pieces, in stored order, as os.File does it.
func TestReadDirInPieces(t *testing.T) {
	v := buildVolume(t)
	f, err := v.Open("dirs/3000")
	check(t, err)
	defer f.Close()
	d := f.(fs.ReadDirFile)
	var names []string
	for {
		list, err := d.ReadDir(7)
		for _, e := range list {
			names = append(names, e.Name())
		}
		if err == io.EOF {
			break
		}
		check(t, err)
		if len(list) == 0 || len(list) > 7 {
			t.Fatalf("%d entries at once", len(list))
		}
	}
	if rest, err := d.ReadDir(-1); len(rest) != 0 || err != nil {
		t.Errorf("behind the end: %d entries, %v", len(rest), err)
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) != 3000 {
		t.Errorf("%d names", len(names))
	}
}
