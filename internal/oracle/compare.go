package oracle

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// CompareOptions say what two trees may differ in; the zero value allows nothing.
type CompareOptions struct {
	AnyMtime bool // for all nodes
	AnyOwner bool
	AnyRoot  bool // everything about the root directory itself but its entries
	AnyXattr func(name string) bool
	AnyHoles bool // contents are compared all the same
	// Mtime converts a wanted time to what the image can hold, e.g. without bigtime.
	Mtime func(time.Time) time.Time
}

// Equal fails the test if the trees differ, with the first differences.
func Equal(t testing.TB, want, got *Tree, o CompareOptions) {
	t.Helper()
	if diff := Compare(want, got, o); len(diff) > 0 {
		t.Errorf("the trees differ (%d names wanted, %d there):\n%s", want.Count(), got.Count(), firstLines(diff))
	}
}

// Compare returns the differences of two trees, a line each, in the order of the paths.
// Beside what differs from want it reports what is wrong with got itself: link counts that
// do not match the names.
func Compare(want, got *Tree, o CompareOptions) []string {
	c := comparer{CompareOptions: o, block: max(want.BlockSize, got.BlockSize)}
	paths := slices.Collect(maps.Keys(want.Nodes))
	for p := range got.Nodes {
		if want.Nodes[p] == nil {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	for _, p := range paths {
		c.path = p
		switch w, g := want.Nodes[p], got.Nodes[p]; {
		case w == nil:
			c.add("is there, but should not be")
		case g == nil:
			c.add("is missing")
		default:
			c.node(w, g)
		}
	}
	return c.out
}

type comparer struct {
	CompareOptions
	block int64
	path  string
	out   []string
}

func (c *comparer) add(format string, args ...any) {
	c.out = append(c.out, fmt.Sprintf("%q: ", c.path)+fmt.Sprintf(format, args...))
}

func (c *comparer) differ(what string, want, got any) {
	if want != got {
		c.add("%s: want %v, got %v", what, want, got)
	}
}

func (c *comparer) node(w, g *Node) {
	c.links(w, g)
	if c.AnyRoot && c.path == "." {
		return
	}
	if w.Mode != g.Mode {
		c.differ("mode", showMode(w.Mode), showMode(g.Mode))
		if (w.Mode^g.Mode)&unix.S_IFMT != 0 {
			return // the rest would only repeat it
		}
	}
	if !c.AnyOwner {
		c.differ("owner", fmt.Sprintf("%d:%d", w.UID, w.GID), fmt.Sprintf("%d:%d", g.UID, g.GID))
	}
	if !c.AnyMtime {
		want := w.Mtime
		if c.Mtime != nil {
			want = c.Mtime(want)
		}
		c.differ("mtime", want.UTC(), g.Mtime)
	}
	c.differ("size", w.Size, g.Size)
	c.differ("device", w.Rdev, g.Rdev)
	c.differ("contents", w.Hash, g.Hash)
	c.differ("target", w.Target, g.Target)
	c.xattrs(w, g)
	if w.isRegular() && !c.AnyHoles {
		c.holes(w, g)
	}
}

func (c *comparer) links(w, g *Node) {
	if g.isDir() {
		c.differ("link count", g.Subdirs+2, g.Nlink)
		return
	}
	c.differ("first name of the same inode", w.First, g.First)
	c.differ("link count", g.Names, g.Nlink)
}

func (c *comparer) xattrs(w, g *Node) {
	any := c.AnyXattr
	if any == nil {
		any = func(string) bool { return false }
	}
	for _, name := range slices.Sorted(maps.Keys(w.Xattrs)) {
		if any(name) {
			continue
		}
		if got, ok := g.Xattrs[name]; !ok {
			c.add("attribute %q is missing", name)
		} else if got != w.Xattrs[name] {
			c.add("attribute %q: want %.80q, got %.80q", name, w.Xattrs[name], got)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(g.Xattrs)) {
		if _, ok := w.Xattrs[name]; !ok && !any(name) {
			c.add("attribute %q should not be there", name)
		}
	}
}

// holes checks that each whole block that is a hole in want is one in got, and that
// unwritten ranges are the same up to a block. More holes than wanted are allowed: what a
// reader sees has been compared already.
func (c *comparer) holes(w, g *Node) {
	at := int64(0)
	for _, s := range append(slices.Clone(w.Data), Segment{w.Size, w.Size}) {
		hole := Segment{(at + c.block - 1) / c.block * c.block, s.Start / c.block * c.block}
		at = s.End
		i := sort.Search(len(g.Data), func(i int) bool { return g.Data[i].End > hole.Start })
		if i < len(g.Data) && g.Data[i].Start < hole.End && hole.Start < hole.End {
			c.add("data at %v in what should be a hole %v", g.Data[i], hole)
			break
		}
	}
	want, got := within(w.Unwrit, w.Size), within(g.Unwrit, g.Size)
	if len(want) != len(got) {
		c.add("unwritten: want %v, got %v", want, got)
		return
	}
	for i, s := range want {
		if abs(s.Start-got[i].Start) >= c.block || abs(s.End-got[i].End) >= c.block {
			c.add("unwritten range %d: want %v, got %v", i, s, got[i])
			return
		}
	}
}

// within cuts off what lies beyond a file's end: blocks reserved there are no content.
func within(segments []Segment, size int64) []Segment {
	var out []Segment
	for _, s := range segments {
		if s.Start < size {
			out = append(out, Segment{s.Start, min(s.End, size)})
		}
	}
	return out
}

func abs(n int64) int64 { return max(n, -n) }
