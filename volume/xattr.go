package volume

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cowfs/cowfs/attr"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
)

// Attrs opens the extended attributes of an inode as XFS stores them.
func (v *Volume) Attrs(i *inode.Inode) (*attr.Reader, error) { return attr.Open(i) }

// Parent is a name of an inode: the directory and the name there.
type Parent struct {
	Dir  format.Ino
	Gen  uint32 // of the directory
	Name string
	Path string // of the name, from the root
}

// Parents gives the names of an inode by its parent pointers, with their paths. On a volume
// without the feature the error is format.ErrUnsupported.
func (v *Volume) Parents(i *inode.Inode) ([]Parent, error) {
	if !v.Geo.HasParent() {
		return nil, fmt.Errorf("%w: this volume has no parent pointers", format.ErrUnsupported)
	}
	r, err := attr.Open(i)
	if err != nil {
		return nil, err
	}
	var out []Parent
	paths := map[format.Ino]string{v.Geo.RootIno: ""}
	for p, err := range r.Parents() {
		if err != nil {
			return out, err
		}
		dir, err := v.dirPath(p.Dir, p.Gen, paths)
		if err != nil {
			return out, fmt.Errorf("path of directory %d: %w", p.Dir, err)
		}
		out = append(out, Parent{p.Dir, p.Gen, p.Name, dir + "/" + p.Name})
	}
	return out, nil
}

// dirPath is the path of a directory, "" for the root, by parent pointers only. known holds the
// paths of directories that were asked for before.
func (v *Volume) dirPath(ino format.Ino, gen uint32, known map[format.Ino]string) (string, error) {
	var names []string // from the directory up
	seen := map[format.Ino]bool{}
	at := ino
	for {
		if path, ok := known[at]; ok {
			slices.Reverse(names)
			path = strings.Join(append([]string{path}, names...), "/")
			known[ino] = path
			return path, nil
		}
		if seen[at] {
			return "", format.Corrupt("parent pointers", "", "a loop of directories", "a way to the root").At(format.InInode(at))
		}
		seen[at] = true
		i, err := v.used(at, "parent pointer", "inumber", ino)
		if err != nil {
			return "", err
		}
		if i.Gen() != gen {
			return "", format.Corrupt("parent pointer", "gen", gen, i.Gen()).At(format.InInode(at))
		}
		p, err := v.oneParent(i)
		if err != nil {
			return "", err
		}
		names = append(names, p.Name)
		at, gen = p.Dir, p.Gen
	}
}

// oneParent is the parent pointer of a directory.
func (v *Volume) oneParent(i *inode.Inode) (p attr.ParentPointer, err error) {
	r, err := attr.Open(i)
	if err != nil {
		return p, err
	}
	for p, err := range r.Parents() {
		return p, err
	}
	return p, format.Corrupt("parent pointers", "", "none", "one of a directory other than the root").At(format.InInode(i.Ino))
}
