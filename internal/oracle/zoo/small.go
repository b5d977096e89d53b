package zoo

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Small fills dir with a few thousand nodes, among them every kind that an image can hold.
func Small(t testing.TB, dir string) {
	t.Helper()
	b := newBuilder(t, dir)
	b.files()
	b.sparse()
	b.modes()
	b.owners()
	b.times()
	b.symlinks()
	b.special()
	b.links()
	b.names()
	b.deep()
	b.directories()
	b.attributes()
	b.acls()
	b.finish()
}

// files have sizes around block sizes; some are equal, whole or in parts.
func (b *builder) files() {
	b.mkdir("files", 0o755)
	for _, size := range []int{0, 1, 511, 512, 513, 1023, 1024, 1025, 4095, 4096, 4097, 16384, 65535, 65536, 65537, 1<<20 + 1} {
		b.file(fmt.Sprintf("files/%d", size), b.bytes(size))
	}
	twin := b.bytes(256 << 10)
	b.file("files/twin-a", twin)
	b.file("files/twin-b", twin)
	b.file("files/twin-longer", append(twin, "and a bit more"...))
	b.file("files/repeated", append(append([]byte("odd start"), twin...), twin...))
	b.file("files/zeros", make([]byte, 100_000))
}

func (b *builder) sparse() {
	b.mkdir("sparse", 0o755)
	const k64 = 64 << 10
	for name, parts := range map[string][]int64{ // offsets of 64 KiB of data; the last is the size
		"hole-at-start": {4 * k64, 5 * k64}, "hole-in-the-middle": {0, 9 * k64, 10 * k64}, "hole-at-end": {0, 8 * k64},
		"all-hole": {1 << 20}, "odd-hole-at-end": {0, 8*k64 + 123}, "large": {k64, 1 << 30, 5 << 30},
	} {
		f, err := os.Create(b.path("sparse/" + name))
		b.must(err)
		b.must(f.Truncate(parts[len(parts)-1]))
		for _, off := range parts[:len(parts)-1] {
			_, err := f.WriteAt(b.bytes(k64), off)
			b.must(err)
		}
		b.must(f.Close())
		b.stamp("sparse/" + name)
	}
	for name, a := range map[string]struct {
		mode           uint32
		written        int
		off, len, size int64
	}{
		"unwritten":            {0, 0, 0, 2 * k64, 2 * k64},
		"unwritten-middle":     {0, k64, 2 * k64, 2 * k64, 4 * k64},
		"unwritten-beyond-end": {unix.FALLOC_FL_KEEP_SIZE, 100, k64, k64, 100},
	} {
		p := "sparse/" + name
		b.file(p, b.bytes(a.written))
		f, err := os.OpenFile(b.path(p), os.O_RDWR, 0)
		b.must(err)
		b.must(unix.Fallocate(int(f.Fd()), a.mode, a.off, a.len))
		b.must(f.Close())
		b.stamp(p)
	}
}

func (b *builder) modes() {
	b.mkdir("modes", 0o755)
	for _, mode := range []uint32{0, 0o400, 0o644, 0o777, 0o1644, 0o2755, 0o4755, 0o6711, 0o7777} {
		p := fmt.Sprintf("modes/file-%04o", mode)
		b.file(p, []byte(p))
		b.must(unix.Chmod(b.path(p), mode))
		b.mkdir(fmt.Sprintf("modes/dir-%04o", mode), mode|0o500)
	}
}

func (b *builder) owners() {
	b.mkdir("owners", 0o755)
	if !b.root {
		return
	}
	for _, id := range []int{0, 1, 1000, 65534, 65536, 1<<32 - 2} {
		p := fmt.Sprintf("owners/%d", id)
		b.file(p, nil)
		b.must(os.Lchown(b.path(p), id, id/2))
		b.symlink(p+"-link", "target")
		b.must(os.Lchown(b.path(p+"-link"), id/2, id))
	}
}

func (b *builder) times() {
	b.mkdir("times", 0o755)
	for i, at := range []time.Time{
		time.Unix(-1<<31, 0), time.Unix(-1, 999_999_999), time.Unix(0, 0), time.Unix(0, 1), time.Unix(1<<31-2, 999_999_999),
		time.Unix(1<<31, 5), time.Unix(1<<32, 123_456_789), time.Date(2400, 2, 29, 12, 0, 0, 7, time.UTC),
	} {
		p := fmt.Sprintf("times/%d", i)
		b.file(p, nil)
		b.setTime(p, at)
	}
}

