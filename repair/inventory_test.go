package repair

import (
	"context"
	"hash/maphash"
	"os/exec"
	"testing"
	"time"

	"github.com/cowfs/cowfs/attr"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/internal/oracle"
)

// inventory is what an image holds for its users: names, bytes and attributes. Files are known by
// the numbers of their inodes, which repairs don't change, so that what was put into lost+found
// counts as saved but for its name.
type inventory struct {
	names map[string]identity
	data  map[dataAt]piece // what is not zero: blocks of files, and targets of symbolic links
	attrs map[attrAt]uint64
}

// identity is what a name leads to.
type identity struct {
	ino format.Ino
	typ uint16
}

type dataAt struct {
	ino format.Ino
	off format.FileOff
}

type piece struct {
	hash uint64
	n    int // bytes
}

type attrAt struct {
	ino   format.Ino
	flags format.AttrFlag
	name  string
}

var inventorySeed = maphash.MakeSeed()

// takeInventory reads all that can be read of an image.
func takeInventory(t testing.TB, dev device.Device) *inventory {
	t.Helper()
	v := &inventory{map[string]identity{}, map[dataAt]piece{}, map[attrAt]uint64{}}
	sb := make([]byte, format.MaxSectorSize)
	if _, err := dev.ReadAt(sb, 0); err != nil {
		t.Fatal(err)
	}
	g, err := format.GeometryOf(sb)
	if err != nil {
		return v // nothing can be read
	}
	src := inode.Source{Geo: g, Dev: dev}
	seen := map[format.Ino]bool{g.RootIno: true}
	v.file(src, g.RootIno)
	type todo struct {
		path string
		ino  format.Ino
	}
	for list := []todo{{"", g.RootIno}}; len(list) > 0; {
		at := list[0]
		list = list[1:]
		for _, e := range entriesOf(src, at.ino) {
			path := at.path + "/" + e.Name
			i, err := src.Read(e.Ino)
			if err != nil {
				continue
			}
			v.names[path] = identity{e.Ino, i.Type()}
			if seen[e.Ino] {
				continue
			}
			seen[e.Ino] = true
			v.file(src, e.Ino)
			if i.IsDir() {
				list = append(list, todo{path, e.Ino})
			}
		}
	}
	return v
}

// file adds the contents and attributes of a file.
func (v *inventory) file(src inode.Source, ino format.Ino) {
	i, err := src.Read(ino)
	if err != nil {
		return
	}
	switch i.Type() {
	case format.ModeLink:
		if target, err := i.Target(); err == nil {
			v.data[dataAt{ino, 0}] = piece{maphash.String(inventorySeed, target), len(target)}
		}
	case format.ModeReg:
		v.blocks(i)
	}
	r, err := attr.Open(i)
	if err != nil {
		return
	}
	for a, err := range r.All() {
		if err != nil {
			return
		}
		if a.Flags&format.AttrParent != 0 {
			continue // a name, which is counted as such
		}
		if value, err := r.Value(a); err == nil {
			v.attrs[attrAt{ino, a.Flags & format.AttrNamespace, string(a.Name)}] = maphash.Bytes(inventorySeed, value)
		}
	}
}

func (v *inventory) blocks(i *inode.Inode) {
	f, err := i.Fork(inode.Data)
	if err != nil {
		return
	}
	g := i.Source().Geo
	b, zero := make([]byte, g.BlockSize), make([]byte, g.BlockSize)
	for m, err := range f.All() {
		if err != nil {
			return
		}
		if m.Unwritten {
			continue
		}
		for k := range m.Count {
			off := m.Off + format.FileOff(k)
			left := i.Size() - int64(off)<<g.BlockLog
			if left <= 0 {
				break
			}
			p := b[:min(left, int64(len(b)))]
			if _, err := i.Source().Dev.ReadAt(p, g.Offset(m.Start+format.FSBlock(k))); err == nil && string(p) != string(zero[:len(p)]) {
				v.data[dataAt{i.Ino, off}] = piece{maphash.Bytes(inventorySeed, p), len(p)}
			}
		}
	}
}

// saving counts what of one inventory is in another.
type saving struct{ Names, Bytes, Attrs int }

func (s *saving) add(o saving) {
	s.Names, s.Bytes, s.Attrs = s.Names+o.Names, s.Bytes+o.Bytes, s.Attrs+o.Attrs
}

// less reports whether s has less of anything.
func (s saving) less(o saving) bool {
	return s.Names < o.Names || s.Bytes < o.Bytes || s.Attrs < o.Attrs
}

func (v *inventory) saved(in *inventory) (s saving) {
	for path, id := range v.names {
		if in.names[path] == id {
			s.Names++
		}
	}
	for at, p := range v.data {
		if in.data[at] == p {
			s.Bytes += p.n
		}
	}
	for at, h := range v.attrs {
		if got, ok := in.attrs[at]; ok && got == h {
			s.Attrs++
		}
	}
	return s
}

// theirLimit is how long xfs_repair may take over an image of 64 MiB. It goes on for ever on some.
const theirLimit = 20 * time.Second

// theirRepair has xfs_repair mend an image in a file. It reports whether it came to an end and said
// that all was well.
func theirRepair(t testing.TB, path string, args ...string) bool {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), theirLimit)
	defer stop()
	cmd := exec.CommandContext(ctx, oracle.Tool(t, "xfs_repair", oracle.Gen7), append(args, "-f", path)...)
	return oracle.RunCmd(t, cmd).Exit == 0
}
