package check

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/cowfs/cowfs/format"
)

// noDir is the place of a directory that is not in the model.
const noDir = -1

// dirIndex finds a directory among those that were read, in order of number.
func (m *inodes) dirIndex(ino format.Ino) int {
	i, ok := slices.BinarySearchFunc(m.dirs, ino, func(d directory, ino format.Ino) int { return cmp.Compare(d.ino, ino) })
	if !ok {
		return noDir
	}
	return i
}

// judgeReach judges whether .. leads back to where each directory has its name, and whether the
// directories hang together. That one has no name or several is judged with the links.
func (w *worker) judgeReach() {
	m := &w.inodes
	slices.SortFunc(m.dirs, func(a, b directory) int { return cmp.Compare(a.ino, b.ino) })
	slices.SortFunc(m.edges, func(a, b edge) int { return cmp.Or(cmp.Compare(a.child, b.child), cmp.Compare(a.dir, b.dir)) })
	m.up = make([]int32, len(m.dirs))
	edges := m.edges
	for i := range m.dirs {
		d := &m.dirs[i]
		for len(edges) > 0 && edges[0].child < d.ino {
			edges = edges[1:]
		}
		n := 0
		for n < len(edges) && edges[n].child == d.ino {
			n++
		}
		m.up[i] = w.judgeParent(d, edges[:n])
	}
	w.judgeLoops()
}

// judgeParent judges what .. of a directory leads to. It returns the place of the directory that
// it has its name in, noDir when there is none.
func (w *worker) judgeParent(d *directory, names []edge) int32 {
	m := &w.inodes
	want := format.NullIno
	switch {
	case d.ino == w.geo.RootIno:
		want, names = d.ino, nil
	case len(names) > 0:
		want = names[0].dir
		for _, e := range names {
			if e.dir == d.parent {
				want = e.dir
			}
		}
	default:
		return noDir // the links tell
	}
	if d.parent != want && d.parent != format.NullIno {
		w.report(Finding{Code: DirParent, Structure: "directory", Field: "..", Place: InInode(d.ino), Got: fmt.Sprint(d.parent), Want: fmt.Sprint(want)})
	}
	if d.ino == w.geo.RootIno {
		return noDir
	}
	return int32(m.dirIndex(want))
}

// judgeLoops finds directories that contain themselves, by going up from each one.
func (w *worker) judgeLoops() {
	m := &w.inodes
	seen := make([]int32, len(m.dirs)) // by which climb, from 1 on
	for i := range m.dirs {
		climb := int32(i + 1)
		at := int32(i)
		for at != noDir && seen[at] == 0 {
			seen[at] = climb
			at = m.up[at]
		}
		if at == noDir || seen[at] != climb {
			continue
		}
		// The climb has come back to where it was: this is a loop, and no other climb found it.
		n, least := 0, at
		for k := at; n == 0 || k != at; k = m.up[k] {
			least = min(least, k)
			n++
		}
		w.report(Finding{
			Code: DirLoop, Structure: "directory", Place: InInode(m.dirs[least].ino),
			Got: fmt.Sprintf("a circle of %d directories", n), Want: "a way to the root",
		})
	}
}
