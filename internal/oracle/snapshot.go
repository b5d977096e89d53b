package oracle

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// Snapshot reads the whole tree below dir.
func Snapshot(t testing.TB, dir string) *Tree {
	t.Helper()
	return snapshot(t, dir, false)
}

// SnapshotUnwritten is Snapshot that also finds unwritten extents. It makes the filesystem
// allocate what it has delayed, so it is for small trees.
func SnapshotUnwritten(t testing.TB, dir string) *Tree {
	t.Helper()
	return snapshot(t, dir, true)
}

func snapshot(t testing.TB, dir string, unwritten bool) *Tree {
	t.Helper()
	tree, err := readTree(dir, unwritten)
	if err != nil {
		t.Fatalf("read the tree: %v", err)
	}
	return tree
}

func readTree(dir string, unwritten bool) (*Tree, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return nil, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	paths, err := listTree(dir)
	if err != nil {
		return nil, err
	}
	nodes := make([]*Node, len(paths))
	inodes := make([]inodeID, len(paths))
	var next atomic.Int64
	var group errgroup.Group
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() error {
			r := nodeReader{buf: make([]byte, hashChunk), unwritten: unwritten}
			for {
				i := int(next.Add(1) - 1)
				if i >= len(paths) {
					return nil
				}
				var err error
				if nodes[i], inodes[i], err = r.read(filepath.Join(dir, paths[i])); err != nil {
					return err
				}
			}
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return joinLinks(paths, nodes, inodes, fs.Bsize), nil
}

// listTree returns the paths of all names below dir, "." first, sorted.
func listTree(dir string) ([]string, error) {
	paths := []string{"."}
	for pending := []string{"."}; len(pending) > 0; {
		rel := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		f, err := os.Open(filepath.Join(dir, rel))
		if err != nil {
			return nil, err
		}
		entries, err := f.ReadDir(-1)
		f.Close()
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			p := path.Join(rel, e.Name())
			paths = append(paths, p)
			if e.IsDir() {
				pending = append(pending, p)
			}
		}
	}
	slices.Sort(paths)
	return paths, nil
}

type inodeID struct{ dev, ino uint64 }

// joinLinks makes the names of one inode share a node and counts names and subdirectories.
func joinLinks(paths []string, nodes []*Node, inodes []inodeID, blockSize int64) *Tree {
	t := &Tree{BlockSize: blockSize, Nodes: make(map[string]*Node, len(paths))}
	byInode := make(map[inodeID]*Node)
	for i, p := range paths {
		n := nodes[i]
		if first := byInode[inodes[i]]; first != nil {
			n = first
		} else {
			n.First = p
			if n.Nlink > 1 && !n.isDir() {
				byInode[inodes[i]] = n
			}
		}
		n.Names++
		t.Nodes[p] = n
		if n.isDir() && p != "." {
			t.Nodes[path.Dir(p)].Subdirs++ // sorted: the parent is there already
		}
	}
	return t
}

// nodeReader reads inodes; it owns the buffers for that.
type nodeReader struct {
	buf       []byte // hashChunk bytes
	unwritten bool
}

func (r *nodeReader) read(p string) (*Node, inodeID, error) {
	var st unix.Stat_t
	if err := unix.Lstat(p, &st); err != nil {
		return nil, inodeID{}, &os.PathError{Op: "lstat", Path: p, Err: err}
	}
	n := &Node{
		Mode: st.Mode, UID: st.Uid, GID: st.Gid, Nlink: uint32(st.Nlink),
		Mtime: time.Unix(st.Mtim.Unix()).UTC(),
	}
	var err error
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		n.Size = st.Size
		err = r.readFile(p, n)
	case unix.S_IFLNK:
		n.Size = st.Size
		n.Target, err = os.Readlink(p)
	case unix.S_IFCHR, unix.S_IFBLK:
		n.Rdev = st.Rdev
	}
	if err == nil {
		n.Xattrs, err = r.readXattrs(p)
	}
	return n, inodeID{uint64(st.Dev), st.Ino}, err
}

// readXattrs returns all extended attributes, long values as a hash.
func (r *nodeReader) readXattrs(p string) (map[string]string, error) {
	n, err := unix.Llistxattr(p, r.buf)
	if err != nil {
		return nil, &os.PathError{Op: "llistxattr", Path: p, Err: err}
	}
	if n == 0 {
		return nil, nil
	}
	attrs := make(map[string]string)
	for name := range strings.SplitSeq(strings.TrimSuffix(string(r.buf[:n]), "\x00"), "\x00") {
		// How XFS stores an ACL, which it also shows as system.posix_acl_*; and properties of
		// the filesystem itself that mkfs.xfs keeps in the root directory (autofsck).
		if strings.HasPrefix(name, "trusted.SGI_ACL_") || strings.HasPrefix(name, "trusted.xfs:") {
			continue
		}
		n, err := unix.Lgetxattr(p, name, r.buf)
		if err != nil {
			return nil, fmt.Errorf("%s: get attribute %q: %w", p, name, err)
		}
		if n <= longValue {
			attrs[name] = string(r.buf[:n])
		} else {
			attrs[name] = fmt.Sprintf("%d bytes with hash %s", n, hashOf(r.buf[:n]))
		}
	}
	return attrs, nil
}

func (r *nodeReader) readFile(p string, n *Node) error {
	if n.Size == 0 && !r.unwritten {
		return nil
	}
	f, err := os.Open(p)
	if err != nil {
		return err
	}
	defer f.Close()
	if n.Nlink > 1 {
		// Another reader of the file must not find more in memory than what is read here: blocks
		// that were never written are data for the kernel when they are in memory.
		if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_RANDOM); err != nil {
			return &os.PathError{Op: "fadvise", Path: p, Err: err}
		}
	}
	if n.Data, err = dataSegments(f, n.Size); err != nil {
		return err
	}
	if r.unwritten {
		if n.Unwrit, err = unwrittenSegments(f); err != nil {
			return err
		}
	}
	if n.Size > 0 {
		n.Hash, err = hashFile(f, n.Size, n.Data, r.buf)
	}
	return err
}

// dataSegments lists the ranges that are not holes.
func dataSegments(f *os.File, size int64) ([]Segment, error) {
	var out []Segment
	for pos := int64(0); pos < size; {
		start, err := unix.Seek(int(f.Fd()), pos, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			break
		}
		if err != nil {
			return nil, &os.PathError{Op: "seek data", Path: f.Name(), Err: err}
		}
		end, err := unix.Seek(int(f.Fd()), start, unix.SEEK_HOLE)
		if err != nil {
			return nil, &os.PathError{Op: "seek hole", Path: f.Name(), Err: err}
		}
		out = append(out, Segment{start, end})
		pos = end
	}
	return out, nil
}
