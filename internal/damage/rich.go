package damage

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/internal/oracle/dirty"
)

// Rich makes an image of 64 MiB in which the kernel has made most kinds of structures. With
// "-b size=1k" among the arguments, which go to mkfs.xfs, all B+trees have several levels.
func Rich(t testing.TB, mkfs ...string) string {
	t.Helper()
	image := dirty.Fresh(t, 64<<20, append([]string{"-d", "agcount=3", "-l", "size=8m"}, mkfs...)...)
	m := oracle.Mount(t, image, oracle.MountOptions{})
	r := &rich{t: t, dir: m.Dir, rng: rand.New(rand.NewPCG(1, 3))}
	r.files()
	r.links()
	r.attributes()
	r.directories()
	r.many()
	m.Unmount()
	return image
}

type rich struct {
	t   testing.TB
	dir string
	rng *rand.Rand
}

func (r *rich) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal("make a rich image: ", err)
	}
}

func (r *rich) path(format string, args ...any) string {
	return filepath.Join(r.dir, fmt.Sprintf(format, args...))
}

func (r *rich) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.rng.Uint32())
	}
	return b
}

func (r *rich) file(p string, content []byte) {
	r.t.Helper()
	r.must(os.WriteFile(p, content, 0o644))
}

// open opens a file for the ioctls on it.
func (r *rich) open(p string, do func(fd int) error) {
	r.t.Helper()
	f, err := os.OpenFile(p, os.O_RDWR|os.O_CREATE, 0o644)
	r.must(err)
	r.must(do(int(f.Fd())))
	r.must(f.Close())
}

// punch makes a file of n pieces of a size with holes as large between them.
func (r *rich) punch(p string, n int, size int64) {
	r.t.Helper()
	r.file(p, r.bytes(int(2*int64(n)*size)))
	r.open(p, func(fd int) error {
		for i := range int64(n) {
			if err := unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 2*i*size, size); err != nil {
				return err
			}
		}
		return unix.Fsync(fd)
	})
}

// files have data forks in all forms, shared and unwritten extents, and hints.
func (r *rich) files() {
	var st unix.Statfs_t
	r.must(unix.Statfs(r.dir, &st))
	bs := st.Bsize
	r.file(r.path("empty"), nil)
	r.file(r.path("small"), r.bytes(5000))
	r.punch(r.path("extents"), 5, bs)
	r.punch(r.path("tree"), 60, bs)
	r.punch(r.path("deep"), int(min(3800, (8<<20)/bs)), bs)
	for _, p := range []string{"unwritten", "both"} {
		r.file(r.path("%s", p), r.bytes(3000))
		r.open(r.path("%s", p), func(fd int) error { return unix.Fallocate(fd, unix.FALLOC_FL_KEEP_SIZE, 2*bs, 6*bs) })
	}
	r.open(r.path("both"), func(fd int) error {
		_, err := unix.Pwrite(fd, []byte("written"), 5*bs)
		return err
	})
	r.file(r.path("origin"), r.bytes(int(400*bs)))
	r.share("origin", "clone", 200, bs)
	r.share("tree", "tree-clone", 5, bs)
	r.share("clone", "clone-of-clone", 0, bs)
	oracle.MustRun(r.t, oracle.Tool(r.t, "xfs_io", oracle.Gen7), "-f", "-c", "extsize 64k", "-c", "pwrite 0 10", "-c", "chattr +da", r.path("hints"))
	if _, err := os.Stat(r.path("clone")); err == nil {
		oracle.MustRun(r.t, oracle.Tool(r.t, "xfs_io", oracle.Gen7), "-f", "-c", "cowextsize 128k", r.path("cow-hint"))
	}
}

// share clones a file and writes to every other block of the clone, up to n of them.
func (r *rich) share(from, to string, n int, bs int64) {
	r.t.Helper()
	src, err := os.Open(r.path("%s", from))
	if os.IsNotExist(err) {
		return // it was a clone, and there are none
	}
	r.must(err)
	defer src.Close()
	none := false
	r.open(r.path("%s", to), func(fd int) error {
		err := unix.IoctlFileClone(fd, int(src.Fd()))
		none = err == unix.EOPNOTSUPP
		for i := 0; i < n && err == nil; i++ {
			_, err = unix.Pwrite(fd, r.bytes(100), int64(2*i)*bs)
			if i%20 == 0 && err == nil {
				err = unix.Fsync(fd)
			}
		}
		if none {
			err = nil
		}
		return err
	})
	if none {
		r.must(os.Remove(r.path("%s", to)))
	}
}

