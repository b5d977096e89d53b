package oracle

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// KernelWrites lets the kernel work with an image and asks both oracles again: mount,
// KernelExercise, unmount, xfs_repair -n, and mount once more to see that everything that
// was written is still there.
func KernelWrites(t testing.TB, gen Gen, image string, seed uint64) {
	t.Helper()
	m := Mount(t, image, MountOptions{})
	work := KernelExercise(t, m.Dir, seed)
	m.CheckLog()
	want := SnapshotUnwritten(t, work)
	m.Unmount()
	RepairClean(t, gen, image)
	m = Mount(t, image, MountOptions{ReadOnly: true})
	Equal(t, want, SnapshotUnwritten(t, filepath.Join(m.Dir, filepath.Base(work))), CompareOptions{})
	m.Unmount()
}

// KernelExercise changes the tree at the mount point dir the way programs do: it writes,
// clones, deletes, renames, links, truncates, punches holes and sets attributes, on files
// and directories that are there and on new ones, and checks each content it should find.
// Which ones depends on the seed only. It returns the directory with its own files. On a
// filesystem with little room it does less.
func KernelExercise(t testing.TB, dir string, seed uint64) string {
	t.Helper()
	e := &exercise{t: t, dir: dir, rng: rand.New(rand.NewPCG(seed, 0)), reflink: true}
	e.work = filepath.Join(dir, fmt.Sprintf("exercise-%d", seed))
	e.sample()
	// First what needs no room, so that a full image gets some.
	e.deleteSome()
	e.must("mkdir", os.Mkdir(e.work, 0o755))
	e.measureRoom()
	e.names()
	e.attributes()
	e.clones()
	e.fallocates()
	e.model()
	return e.work
}

type exercise struct {
	t       testing.TB
	dir     string // the mount point
	work    string // our own directory in it
	rng     *rand.Rand
	room    int64 // bytes that all files of one step may take together
	block   int64
	reflink bool     // false once the filesystem has said that it cannot
	files   []string // some regular files that were there, none deleted
}

// sampleSize bounds how much of a tree the exercise looks at.
const sampleSize = 400

func (e *exercise) must(what string, err error) {
	e.t.Helper()
	if err != nil {
		e.t.Fatalf("kernel exercise: %s: %v", what, err)
	}
}

func (e *exercise) bytes(n int64) []byte {
	b := make([]byte, 0, n+8)
	for int64(len(b)) < n {
		b = binary.LittleEndian.AppendUint64(b, e.rng.Uint64())
	}
	return b[:n]
}

func (e *exercise) measureRoom() {
	var st unix.Statfs_t
	e.must("statfs", unix.Statfs(e.dir, &st))
	e.block = st.Bsize
	e.room = min(int64(st.Bavail)*st.Bsize/8, 8<<20)
}

// sample picks files of the tree, in directory order from a random start.
func (e *exercise) sample() {
	skip := e.rng.IntN(sampleSize)
	err := filepath.WalkDir(e.dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.Type().IsRegular() {
			if skip--; skip < 0 || len(e.files) < 10 {
				e.files = append(e.files, p)
			}
		}
		if len(e.files) >= sampleSize {
			return fs.SkipAll
		}
		return nil
	})
	e.must("walk", err)
}

// deleteSome removes a third of the sampled files, and renames another third within their
// directories.
func (e *exercise) deleteSome() {
	var kept []string
	for _, p := range e.files {
		switch e.rng.IntN(3) {
		case 0:
			e.must("remove", os.Remove(p))
		case 1:
			to := filepath.Join(filepath.Dir(p), fmt.Sprintf("renamed-%d-by-%s", len(kept), filepath.Base(e.work)))
			e.must("rename", os.Rename(p, to))
			kept = append(kept, to)
		default:
			kept = append(kept, p)
		}
	}
	e.files = kept
}

