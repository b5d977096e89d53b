package repair

import (
	"fmt"
	"strings"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/dir"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/txn"
)

// names mends what lies above sound groups and forks: directories, attributes, links.
type names struct {
	*editor
	view device.Device // the volume as it has become
	src  inode.Source
	r    *Result
	// mended are the directories that were written anew: what they miss may be found by parent
	// pointers.
	mended map[format.Ino]bool
}

// rewriteDir writes a damaged directory anew, with all entries that can be found in its blocks.
func (n *names) rewriteDir(ino format.Ino) error {
	i, err := n.src.Read(ino)
	if err != nil {
		return err
	}
	list, parent, err := n.salvageDir(i)
	if err != nil {
		return err
	}
	if err := n.emptyFork(ino, inode.Data); err != nil {
		return err
	}
	err = n.change(ino, func(_ *txn.Tx, ed *inode.Editor) error {
		return n.dirOf(ed).Init(parent)
	})
	if err != nil {
		return err
	}
	for len(list) > 0 {
		some := list[:min(len(list), mapsPerChange)]
		list = list[len(some):]
		err := n.change(ino, func(_ *txn.Tx, ed *inode.Editor) error {
			d := n.dirOf(ed)
			for _, x := range some {
				if err := d.Add(x.Name, x.Ino, x.Type); err != nil {
					return fmt.Errorf("%q: %w", x.Name, err)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	n.mended[ino] = true
	n.r.inode(ino, "write a directory anew", "")
	return nil
}

// salvageDir lists all entries that a directory's blocks hold.
func (n *names) salvageDir(i *inode.Inode) (list []dir.Entry, parent format.Ino, err error) {
	parent = n.src.Geo.RootIno
	f, err := i.Fork(inode.Data)
	if err != nil {
		return nil, 0, err
	}
	s := dirSalvage{names: n, have: map[string]bool{}, parent: parent}
	if f.Local != nil {
		d, err := dir.Open(i)
		if err != nil {
			return nil, 0, err
		}
		for e, err := range d.Entries() {
			if err != nil {
				return nil, 0, err
			}
			s.add(e)
		}
		if p, err := d.Parent(); err == nil && n.src.Geo.ValidIno(p) {
			s.parent = p
		}
		return s.list, s.parent, nil
	}
	g := n.src.Geo
	b := make([]byte, g.DirBlockSize)
	step := format.FileOff(g.DirBlocks())
	end := format.FileOff(format.DirLeafSpace >> g.BlockLog)
	next := format.FileOff(0)
	for m, err := range f.All() {
		if err != nil {
			return nil, 0, err
		}
		for off := max(next, m.Off/step*step); off < min(m.End(), end); off += step {
			next = off + step
			if _, err := f.ReadBlocks(off, b); err != nil {
				n.r.lost(i.Ino, int64(off)<<g.BlockLog, int64(len(b)), "a block of a directory: "+err.Error())
				continue
			}
			s.block(b)
		}
	}
	return s.list, s.parent, nil
}

// dirSalvage gathers the entries of one directory.
type dirSalvage struct {
	*names
	list   []dir.Entry
	have   map[string]bool
	parent format.Ino
}

func (s *dirSalvage) add(e dir.Entry) {
	switch {
	case !s.src.Geo.ValidIno(e.Ino), e.Name == "", strings.ContainsAny(e.Name, "/\x00"):
	case e.Name == "..":
		s.parent = e.Ino
	case e.Name == ".", s.have[e.Name]:
	default:
		s.have[e.Name] = true
		s.list = append(s.list, e)
	}
}

// block takes the entries out of a block, whatever its header says. Each entry tells where it
// lies, so that it is known where to go on behind something that is none.
func (s *dirSalvage) block(b []byte) {
	end := len(b)
	for off := format.DirData.Size; off < end; {
		it, damage := format.NextDirItem(b, off, end)
		if damage != nil {
			off += format.DirAlign
			continue
		}
		if !it.Free {
			s.add(dir.Entry{Name: string(it.Name(b)), Ino: format.DirEntryIno.Get(b[off:]), Type: min(it.FType(b), format.FTWhiteout)})
		}
		off += it.Size
	}
}
