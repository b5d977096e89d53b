package zoo

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cowfs/cowfs/internal/oracle"
	"golang.org/x/sys/unix"
)

// Home returns an empty directory on a filesystem that holds everything of the zoo: an XFS
// that the kernel mounts, or, for those who may not mount, a plain temporary directory.
func Home(t testing.TB) string {
	t.Helper()
	if os.Geteuid() != 0 {
		return t.TempDir()
	}
	image := filepath.Join(t.TempDir(), "home.img")
	f, err := os.Create(image)
	must(t, err)
	must(t, f.Truncate(8<<30))
	must(t, f.Close())
	oracle.MustRun(t, oracle.Tool(t, "mkfs.xfs", oracle.Gen6), "-q", "-m", "bigtime=1,reflink=1", image)
	home := filepath.Join(oracle.Mount(t, image, oracle.MountOptions{}).Dir, "home")
	must(t, os.Mkdir(home, 0o755))
	return home
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("build the source tree: %v", err)
	}
}

// builder makes nodes below a directory; every method takes a path relative to it.
type builder struct {
	t    testing.TB
	dir  string
	root bool // we may make devices and trusted attributes
	rng  *rand.Rand
	dirs []string // in the order of making; their times are set last
}

func newBuilder(t testing.TB, dir string) *builder {
	return &builder{t: t, dir: dir, root: os.Geteuid() == 0, rng: rand.New(rand.NewPCG(1, 2))}
}

func (b *builder) path(p string) string { return filepath.Join(b.dir, p) }

func (b *builder) must(err error) {
	b.t.Helper()
	must(b.t, err)
}

func (b *builder) mkdir(p string, mode uint32) {
	b.t.Helper()
	b.must(os.Mkdir(b.path(p), 0o700))
	b.must(unix.Chmod(b.path(p), mode))
	b.dirs = append(b.dirs, p)
}

func (b *builder) file(p string, content []byte) {
	b.t.Helper()
	b.must(os.WriteFile(b.path(p), content, 0o644))
	b.stamp(p)
}

// stamp gives a node a time of its own with nanoseconds.
func (b *builder) stamp(p string) {
	b.t.Helper()
	b.setTime(p, time.Unix(1_500_000_000+b.rng.Int64N(200_000_000), b.rng.Int64N(1_000_000_000)))
}

func (b *builder) setTime(p string, at time.Time) {
	b.t.Helper()
	ts := unix.Timespec{Sec: at.Unix(), Nsec: int64(at.Nanosecond())}
	b.must(unix.UtimesNanoAt(unix.AT_FDCWD, b.path(p), []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW))
}

func (b *builder) symlink(p, target string) {
	b.t.Helper()
	b.must(os.Symlink(target, b.path(p)))
	b.stamp(p)
}

func (b *builder) xattr(p, name string, value []byte) {
	b.t.Helper()
	if !b.root && !strings.HasPrefix(name, "user.") {
		return
	}
	b.must(unix.Lsetxattr(b.path(p), name, value, 0))
}

// finish stamps the directories, which every new name in them has touched.
func (b *builder) finish() {
	b.t.Helper()
	b.stamp(".")
	for _, p := range b.dirs {
		b.stamp(p)
	}
}

// bytes returns n bytes without a pattern.
func (b *builder) bytes(n int) []byte {
	out := make([]byte, 0, n+8)
	for len(out) < n {
		out = binary.LittleEndian.AppendUint64(out, b.rng.Uint64())
	}
	return out[:n]
}