// names makes a directory grow through its forms and shrink again, with hard links, symbolic
// links and special files in it.
func (e *exercise) names() {
	dir := filepath.Join(e.work, "names")
	e.must("mkdir", os.Mkdir(dir, 0o2775))
	count := int(min(1500, e.room/(4*e.block)))
	for i := range count {
		p := filepath.Join(dir, fmt.Sprintf("%0*d", 1+i%200, i))
		var err error
		switch i % 6 {
		case 0:
			err = os.WriteFile(p, nil, 0o600)
		case 1:
			err = os.Symlink(string(bytes.Repeat([]byte("x"), 1+i%1000)), p)
		case 2:
			err = os.Link(filepath.Join(dir, fmt.Sprintf("%0*d", 1+(i-2)%200, i-2)), p)
		case 3:
			err = unix.Mknod(p, unix.S_IFIFO|0o600, 0)
		case 4:
			err = os.Mkdir(p, 0o700)
		case 5:
			err = unix.Mknod(p, unix.S_IFCHR|0o600, int(unix.Mkdev(1, uint32(i))))
		}
		e.must("make a name", err)
	}
	for i := range count {
		if p := filepath.Join(dir, fmt.Sprintf("%0*d", 1+i%200, i)); e.rng.IntN(2) == 0 {
			e.must("remove", os.Remove(p))
		}
	}
}

// attributes drives attribute forks, old ones and new, through their forms.
func (e *exercise) attributes() {
	paths := []string{filepath.Join(e.work, "attributes"), e.work}
	e.must("create", os.WriteFile(paths[0], []byte("x"), 0o644))
	for _, p := range append(paths, e.files[:min(3, len(e.files))]...) {
		for i, size := range []int64{1, 60, 3000, 65536, 255, 0} {
			if size*4 > e.room {
				continue
			}
			name, value := fmt.Sprintf("user.exercise.%d", i), e.bytes(size)
			e.must("set an attribute", unix.Setxattr(p, name, value, 0))
			got := make([]byte, 65536)
			n, err := unix.Getxattr(p, name, got)
			e.must("get an attribute", err)
			if !bytes.Equal(got[:n], value) {
				e.t.Fatalf("kernel exercise: %s: attribute %s differs from what was set", p, name)
			}
		}
		e.must("remove an attribute", ignore(unix.Removexattr(p, "user.exercise.2"), unix.ENODATA))
	}
}

// clones shares files and writes to both sides; neither may see the other's writes. It looks at
// a window of each file, as some are larger than memory.
func (e *exercise) clones() {
	const window = 1 << 20
	for i, p := range e.files {
		if int64(i)*8*e.block > e.room {
			return
		}
		st, err := os.Stat(p)
		e.must("stat", err)
		off := e.rng.Int64N(max(1, st.Size()-window))
		n := min(window, st.Size()-off)
		before := e.readWindow(p, off, n)
		to := filepath.Join(e.work, fmt.Sprintf("clone-%d", i))
		if !e.clone(p, to) {
			return
		}
		e.must("overwrite", e.overwrite(p, off, n))
		if !bytes.Equal(e.readWindow(to, off, n), before) {
			e.t.Fatalf("kernel exercise: %s changed with %s, of which it is a clone", to, p)
		}
		e.must("overwrite", e.overwrite(to, off, n))
	}
}

func (e *exercise) readWindow(p string, off, n int64) []byte {
	f, err := os.Open(p)
	e.must("open", err)
	defer f.Close()
	b := make([]byte, n)
	_, err = f.ReadAt(b, off)
	e.must("read", err)
	return b
}

// clone makes to share all blocks of from and tells whether the filesystem can do that.
func (e *exercise) clone(from, to string) bool {
	src, err := os.Open(from)
	e.must("open", err)
	defer src.Close()
	dst, err := os.Create(to)
	e.must("create", err)
	defer dst.Close()
	err = unix.IoctlFileClone(int(dst.Fd()), int(src.Fd()))
	if errors.Is(err, unix.EOPNOTSUPP) {
		e.reflink = false
		return false
	}
	e.must("clone", err)
	return true
}

// overwrite changes up to a block somewhere within n bytes at off.
func (e *exercise) overwrite(p string, off, n int64) error {
	f, err := os.OpenFile(p, os.O_WRONLY, 0)
	if err != nil || n == 0 {
		return errors.Join(err, f.Close())
	}
	skip := e.rng.Int64N(n)
	_, err = f.WriteAt(e.bytes(min(e.block, n-skip)), off+skip)
	return errors.Join(err, f.Sync(), f.Close())
}

func ignore(err, ignored error) error {
	if errors.Is(err, ignored) {
		return nil
	}
	return err
}
