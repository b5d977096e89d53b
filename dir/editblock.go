package dir

import (
	"fmt"
	"slices"
	"sort"

	"github.com/cowfs/cowfs/dabtree"
	"github.com/cowfs/cowfs/format"
)

func (e *Editor) findBlock(name string) (*place, error) {
	b, err := e.Fork.Read(0, format.TypeDirBlock)
	if err != nil {
		return nil, err
	}
	p := &dataBlock{b: b.Data, end: dataEnd(b)}
	x := index(b.Data[p.end : len(b.Data)-format.DirBlockTail.Size])
	h := format.DirHash(e.Geo, name)
	for i := sort.Search(x.len(), func(i int) bool { return x.hash(i) >= h }); i < x.len() && x.hash(i) == h; i++ {
		if x.address(i) == 0 {
			continue // stale
		}
		_, at := e.split(x.address(i))
		if !p.starts(at) {
			return nil, e.corrupt(b, "address", x.address(i), "that of an entry")
		}
		if e.same(p.entry(at).name, name) {
			return &place{at: at, data: b}, nil
		}
	}
	return nil, fmt.Errorf("%q: %w", name, ErrNotExist)
}

// addBlock adds a name in block form. There are few enough entries to write all of them anew.
func (e *Editor) addBlock(n Entry) error {
	list, parent, err := e.list()
	if err != nil {
		return err
	}
	return e.rebuild(append(list, n), parent)
}

func (e *Editor) removeBlock(name string) error {
	list, parent, err := e.list()
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(n Entry) bool { return e.same([]byte(n.Name), name) })
	return e.rebuild(list, parent)
}

// list gives all entries of a directory that has blocks, in the order of their places, and its
// parent.
func (e *Editor) list() (list []Entry, parent format.Ino, err error) {
	types := []*format.BlockType{format.TypeDirData, format.TypeDirBlock}
	for off := format.FileOff(0); ; off += 1 << e.Geo.DirBlkLog {
		at, ok, err := e.Fork.Mapped(off)
		if err != nil {
			return nil, 0, err
		}
		if !ok || at >= leafOff(e.Geo) {
			return list, parent, nil
		}
		off = at
		b, err := e.Fork.Read(off, types...)
		if err != nil {
			return nil, 0, err
		}
		p := &dataBlock{b: b.Data, end: dataEnd(b)}
		p.each(func(r rawEntry) bool {
			switch string(r.name) {
			case ".":
			case "..":
				parent = r.ino
			default:
				list = append(list, Entry{string(r.name), r.ino, r.ftype})
			}
			return true
		})
	}
}

// rebuild writes a whole directory anew, in the smallest form.
func (e *Editor) rebuild(list []Entry, parent format.Ino) error {
	was, err := e.form()
	if err != nil {
		return err
	}
	z := NewSizer(e.Geo)
	for i := range list {
		z.Add(len(list[i].Name))
	}
	shape := z.Shape(0, 8)
	local := ShortBytes(list, parent)
	short := len(local) <= e.Fork.Room() && len(list) <= maxShort
	if was != Short && (short || was != Block || shape.Form != Block) {
		if err := e.freeAll(); err != nil {
			return err
		}
	}
	if short {
		e.Fork.SetSize(uint64(len(local)))
		return e.Fork.SetLocal(local)
	}
	if was == Short {
		e.Fork.SetBlocks()
	}
	return e.write(list, parent, shape)
}

// write builds a directory of a shape. Blocks that are there already get the bytes that differ.
func (e *Editor) write(list []Entry, parent format.Ino, shape Shape) error {
	b := Builder{
		Geo: e.Geo, Ino: e.Ino, Parent: parent, Shape: shape,
		Daddr: func(format.FileOff) format.Daddr { return 0 },
		Write: e.put,
	}
	e.Fork.SetSize(shape.Bytes(e.Geo))
	b.Start(len(list))
	for i := range list {
		if err := b.Add(list[i].Name, list[i].Ino, list[i].Type); err != nil {
			return err
		}
	}
	return b.Finish()
}

// put stores a block that Builder has made, without its address.
func (e *Editor) put(off format.FileOff, p []byte) error {
	t := format.Detect(e.Geo, p)
	at, ok, err := e.Fork.Mapped(off)
	if err != nil {
		return err
	}
	if ok && at == off {
		b, err := e.Fork.Read(off, t)
		if err != nil {
			return err
		}
		t.Bno.Put(p, t.Bno.Get(b.Data))
		t.LSN.Put(p, t.LSN.Get(b.Data))
		t.CRC.Put(p, t.CRC.Get(b.Data))
		dabtree.Rewrite(e.Fork, b, p)
		return nil
	}
	b, err := e.Fork.New(off, t)
	if err != nil {
		return err
	}
	copy(b.Data, p)
	t.Bno.Put(b.Data, format.Daddr(b.Off>>format.BasicBlockLog))
	return nil
}

// freeAll takes all blocks away from the fork.
func (e *Editor) freeAll() error {
	for off := format.FileOff(0); ; {
		at, ok, err := e.Fork.Mapped(off)
		if err != nil || !ok {
			return err
		}
		if err := e.Fork.Free(at); err != nil {
			return err
		}
		off = at + 1<<e.Geo.DirBlkLog
	}
}
