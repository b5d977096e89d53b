package check

import (
	"context"
	"strings"
	"sync"

	"github.com/cowfs/cowfs/format"
)

// maxPathDirs is how deep a directory can be for its path to be told.
const maxPathDirs = 1000

// pathName is a name that was found for an inode.
type pathName struct {
	dir  format.Ino
	name string
}

// addPaths fills in the paths of findings, as far as inodes have one. It goes over all names once
// more.
func (c *checker) addPaths(list []Finding) {
	wanted := c.wantedPaths(list)
	if len(wanted) == 0 || c.stopped() {
		return
	}
	names := make(map[format.Ino]pathName, len(wanted))
	var mu sync.Mutex
	l := &look{
		wants:  func(*file) bool { return false },
		parent: func(*file, []byte, format.Ino, uint32) {},
		entry: func(f *file, _ spot, name []byte, ino format.Ino, _ format.FType) {
			if !wanted[ino] {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			// Of several names take the same one in each run.
			n := pathName{f.ino, string(name)}
			if have, ok := names[ino]; !ok || n.dir < have.dir || n.dir == have.dir && n.name < have.name {
				names[ino] = n
			}
		},
	}
	units := c.chunkUnits()
	for i, u := range units {
		units[i] = l.again(u)
	}
	c.stage(context.Background(), "paths", units)
	for i := range list {
		if ino := list[i].Place.Ino; ino != format.NullIno {
			list[i].Path = c.pathOf(ino, names)
		}
	}
}

// wantedPaths are the inodes that findings are about, and all directories that have, or may have,
// names in which these are found.
func (c *checker) wantedPaths(list []Finding) map[format.Ino]bool {
	wanted := map[format.Ino]bool{}
	for i := range list {
		ino := list[i].Place.Ino
		if ino == format.NullIno {
			continue
		}
		if _, ok := c.inodes.spotOf(c.geo, ino); ok {
			wanted[ino] = true
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	// Where a file has its name is not known yet, so that all directories may be on the way.
	for i := range c.inodes.dirs {
		wanted[c.inodes.dirs[i].ino] = true
	}
	return wanted
}

// pathOf puts a path together; it is empty when the inode has none.
func (c *checker) pathOf(ino format.Ino, names map[format.Ino]pathName) string {
	if ino == c.geo.RootIno {
		return "/"
	}
	var parts []string
	for range maxPathDirs {
		n, ok := names[ino]
		if !ok {
			return ""
		}
		parts = append(parts, n.name)
		if ino = n.dir; ino == c.geo.RootIno {
			var b strings.Builder
			for i := range parts {
				b.WriteByte('/')
				b.WriteString(parts[len(parts)-1-i])
			}
			return b.String()
		}
	}
	return ""
}
