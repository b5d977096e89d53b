package volume_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cowfs/cowfs/attr"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/volume"
	"golang.org/x/sys/unix"
)

// comparison compares a volume with the kernel's mount of the same image, name by name.
type comparison struct {
	t      *testing.T
	v      *volume.Volume
	dir    string // the mount point
	names  int
	inodes map[uint64]bool // compared already
	paths  map[uint64][]string
	a, b   []byte // comparePiece bytes each
}

const comparePiece = 1 << 20

func newComparison(t *testing.T, v *volume.Volume, dir string) *comparison {
	return &comparison{t: t, v: v, dir: dir, inodes: map[uint64]bool{}, paths: map[uint64][]string{}, a: make([]byte, comparePiece), b: make([]byte, comparePiece)}
}

// node compares what is at a path, "" being the root, and all below it.
func (c *comparison) node(path string) {
	c.names++
	var st unix.Statx_t
	full := c.dir + "/" + path
	check(c.t, unix.Statx(unix.AT_FDCWD, full, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BASIC_STATS|unix.STATX_BTIME, &st))
	i, err := c.v.LookupLink(path)
	if err != nil {
		c.t.Errorf("%q: %v", path, err)
		return
	}
	c.paths[st.Ino] = append(c.paths[st.Ino], "/"+path)
	if c.inodes[st.Ino] {
		if uint64(i.Ino) != st.Ino {
			c.t.Errorf("%q: inode %d, want %d", path, i.Ino, st.Ino)
		}
		return
	}
	c.inodes[st.Ino] = true
	c.stat(path, &st, i)
	c.xattrs(path, full, i)
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		c.entries(path, full, i)
	case unix.S_IFLNK:
		want, err := os.Readlink(full)
		check(c.t, err)
		got, err := i.Target()
		c.equal(path, "target", want, got, err)
	case unix.S_IFREG:
		c.contents(path, full, i)
		c.extents(path, full, i)
	}
}