// links are symbolic links, special files, and files with many names.
func (r *rich) links() {
	for _, n := range []int{1, 100, 300, 400, 1023} {
		r.must(os.Symlink(strings.Repeat("t/", n)[:n], r.path("symlink-%d", n)))
	}
	for name, mode := range map[string]uint32{"fifo": unix.S_IFIFO, "socket": unix.S_IFSOCK, "char": unix.S_IFCHR, "block": unix.S_IFBLK} {
		r.must(unix.Mknod(r.path("%s", name), mode|0o600, int(unix.Mkdev(8, 17))))
	}
	r.file(r.path("names"), []byte("many"))
	r.must(os.Mkdir(r.path("names.d"), 0o755))
	for i := range 400 {
		r.must(os.Link(r.path("names"), r.path("names.d/%0*d", 20+i%150, i)))
	}
}

// attributes are forks of all forms, on all sorts of files.
func (r *rich) attributes() {
	set := func(p, name string, n int) {
		r.t.Helper()
		r.must(unix.Lsetxattr(p, name, r.bytes(n), 0))
	}
	for _, p := range []string{"small", "symlink-100", "symlink-1023", "fifo", "char", "clone", "deep"} {
		if _, err := os.Lstat(r.path("%s", p)); err == nil {
			set(r.path("%s", p), "trusted.a", 10)
			set(r.path("%s", p), "security.b", 20)
		}
	}
	r.file(r.path("attr-leaf"), nil)
	for i := range 8 {
		set(r.path("attr-leaf"), fmt.Sprintf("user.name%d", i), 30+i)
	}
	r.file(r.path("attr-holes"), r.bytes(100))
	for i := range 14 {
		set(r.path("attr-holes"), fmt.Sprintf("user.name%d", i), 25)
	}
	for i := range 4 {
		r.must(unix.Removexattr(r.path("attr-holes"), fmt.Sprintf("user.name%d", 2*i+1)))
	}
	r.file(r.path("attr-node"), nil)
	for i := range 2500 {
		set(r.path("attr-node"), fmt.Sprintf("user.attribute-with-a-longer-name-%d", i), i%40)
	}
	for i := range 40 {
		for _, p := range []string{"attr-remote", "attr-remote2"} {
			if i == 0 {
				r.file(r.path("%s", p), nil)
			}
			set(r.path("%s", p), fmt.Sprintf("user.value%d", i), 3000+100*i)
		}
	}
	r.must(os.Mkdir(r.path("attr-dir"), 0o755))
	set(r.path("attr-dir"), "user.a", 800)
}

// directories have all forms.
func (r *rich) directories() {
	for _, p := range []string{"tree-a/b/c", "tree-d/e"} {
		r.must(os.MkdirAll(r.path("%s", p), 0o755))
	}
	r.must(os.Mkdir(r.path("dirs"), 0o755))
	for _, n := range []int{0, 1, 8, 40, 130, 900} {
		r.must(os.Mkdir(r.path("dirs/%d", n), 0o755))
		for i := range n {
			p := r.path("dirs/%d/%s%d", n, strings.Repeat("n", 1+i%30), i)
			switch i % 8 {
			case 3:
				r.must(os.Symlink("..", p))
			case 5:
				r.must(os.Mkdir(p, 0o700))
			default:
				r.must(os.Link(r.path("small"), p))
			}
		}
		for i := 4; i < n; i += 16 {
			r.must(os.Remove(r.path("dirs/%d/%s%d", n, strings.Repeat("n", 1+i%30), i)))
		}
	}
}

// many makes inodes enough for inode trees of two levels, and free ones in most chunks. Its
// directory grows while another one does, so that both get many extents.
func (r *rich) many() {
	r.must(os.Mkdir(r.path("many"), 0o755))
	r.must(os.Mkdir(r.path("many/other"), 0o755))
	for i := range 4400 {
		r.file(r.path("many/file-%d", i), nil)
		if i%2 == 0 {
			r.must(os.Link(r.path("many/file-%d", i), r.path("many/other/a-longer-name-for-the-same-%d", i)))
		}
	}
	for i := 1; i < 4400; i += 6 {
		r.must(os.Remove(r.path("many/file-%d", i)))
	}
}
