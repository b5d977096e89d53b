package device_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/internal/oracle"
)

func TestOpenRefusesWhatIsNoImage(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path string
		want error
	}{
		{dir, device.ErrNotImage},
		{fifo, device.ErrNotImage}, // and does not wait for a writer
		{"/dev/null", device.ErrNotImage},
		{filepath.Join(dir, "missing"), fs.ErrNotExist},
	} {
		for _, mode := range []device.Mode{device.ReadOnly, device.ReadWrite} {
			_, err := device.Open(tt.path, mode)
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.path) {
				t.Errorf("open %s: got %v, want %v with the path", tt.path, err, tt.want)
			}
		}
	}
}

func TestReadOnly(t *testing.T) {
	path := image(t, "something")
	d := must(device.Open(path, device.ReadOnly))(t)
	defer d.Close()
	_, err := d.WriteAt([]byte("x"), 0)
	for what, err := range map[string]error{
		"write": err, "punch": d.Punch(0, 1), "truncate": d.Truncate(100), "clone": d.CloneRange(0, int(d.File().Fd()), 0, 1),
	} {
		if !errors.Is(err, device.ErrReadOnly) {
			t.Errorf("%s: got %v, want ErrReadOnly", what, err)
		}
	}
	if got := string(must(os.ReadFile(path))(t)); got != "something" {
		t.Errorf("the image is now %q", got)
	}
}

// A writer has the image for itself, readers share it.
func TestLock(t *testing.T) {
	path := image(t, "something")
	r1 := must(device.Open(path, device.ReadOnly))(t)
	r2 := must(device.Open(path, device.ReadOnly))(t)
	busy := func(mode device.Mode) {
		t.Helper()
		if _, err := device.Open(path, mode); !errors.Is(err, device.ErrBusy) || !strings.Contains(err.Error(), path) {
			t.Fatalf("open: got %v, want ErrBusy with the path", err)
		}
	}
	busy(device.ReadWrite)
	r1.Close()
	busy(device.ReadWrite)
	r2.Close()
	w := must(device.Open(path, device.ReadWrite))(t)
	busy(device.ReadWrite)
	busy(device.ReadOnly)
	if _, err := device.CreateTemp(path, 1); !errors.Is(err, device.ErrBusy) {
		t.Fatalf("replace: got %v, want ErrBusy", err)
	}
	w.Close()
	must(device.Open(path, device.ReadWrite))(t).Close()
}

func TestCreate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "image")
	d := must(device.Create(path, 1<<40))(t)
	defer d.Close()
	if n := allocated(t, path); n > 1<<16 {
		t.Errorf("a new image takes %d bytes", n)
	}
	if _, err := device.Create(path, 1); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second create: got %v, want ErrExist", err)
	}
	bad := filepath.Join(t.TempDir(), "bad")
	if _, err := device.Create(bad, -1); err == nil {
		t.Error("a negative size is no error")
	}
	if _, err := os.Stat(bad); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a failed create leaves the file behind: %v", err)
	}
}

// Somebody else makes the file shorter while it is open.
func TestFileShrinksUnderneath(t *testing.T) {
	path := image(t, "0123456789")
	d := must(device.Open(path, device.ReadOnly))(t)
	defer d.Close()
	if err := os.Truncate(path, 6); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 8)
	n, err := d.ReadAt(p, 1)
	var short *device.ShortError
	if n != 5 || !errors.As(err, &short) || short.Got != 5 || short.Want != 8 || short.Off != 1 {
		t.Errorf("got %d, %v", n, err)
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v is no ErrUnexpectedEOF", err)
	}
}

func TestPunchGivesUpStorage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "image")
	d := must(device.Create(path, 8<<20))(t)
	defer d.Close()
	if _, err := d.WriteAt(bytes.Repeat([]byte{1}, 4<<20), 0); err != nil {
		t.Fatal(err)
	}
	before := allocated(t, path)
	if err := d.Punch(1<<20, 3<<20); err != nil {
		t.Fatal(err)
	}
	if after := allocated(t, path); after > before-2<<20 {
		t.Errorf("punching 3 MiB leaves %d of %d bytes allocated", after, before)
	}
	if at := must(d.SeekHole(0))(t); at != 1<<20 {
		t.Errorf("the hole begins at %d", at)
	}
	if _, err := d.SeekData(1 << 20); err != io.EOF {
		t.Errorf("behind the hole: got %v, want EOF", err)
	}
}

// A host filesystem that shares blocks, and one that does not.
func TestCloneRange(t *testing.T) {
	for _, reflink := range []string{"0", "1"} {
		t.Run("reflink="+reflink, func(t *testing.T) {
			t.Parallel()
			oracle.NeedRoot(t)
			host := filepath.Join(t.TempDir(), "host")
			must(device.Create(host, 512<<20))(t).Close()
			oracle.MustRun(t, oracle.Tool(t, "mkfs.xfs", oracle.Gen6), "-q", "-m", "reflink="+reflink, host)
			dir := oracle.Mount(t, host, oracle.MountOptions{}).Dir
			content := bytes.Repeat([]byte("0123456789abcdef"), 1<<12)
			source := filepath.Join(dir, "source")
			if err := os.WriteFile(source, content, 0o600); err != nil {
				t.Fatal(err)
			}
			from := must(os.Open(source))(t)
			defer from.Close()
			src := int(from.Fd())
			d := must(device.CreateTemp(filepath.Join(dir, "image"), 1<<20))(t)
			defer d.Close()
			w := must(device.NewWindow(d, 4096, 1<<19))(t)

			cannot := func(err error) {
				t.Helper()
				if !errors.Is(err, device.ErrCannotClone) {
					t.Errorf("got %v, want ErrCannotClone", err)
				}
			}
			if reflink == "0" {
				cannot(d.CloneRange(0, src, 0, 8192))
				return
			}
			cannot(d.CloneRange(100, src, 0, 8192))
			elsewhere := must(os.Open(image(t, string(content))))(t)
			defer elsewhere.Close()
			cannot(d.CloneRange(0, int(elsewhere.Fd()), 0, 8192))
			if err := d.CloneRange(1<<20-4096, src, 0, 8192); err == nil {
				t.Error("cloning beyond the end is no error")
			}
			if d.Size() != 1<<20 {
				t.Fatalf("size is now %d", d.Size())
			}
			if err := w.CloneRange(8192, src, 4096, int64(len(content))-4096); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, len(content)-4096)
			if _, err := d.ReadAt(got, 4096+8192); err != nil || !bytes.Equal(got, content[4096:]) {
				t.Errorf("the clone differs: %v", err)
			}
		})
	}
}

