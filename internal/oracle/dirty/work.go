package dirty

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Work does mixed work on a mounted filesystem. Failures end the test.
type Work struct {
	Dir string // the mount point
	Cow bool   // writes to shared blocks leave CoW staging extents behind

	t   testing.TB
	rng *rand.Rand
}

// NewWork makes work for a mount point. What it does depends on the seed.
func NewWork(t testing.TB, dir string, seed uint64) *Work {
	return &Work{Dir: dir, t: t, rng: rand.New(rand.NewPCG(seed, 1))}
}

func (w *Work) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal("work before the crash: ", err)
	}
}

// Path makes a path below the mount point.
func (w *Work) Path(format string, args ...any) string {
	return filepath.Join(w.Dir, fmt.Sprintf(format, args...))
}

// All does some of everything, and goes round the log some times before. It ends with changes
// that are not in place yet.
func (w *Work) All(laps int) {
	for lap := range laps {
		w.lap(lap)
	}
	w.Names("old", 200)
	w.Sync()
	w.Names("a", 300)
	w.Attributes("a", 300)
	w.Files("f")
	w.Reshuffle("a", 300)
	w.Reshuffle("old", 200)
	w.must(os.RemoveAll(w.Path("old2")))
	w.Settle()
	w.Sync()
	w.Names("b", 60)
}

// lap writes about as much to a log of 16 MiB as fits in it.
func (w *Work) lap(n int) {
	for i := range 4 {
		dir := fmt.Sprintf("lap%d-%d", n, i)
		w.Names(dir, 800)
		w.Sync()
		w.Attributes(dir, 800)
		w.Sync()
		if i%2 == 0 {
			w.must(os.RemoveAll(w.Path("%s", dir)))
		}
	}
}

// Sync syncs the filesystem: all changes are in the log.
func (w *Work) Sync() {
	f, err := os.Open(w.Dir)
	w.must(err)
	defer f.Close()
	w.must(unix.Syncfs(int(f.Fd())))
}

// Settle waits until deleted files are gone from the unlinked lists, which the kernel sees to in
// the background: there are as many inodes in use as the tree has, and two that it does not show.
func (w *Work) Settle() {
	inodes := map[uint64]bool{}
	w.must(filepath.WalkDir(w.Dir, func(p string, _ os.DirEntry, err error) error {
		var s unix.Stat_t
		if err == nil {
			err = unix.Lstat(p, &s)
		}
		inodes[s.Ino] = true
		return err
	}))
	used := 0
	for wait := time.Millisecond; wait < 5*time.Second; wait *= 2 {
		var s unix.Statfs_t
		w.must(unix.Statfs(w.Dir, &s))
		if used = int(s.Files - s.Ffree); used == len(inodes)+2 {
			return
		}
		time.Sleep(wait)
	}
	w.t.Fatalf("work before the crash: %d inodes are in use, %d in the tree", used, len(inodes))
}

// Names makes a directory with n files, and with links, devices and directories.
func (w *Work) Names(dir string, n int) {
	w.must(os.MkdirAll(w.Path("%s/sub", dir), 0o755))
	for i := range n {
		p := w.Path("%s/file with a name of some length %d", dir, i)
		w.must(os.WriteFile(p, bytes.Repeat([]byte(p), i%7), 0o644))
		switch i % 9 {
		case 0:
			w.must(os.Symlink(strings.Repeat("t", 1+i*3%1000), w.Path("%s/link%d", dir, i)))
		case 1:
			w.must(os.Link(p, w.Path("%s/sub/hard%d", dir, i)))
		case 2:
			w.must(unix.Mknod(w.Path("%s/dev%d", dir, i), unix.S_IFCHR|0o600, int(unix.Mkdev(5, uint32(i)))))
		case 3:
			w.must(os.Mkdir(w.Path("%s/dir%d", dir, i), 0o750))
		case 4:
			w.must(os.Chown(p, 1000+i, 2000+i%3))
		}
	}
}

// Attributes gives files that Names has made attributes, from a few to many.
func (w *Work) Attributes(dir string, n int) {
	for i := 0; i < n; i += 2 {
		p := w.Path("%s/file with a name of some length %d", dir, i)
		for k := range 1 + i%20 {
			size := 10 + k*i%300
			if k == 5 && i%30 == 0 {
				size = 3000 + i*50
			}
			w.must(unix.Setxattr(p, fmt.Sprintf("user.attribute%d", k), bytes.Repeat([]byte{byte(k)}, size), 0))
		}
	}
}

// Reshuffle renames, deletes and cuts what Names has made.
func (w *Work) Reshuffle(dir string, n int) {
	w.must(os.MkdirAll(w.Path("%s2", dir), 0o755))
	for i := range n {
		p := w.Path("%s/file with a name of some length %d", dir, i)
		switch i % 6 {
		case 0:
			w.must(os.Rename(p, w.Path("%s2/renamed %d", dir, i)))
		case 1, 2:
			w.must(os.Remove(p))
		case 3:
			w.must(os.Rename(p, w.Path("%s/file with a name of some length %d", dir, i+1)))
		case 5:
			w.must(os.Truncate(p, int64(i)*100))
		}
	}
}

// DeleteOpen deletes files that stay open.
func (w *Work) DeleteOpen() []*os.File {
	var open []*os.File
	for i := range 70 {
		f, err := os.Create(w.Path("open%d", i))
		w.must(err)
		_, err = f.Write(bytes.Repeat([]byte("u"), i*500))
		w.must(err)
		w.must(os.Remove(f.Name()))
		open = append(open, f)
	}
	return open
}
