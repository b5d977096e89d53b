package inode

import (
	"bytes"

	"github.com/cowfs/cowfs/format"
)

// attrRoom is the number of bytes that the attribute fork needs to hold n bytes in the inode.
func attrRoom(n int) int { return max(roundUp8(n), minAttrRoom) }

// dataNeed is the number of bytes that the data fork can't do without.
func (e *Editor) dataNeed() int {
	switch f := e.Fork(Data); f.Format() {
	case format.FmtDev:
		return 8
	case format.FmtLocal:
		if n := roundUp8(int(e.Size())); !e.IsDir() || n > minDataRoom {
			return n
		} // a directory may come to need blocks
	case format.FmtExtents:
		return max(int(f.Extents())*format.BmbtRec.Size, minDataRoom)
	}
	return minDataRoom
}

// attrNeed is the number of bytes that the attribute fork can't do without, 0 when there is none.
func (e *Editor) attrNeed() int {
	_, attr := format.Forks(e.buf.Data)
	switch {
	case len(attr) == 0:
		return 0
	case e.Fork(Attr).Format() == format.FmtLocal:
		return attrRoom(int(format.AttrSFTotSize.Get(attr)))
	case e.Fork(Attr).Format() == format.FmtExtents:
		return attrRoom(int(e.Fork(Attr).Extents()) * format.BmbtRec.Size)
	}
	return minAttrRoom
}

// DataRoom is the number of bytes that the data fork can have in the inode.
func (e *Editor) DataRoom() int { return e.geo.LiteralSize() - e.attrNeed() }

// MakeAttrRoom divides the inode so that the attribute fork has n bytes or more. It reports
// false, and changes nothing, when the data fork needs the room.
func (e *Editor) MakeAttrRoom(n int) (bool, error) {
	_, attr := format.Forks(e.buf.Data)
	if len(attr) >= n {
		return true, nil
	}
	room := e.geo.LiteralSize() - attrRoom(n)
	if e.Fork(Data).Format() == format.FmtDev {
		room = 8
		if e.geo.LiteralSize()-room < n {
			return false, nil
		}
	}
	if room < e.dataNeed() {
		return false, nil
	}
	return true, e.divide(room)
}

// MakeDataRoom divides the inode so that the data fork has n bytes or more, no more than
// DataRoom says.
func (e *Editor) MakeDataRoom(n int) error {
	data, _ := format.Forks(e.buf.Data)
	if len(data) >= n {
		return nil
	}
	return e.divide(e.DataRoom())
}

// divide gives the data fork room bytes; 0 attribute bytes take the attribute fork away.
func (e *Editor) divide(room int) error {
	b := e.Modify()
	lit := b[format.Dinode.Size:]
	_, attr := format.Forks(b)
	keep := bytes.Clone(attr)
	hadAttr := len(attr) > 0
	attrTree := hadAttr && e.Fork(Attr).Format() == format.FmtBtree
	if f := e.Fork(Data); f.Format() == format.FmtBtree {
		// The root must not reach into the attribute fork while it moves.
		if err := f.tree().Resize(lit[:room]); err != nil {
			return err
		}
	}
	clear(lit[room:])
	copy(lit[room:], keep[:min(len(keep), len(lit)-room)])
	off := room / 8
	if room == len(lit) {
		off = 0
	}
	format.DiForkOff.Put(b, uint8(off))
	if attrTree { // pointers lie in another place when the root has another size
		t := e.Fork(Attr).tree()
		t.Fork = keep
		if err := t.Resize(lit[room:]); err != nil {
			return err
		}
	}
	if !hadAttr || off == 0 {
		format.DiAFormat.Put(b, format.FmtExtents)
	}
	if err := e.Fork(Data).settle(); err != nil || off == 0 {
		return err
	}
	return e.Fork(Attr).settle()
}