// A loop device: free, then mounted.
func TestBlockDevice(t *testing.T) {
	oracle.NeedRoot(t)
	losetup := oracle.Program(t, "losetup")
	host := filepath.Join(t.TempDir(), "host")
	must(device.Create(host, 300<<20+1024))(t).Close()
	oracle.MustRun(t, oracle.Tool(t, "mkfs.xfs", oracle.Gen6), "-q", host)

	r := oracle.Run(t, losetup, "-f", "--show", host)
	if r.Exit != 0 {
		oracle.Missing(t, "no loop device: %s", r.Stderr)
	}
	loop := strings.TrimSpace(r.Stdout)
	defer oracle.MustRun(t, losetup, "-d", loop)

	d := must(device.Open(loop, device.ReadWrite))(t)
	if !d.IsBlockDevice() || d.Size() != 300<<20+1024 {
		t.Errorf("block device: %v, size %d", d.IsBlockDevice(), d.Size())
	}
	if err := d.Truncate(1 << 20); !errors.Is(err, device.ErrCannotResize) {
		t.Errorf("truncate: got %v, want ErrCannotResize", err)
	}
	// At the end, where the filesystem has nothing: whole sectors, then less.
	end := d.Size() - 8192
	for _, n := range []int64{4096, 100} {
		p := bytes.Repeat([]byte{7}, 8192)
		if _, err := d.WriteAt(p, end); err != nil {
			t.Fatal(err)
		}
		if err := d.Punch(end+n, n); err != nil {
			t.Fatalf("punch %d bytes: %v", n, err)
		}
		clear(p[n : 2*n])
		got := make([]byte, 8192)
		if _, err := d.ReadAt(got, end); err != nil || !bytes.Equal(got, p) {
			t.Errorf("after punching %d bytes: wrong content, %v", n, err)
		}
	}
	if err := errors.Join(d.Punch(end, 8192), d.Sync(), d.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := device.CreateTemp(loop, 1); err == nil {
		t.Error("replacing a block device is no error")
	}

	dir := t.TempDir()
	if err := unix.Mount(loop, dir, "xfs", unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(dir, 0)
	if _, err := device.Open(loop, device.ReadWrite); !errors.Is(err, device.ErrBusy) {
		t.Errorf("open a mounted device for writing: got %v, want ErrBusy", err)
	}
	for _, path := range []string{loop, host} {
		d := must(device.Open(path, device.ReadOnly))(t)
		if err := d.Unmounted(); !errors.Is(err, device.ErrBusy) || !strings.Contains(err.Error(), path+": ") {
			t.Errorf("a mounted %s: got %v, want ErrBusy", path, err)
		}
		d.Close()
	}
}

// TestLoopBusy has an image that a loop device shows refused, in each way in which one can show
// it, and no other.
func TestLoopBusy(t *testing.T) {
	oracle.NeedRoot(t)
	losetup := oracle.Program(t, "losetup")
	host := filepath.Join(t.TempDir(), "host")
	must(device.Create(host, 1<<20))(t).Close()
	reader := must(os.Open(host))(t)
	defer reader.Close()
	must(device.Open(host, device.ReadWrite))(t).Close()
	for _, args := range [][]string{{"-f", "--show", host}, {"-r", "-f", "--show", host}} {
		r := oracle.Run(t, losetup, args...)
		if r.Exit != 0 {
			oracle.Missing(t, "no loop device: %s", r.Stderr)
		}
		loop := strings.TrimSpace(r.Stdout)
		for open, err := range map[string]error{
			"open":    second(device.Open(host, device.ReadWrite)),
			"replace": second(device.CreateTemp(host, 1<<20)),
		} {
			if !errors.Is(err, device.ErrBusy) || !strings.Contains(err.Error(), loop) {
				t.Errorf("losetup %q, %s: got %v, want ErrBusy with %s", args, open, err, loop)
			}
		}
		for _, path := range []string{loop, host} {
			d := must(device.Open(path, device.ReadOnly))(t)
			if err := d.Unmounted(); err != nil {
				t.Errorf("losetup %q, nothing is mounted: %v", args, err)
			}
			d.Close()
		}
		oracle.MustRun(t, losetup, "-d", loop)
		must(device.Open(host, device.ReadWrite))(t).Close()
	}
}

func second[T any](_ T, err error) error { return err }

// image makes a file with the given content.
func image(t testing.TB, content string) string {
	path := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(path, []byte(content), 0o640); err != nil {
		t.Fatal(err)
	}
	return path
}

// allocated is the storage that a file takes, in bytes.
func allocated(t *testing.T, path string) int64 {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st.Blocks * 512
}