// parents compares the parent pointers of all inodes with the names seen.
func (c *comparison) parents() {
	for ino, want := range c.paths {
		i, err := c.v.Inode(format.Ino(ino))
		check(c.t, err)
		parents, err := c.v.Parents(i)
		if !c.v.Geo.HasParent() {
			if !errors.Is(err, format.ErrUnsupported) {
				c.t.Errorf("parents without parent pointers: %v", err)
			}
			return
		}
		if err != nil {
			c.t.Errorf("parents of %q: %v", want[0], err)
			continue
		}
		r, err := c.v.Attrs(i)
		check(c.t, err)
		var got []string
		for _, p := range parents {
			got = append(got, p.Path)
			if ok, err := r.FindParent(p.Name, p.Dir, p.Gen); !ok || err != nil {
				c.t.Errorf("parent pointer %v of %q is not found: %v", p, want[0], err)
			}
			if ok, err := r.FindParent(p.Name, p.Dir, p.Gen+1); ok || err != nil {
				c.t.Errorf("parent pointer %v of %q with another generation: %v, %v", p, want[0], ok, err)
			}
		}
		if i.Ino == c.v.Geo.RootIno {
			want = nil
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(want, got) {
			c.t.Errorf("%d names by parent pointers, want %d: got %.300q, want %.300q", len(got), len(want), got, want)
		}
	}
}

func (c *comparison) equal(path, what string, want, got any, err error) {
	c.t.Helper()
	if err != nil {
		c.t.Errorf("%q: %s: %v", path, what, err)
	} else if want != got {
		c.t.Errorf("%q: %s: got %.200v, want %.200v", path, what, got, want)
	}
}

func (c *comparison) stat(path string, st *unix.Statx_t, i *inode.Inode) {
	at := func(ts unix.StatxTimestamp) time.Time { return time.Unix(ts.Sec, int64(ts.Nsec)).UTC() }
	major, minor := i.Device()
	for _, e := range []struct {
		what      string
		want, got any
	}{
		{"inode", st.Ino, uint64(i.Ino)},
		{"mode", st.Mode, i.Mode()},
		{"links", st.Nlink, i.NLink()},
		{"uid", st.Uid, i.UID()},
		{"gid", st.Gid, i.GID()},
		{"size", int64(st.Size), i.Size()},
		{"blocks", st.Blocks, i.Blocks() << c.v.Geo.BlockLog >> format.BasicBlockLog},
		{"device", [2]uint32{st.Rdev_major, st.Rdev_minor}, [2]uint32{major, minor}},
		{"atime", at(st.Atime), i.ATime()},
		{"mtime", at(st.Mtime), i.MTime()},
		{"ctime", at(st.Ctime), i.CTime()},
		{"btime", at(st.Btime), i.CRTime()},
	} {
		c.equal(path, e.what, e.want, e.got, nil)
	}
}

// entries compares a listing, and looks up each name and some that are not there.
func (c *comparison) entries(path, full string, i *inode.Inode) {
	names := listNames(c.t, full)
	d, err := c.v.Dir(path)
	if err != nil {
		c.t.Errorf("%q: %v", path, err)
		return
	}
	var got []string
	for e, err := range d.Entries() {
		if err != nil {
			c.t.Errorf("%q: %v", path, err)
			return
		}
		got = append(got, e.Name)
		found, err := d.Lookup(e.Name)
		c.equal(path, fmt.Sprintf("lookup of %q", e.Name), e, found, err)
	}
	slices.Sort(names)
	slices.Sort(got)
	if !slices.Equal(names, got) {
		c.t.Errorf("%q: %d names, the kernel lists %d", path, len(got), len(names))
	}
	for _, missing := range []string{"no-such-name", "\xff", strings.Repeat("z", 255), strings.Repeat("z", 256), ""} {
		if _, err := d.Lookup(missing); !errors.Is(err, os.ErrNotExist) {
			c.t.Errorf("%q: lookup of %q: %v", path, missing, err)
		}
	}
	var up unix.Stat_t
	check(c.t, unix.Stat(full+"/..", &up))
	if path != "" {
		parent, err := d.Parent()
		c.equal(path, "parent", up.Ino, uint64(parent), err)
	}
	for _, name := range names {
		c.node(strings.TrimPrefix(path+"/"+name, "/"))
	}
}

func listNames(t *testing.T, dir string) []string {
	f, err := os.Open(dir)
	check(t, err)
	defer f.Close()
	names, err := f.Readdirnames(-1)
	check(t, err)
	return names
}

func (c *comparison) contents(path, full string, i *inode.Inode) {
	want, err := os.Open(full)
	check(c.t, err)
	defer want.Close()
	got, err := c.v.OpenFile(path)
	if err != nil {
		c.t.Errorf("%q: %v", path, err)
		return
	}
	defer got.Close()
	const piece = comparePiece
	a, b := c.a, c.b
	// Of large sparse files only what the kernel calls data, and a little around it.
	for off := int64(0); off < i.Size(); off += piece {
		if next, err := unix.Seek(int(want.Fd()), off, unix.SEEK_DATA); err != nil || next > off+2*piece {
			if err != nil {
				next = i.Size() - 1
			}
			off = max(off, next/piece*piece-piece)
		}
		n, errA := want.ReadAt(a, off)
		m, errB := got.ReadAt(b, off)
		if n != m || errA != errB {
			c.t.Errorf("%q: %d bytes at %d and %v, want %d and %v", path, m, off, errB, n, errA)
			return
		}
		if !bytes.Equal(a[:n], b[:n]) {
			c.t.Errorf("%q: the contents differ behind byte %d", path, off)
			return
		}
	}
	if i.Size() < 4<<20 {
		all, err := io.ReadAll(got)
		check(c.t, err)
		kernel, err := os.ReadFile(full)
		check(c.t, err)
		if !bytes.Equal(all, kernel) {
			c.t.Errorf("%q: read in one go, the contents differ", path)
		}
	}
}

func (c *comparison) xattrs(path, full string, i *inode.Inode) {
	r, err := c.v.Attrs(i)
	if err != nil {
		c.t.Errorf("%q: %v", path, err)
		return
	}
	got := map[string]string{}
	for a, err := range r.All() {
		if err != nil {
			c.t.Errorf("%q: attributes: %v", path, err)
			return
		}
		value, err := r.Value(a)
		if err != nil {
			c.t.Errorf("%q: %v", path, err)
			return
		}
		if name, v, ok := attr.ToHost(a.Flags, []byte(a.Name), value); ok {
			got[name] = string(v)
			again, err := r.Get(a.Flags, a.Name)
			c.equal(path, "get "+name, string(value), string(again), err)
		}
	}
	names := 0
	for _, name := range c.listXattrs(full) {
		names++
		n, err := unix.Lgetxattr(full, name, c.a)
		check(c.t, err)
		if v, ok := got[name]; !ok || v != string(c.a[:n]) {
			c.t.Errorf("%q: attribute %q: got %.60q, want %.60q", path, name, v, c.a[:n])
		}
	}
	if names != len(got) {
		c.t.Errorf("%q: %d attributes, want %d", path, len(got), names)
	}
	if _, err := r.Get(0, "no-such-attribute"); !errors.Is(err, attr.ErrNotFound) {
		c.t.Errorf("%q: a missing attribute: %v", path, err)
	}
}

// listXattrs lists the names that FromHost knows: the kernel shows ACLs a second time.
func (c *comparison) listXattrs(path string) []string {
	n, err := unix.Llistxattr(path, c.a)
	check(c.t, err)
	var out []string
	for name := range strings.SplitSeq(string(c.a[:n]), "\x00") {
		if name != "" && attr.IsHostName(name) {
			out = append(out, name)
		}
	}
	return out
}

// extent is a run of a file's blocks with its place on the device, in bytes.
type extent struct {
	off, len, at int64
	unwritten    bool
}

// addExtent appends an extent, joined with the one before where that is possible: the kernel
// tells shared from other blocks by separate extents.
func addExtent(list []extent, e extent) []extent {
	if n := len(list); n > 0 {
		last := &list[n-1]
		if last.off+last.len == e.off && last.at+last.len == e.at && last.unwritten == e.unwritten {
			last.len += e.len
			return list
		}
	}
	return append(list, e)
}

func (c *comparison) extents(path, full string, i *inode.Inode) {
	f, err := os.Open(full)
	check(c.t, err)
	defer f.Close()
	var want, got []extent
	check(c.t, oracle.Extents(f, func(s oracle.Segment, at int64, unwritten bool) {
		want = addExtent(want, extent{s.Start, s.End - s.Start, at, unwritten})
	}))
	fork, err := i.Fork(inode.Data)
	check(c.t, err)
	g := c.v.Geo
	for m, err := range fork.All() {
		if err != nil {
			c.t.Errorf("%q: %v", path, err)
			return
		}
		got = addExtent(got, extent{int64(m.Off) << g.BlockLog, int64(m.Count) << g.BlockLog, g.Offset(m.Start), m.Unwritten})
		if found, ok, err := fork.Find(m.End() - 1); !ok || err != nil || found != m {
			c.t.Errorf("%q: found %v for offset %d, want %v: %v", path, found, m.End()-1, m, err)
		}
	}
	if !slices.Equal(want, got) {
		c.t.Errorf("%q: %d extents, the kernel has %d:\n got %.400v\nwant %.400v", path, len(got), len(want), got, want)
	}
}

// use is a range of the device, in units of 512 bytes, and whose it is.
type use struct {
	start, end uint64 // both included
	owner      string
	off        uint64 // of an inode's data or attributes
}

// addUse appends a range, joined with the one before where that is possible.
func addUse(list []use, u use) []use {
	if n := len(list); n > 0 {
		last := &list[n-1]
		follows := last.end+1 == u.start && last.owner == u.owner
		if follows && (u.off == 0 && last.off == 0 || u.off == last.off+last.end+1-last.start) {
			last.end = u.end
			return list
		}
	}
	return append(list, u)
}

// kernelMap is what the kernel says of the use of the whole device.
func kernelMap(t *testing.T, dir string) []use {
	out := oracle.MustRun(t, oracle.Program(t, "xfs_io"), "-r", "-c", "fsmap -m", dir)
	var list []use
	for line := range strings.Lines(out) {
		f := strings.Split(strings.TrimSpace(line), ",")
		if f[0] == "EXT" {
			continue
		}
		if len(f) != 9 {
			t.Fatalf("fsmap: %q", line)
		}
		u := use{owner: f[5]}
		_, err := fmt.Sscan(f[3], &u.start)
		check(t, err)
		_, err = fmt.Sscan(f[4], &u.end)
		check(t, err)
		if f[6] != "" {
			_, err = fmt.Sscan(f[6], &u.off)
			check(t, err)
		}
		list = addUse(list, u)
	}
	return list
}

// kernelOwner is how xfs_io names an owner.
func kernelOwner(u volume.Use, owners bool) string {
	fixed := map[uint64]string{
		volume.OwnerFree: "special_0:1", format.OwnFS: "special_88:1", format.OwnLog: "special_88:2", format.OwnAG: "special_88:3",
		format.OwnInobt: "special_88:4", format.OwnInodes: "special_88:5", format.OwnRefc: "special_88:6", format.OwnCow: "special_88:7",
	}
	switch {
	case !owners && u.Owner != volume.OwnerFree:
		return "special_0:2"
	case !format.OwnerIsInode(u.Owner):
		return fixed[u.Owner]
	}
	name := fmt.Sprintf("inode_%d_data", u.Owner)
	if u.Attr {
		name = fmt.Sprintf("inode_%d_attr", u.Owner)
	}
	if u.Tree {
		name += "_bmbt"
	}
	return name
}

// compareMaps compares the use of all blocks, and what is counted of them.
func compareMaps(t *testing.T, v *volume.Volume, dir string) {
	g := v.Geo
	var got []use
	var free uint64
	for ag := range format.AGNumber(g.AGCount) {
		var inGroup uint64
		for u, err := range v.Fsmap(ag) {
			if err != nil {
				t.Fatal(err)
			}
			start := uint64(g.AGToDaddr(u.AG, u.Start))
			n := uint64(u.Count) << g.BlockLog >> format.BasicBlockLog
			got = addUse(got, use{start, start + n - 1, kernelOwner(u, v.HasOwners()), uint64(u.Off) << g.BlockLog >> format.BasicBlockLog})
			if u.Owner == volume.OwnerFree {
				inGroup += uint64(u.Count)
			}
		}
		space, err := v.FreeSpace(ag)
		check(t, err)
		agf, err := v.AGF(ag)
		check(t, err)
		if space.Blocks != inGroup || inGroup != uint64(format.AGFFreeBlks.Get(agf)) || space.Longest != format.AGFLongest.Get(agf) {
			t.Errorf("group %d: free by map %d, by tree %d (longest %d), by header %d (longest %d)",
				ag, inGroup, space.Blocks, space.Longest, format.AGFFreeBlks.Get(agf), format.AGFLongest.Get(agf))
		}
		free += space.Blocks + space.Reserve + uint64(format.AGFBtreeBlks.Get(agf))
	}
	if s := v.Statfs(); s.Free != free {
		t.Errorf("%d free blocks by the superblock, %d by the groups", s.Free, free)
	}
	want := kernelMap(t, dir)
	for i := range max(len(want), len(got)) {
		if i >= len(want) || i >= len(got) || want[i] != got[i] {
			t.Errorf("map: %d ranges, want %d; from the first that differs: got %v, want %v", len(got), len(want), got[i:min(i+3, len(got))], want[i:min(i+3, len(want))])
			return
		}
	}
}
