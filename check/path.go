package check

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/cowfs/cowfs/format"
)

// maxPathDirs is how deep a directory can be for its path to be told.
const maxPathDirs = 1000

// paths finds names for the inodes that findings are about, and for the directories on the way.
type paths struct {
	c      *checker
	wanted map[format.Ino]bool // not changed while names are looked at

	mu    sync.Mutex
	names map[format.Ino]pathName
}

// pathName is a name that was found for an inode.
type pathName struct {
	dir  format.Ino
	name string
}

// addPaths fills in the paths of findings, as far as inodes have one. It goes over all names once
// more.
func (c *checker) addPaths(list []Finding) {
	p := &paths{c: c, wanted: map[format.Ino]bool{}, names: map[format.Ino]pathName{}}
	for i := range list {
		if _, ok := c.inodes.spotOf(c.geo, list[i].Place.Ino); ok {
			p.wanted[list[i].Place.Ino] = true
		}
	}
	if len(p.wanted) == 0 || c.stopped() {
		return
	}
	p.look(c.chunkUnits())
	p.look(p.directoryUnits())
	for i := range list {
		if p.wanted[list[i].Place.Ino] {
			list[i].Path = p.of(list[i].Place.Ino)
		}
	}
}

// look has units look at names.
func (p *paths) look(units []unit) {
	l := &look{
		wants:  func(*file) bool { return false },
		parent: func(*file, []byte, format.Ino, uint32) {},
		entry: func(f *file, _ spot, name []byte, ino format.Ino, _ format.FType) {
			if p.wanted[ino] {
				p.add(ino, pathName{f.ino, string(name)})
			}
		},
	}
	for i, u := range units {
		units[i] = l.again(u)
	}
	p.c.stage(context.Background(), "paths", units)
}

// add takes a name for an inode: for a directory the one that its .. agrees with, else of several
// the same one in each run.
func (p *paths) add(ino format.Ino, n pathName) {
	if up, ok := p.c.inodes.parentOf(ino); ok && up != n.dir {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if have, ok := p.names[ino]; !ok || n.dir < have.dir || n.dir == have.dir && n.name < have.name {
		p.names[ino] = n
	}
}

// parentOf is the directory that another directory has its name in.
func (m *inodes) parentOf(ino format.Ino) (up format.Ino, ok bool) {
	i := m.dirIndex(ino)
	if i == noDir || len(m.up) == 0 || m.up[i] == noDir {
		return 0, false
	}
	return m.dirs[m.up[i]].ino, true
}

// directoryUnits want names for all directories above those in which names were found. The units
// look at where these are.
func (p *paths) directoryUnits() (units []unit) {
	seen := map[format.Ino]bool{}
	var list []format.Ino
	for _, n := range p.names {
		ino := n.dir
		for range maxPathDirs {
			up, ok := p.c.inodes.parentOf(ino)
			if !ok || p.wanted[ino] && seen[up] {
				break
			}
			p.wanted[ino] = true
			if !seen[up] {
				seen[up] = true
				list = append(list, up)
			}
			ino = up
		}
	}
	slices.Sort(list)
	for part := range slices.Chunk(list, 100) {
		units = append(units, func(w *worker) {
			raw := make([]byte, w.geo.InodeSize)
			for _, ino := range part {
				if s, ok := w.inodes.spotOf(w.geo, ino); ok && w.read(raw, w.geo.InoOffset(ino), InInode(ino)) {
					w.inode(ino, s, raw)
				}
			}
		})
	}
	return units
}

// of puts a path together; it is empty when the inode has none.
func (p *paths) of(ino format.Ino) string {
	if ino == p.c.geo.RootIno {
		return "/"
	}
	var parts []string
	for range maxPathDirs {
		n, ok := p.names[ino]
		if !ok {
			return ""
		}
		parts = append(parts, n.name)
		if ino = n.dir; ino == p.c.geo.RootIno {
			slices.Reverse(parts)
			return "/" + strings.Join(parts, "/")
		}
	}
	return ""
}