// symlinks have targets around the length that still fits in an inode, with inodes of each
// size, and up to the longest.
func (b *builder) symlinks() {
	b.mkdir("symlinks", 0o755)
	for _, n := range []int{1, 59, 60, 250, 330, 335, 336, 337, 338, 848, 849, 1000, 1022, 1023} {
		b.symlink(fmt.Sprintf("symlinks/%d", n), strings.Repeat("t/", n)[:n])
	}
	b.symlink("symlinks/to-file", "../files/1")
	b.symlink("symlinks/odd-bytes", "\xff\xfe\n\x01")
}

func (b *builder) special() {
	b.mkdir("special", 0o755)
	b.node("special/fifo", unix.S_IFIFO|0o640, 0)
	b.node("special/socket", unix.S_IFSOCK|0o755, 0)
	if !b.root {
		return
	}
	b.node("special/null", unix.S_IFCHR|0o666, unix.Mkdev(1, 3))
	b.node("special/disk", unix.S_IFBLK|0o660, unix.Mkdev(8, 17))
	b.node("special/large-numbers", unix.S_IFCHR|0o600, unix.Mkdev(511, 1<<18-1))
	b.node("special/overlay-whiteout", unix.S_IFCHR|0o600, unix.Mkdev(0, 0))
}

func (b *builder) node(p string, mode uint32, device uint64) {
	b.t.Helper()
	b.must(unix.Mknod(b.path(p), mode, int(device)))
	b.must(unix.Chmod(b.path(p), mode&0o7777))
	b.stamp(p)
}

// links are further names for files, symbolic links and special files.
func (b *builder) links() {
	b.mkdir("links", 0o755)
	b.mkdir("links/sub", 0o755)
	for _, p := range []string{"files/4097", "files/0", "symlinks/60", "symlinks/1000", "special/fifo"} {
		for i := range 3 {
			to := fmt.Sprintf("links/%s-%d", strings.ReplaceAll(p, "/", "-"), i)
			if i == 2 {
				to = strings.Replace(to, "links/", "links/sub/", 1)
			}
			b.must(os.Link(b.path(p), b.path(to)))
		}
	}
	b.file("links/many-0", []byte("one inode, many names"))
	for i := range 200 {
		b.must(os.Link(b.path("links/many-0"), b.path(fmt.Sprintf("links/many-%d", i+1))))
	}
}

func (b *builder) names() {
	b.mkdir("names", 0o755)
	for _, name := range []string{
		"a", "ab", "...", "-rf", " ", "new\nline", "back\\slash", "quote'\"", "tab\t", "é", "日本語", "\xff\xfe\xfd", "\x01", "semi;colon",
		strings.Repeat("n", 255), strings.Repeat("é", 127), strings.Repeat("\xf0", 255), strings.Repeat("m", 254), ".hidden",
	} {
		b.file("names/"+name, []byte(name))
	}
	b.mkdir("names/"+strings.Repeat("d", 255), 0o755)
	b.symlink("names/"+strings.Repeat("s", 255), "t")
}

func (b *builder) deep() {
	p := "deep"
	b.mkdir(p, 0o755)
	for i := range 80 {
		p = fmt.Sprintf("%s/level-%d", p, i)
		b.mkdir(p, 0o755)
	}
	b.file(p+"/bottom", []byte("bottom"))
}

// directories have so many names that each form occurs with 4 KiB blocks: in the inode, one
// block, leaf, and node.
func (b *builder) directories() {
	b.mkdir("dirs", 0o755)
	for _, n := range []int{0, 1, 2, 10, 40, 90, 200, 500, 2600} {
		dir := fmt.Sprintf("dirs/%d", n)
		b.mkdir(dir, 0o755)
		for i := range n {
			p := fmt.Sprintf("%s/%s-%d", dir, strings.Repeat("x", i%40), i)
			switch {
			case i%50 == 3:
				b.mkdir(p, 0o711)
			case i%50 == 7:
				b.symlink(p, "..")
			default:
				b.file(p, nil)
			}
		}
	}
}
