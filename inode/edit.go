package inode

import (
	"fmt"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/txn"
)

// Editor is an inode that is open for change in a transaction. It is not used after the
// transaction's end.
type Editor struct {
	Ino format.Ino

	tx     *txn.Tx
	groups *space.Groups
	geo    *format.Geometry
	buf    *txn.Buf
	trees  [2]*btree.Editor // of the forks, by Which; nil until needed
}

// Edit opens an inode that is in use. The error is ErrFree when it is not.
func Edit(tx *txn.Tx, groups *space.Groups, ino format.Ino) (*Editor, error) {
	e, err := edit(tx, groups, ino)
	if err == nil && format.DiMode.Get(e.buf.Data) == 0 {
		return nil, fmt.Errorf("inode %d: %w", ino, ErrFree)
	}
	return e, err
}

// edit opens an inode, used or free.
func edit(tx *txn.Tx, groups *space.Groups, ino format.Ino) (*Editor, error) {
	g := tx.Geo
	if !g.ValidIno(ino) {
		return nil, format.Corrupt("inode", "number", ino, "a number within the volume")
	}
	b, err := tx.Read(g.InoOffset(ino), format.TypeInode, format.InInode(ino))
	if err != nil {
		return nil, err
	}
	return &Editor{Ino: ino, tx: tx, groups: groups, geo: g, buf: b}, nil
}

// Of reports whether the inode is open in a transaction.
func (e *Editor) Of(tx *txn.Tx) bool { return e.tx == tx }

// Raw is the inode's bytes, for reading.
func (e *Editor) Raw() []byte { return e.buf.Data }

// Modify announces that the inode changes, and returns its bytes to be written to. The log
// takes an inode as a whole, so there is no finer way.
func (e *Editor) Modify() []byte { return e.tx.Change(e.buf, 0, len(e.buf.Data)) }

// Mode is the file type and the permissions.
func (e *Editor) Mode() uint16 { return format.DiMode.Get(e.buf.Data) }

// IsDir reports whether the inode is a directory.
func (e *Editor) IsDir() bool { return e.Mode()&format.ModeType == format.ModeDir }

// Size is the size in bytes.
func (e *Editor) Size() uint64 { return format.DiSize.Get(e.buf.Data) }

// SetSize stores the size in bytes.
func (e *Editor) SetSize(n uint64) {
	if e.Size() != n {
		format.DiSize.Put(e.Modify(), n)
	}
}

// Reflink reports whether the file may share blocks with others.
func (e *Editor) Reflink() bool { return format.DiFlags2.Get(e.buf.Data)&format.Flag2Reflink != 0 }

// SetReflink says whether the file may share blocks with others.
func (e *Editor) SetReflink(on bool) {
	if e.Reflink() != on {
		b := e.Modify()
		format.DiFlags2.Put(b, format.DiFlags2.Get(b)^format.Flag2Reflink)
	}
}

// Gen is the inode's generation number.
func (e *Editor) Gen() uint32 { return format.DiGen.Get(e.buf.Data) }

// NLink is the number of names.
func (e *Editor) NLink() uint32 { return format.DiNLink.Get(e.buf.Data) }

// AddLinks changes the number of names.
func (e *Editor) AddLinks(n int) error {
	l := int64(e.NLink()) + int64(n)
	if l < 0 {
		return e.corrupt("nlink", e.NLink(), fmt.Sprintf("at least %d", -n))
	}
	if l > format.MaxLinks {
		return fmt.Errorf("inode %d: %d names are too many", e.Ino, l)
	}
	format.DiNLink.Put(e.Modify(), uint32(l))
	return nil
}

// Times names times of an inode.
type Times uint8

// The times.
const (
	Access Times = 1 << iota
	Modified
	Changed
	Created
)

// Touch sets times to sec and nsec since 1970, and counts the change.
func (e *Editor) Touch(which Times, sec int64, nsec uint32) {
	b := e.Modify()
	t := format.EncodeTime(sec, nsec, format.DiFlags2.Get(b)&format.Flag2Bigtime != 0)
	for i, f := range []format.U64[uint64]{format.DiATime, format.DiMTime, format.DiCTime, format.DiCRTime} {
		if which&(1<<i) != 0 {
			f.Put(b, t)
		}
	}
	format.DiChangeCount.Put(b, format.DiChangeCount.Get(b)+1)
}

// addBlocks counts blocks that the inode's forks gained or lost.
func (e *Editor) addBlocks(n int64) error {
	v := int64(format.DiNBlocks.Get(e.buf.Data)) + n
	if v < 0 {
		return e.corrupt("nblocks", format.DiNBlocks.Get(e.buf.Data), fmt.Sprintf("at least %d", -n))
	}
	format.DiNBlocks.Put(e.Modify(), uint64(v))
	return nil
}

func (e *Editor) corrupt(field string, got, want any) error {
	return format.Corrupt("inode", field, got, want).At(format.InInode(e.Ino))
}
