package inode

import (
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/txn"
)

// Each group has lists of inodes that have no names and still hold blocks: what a crash must not
// leave behind. An inode is on the list of its number modulo format.AGIBuckets.

// Unlinked is the first inode of a group's list, NullAGIno when the list is empty.
func (a *Allocator) Unlinked(tx *txn.Tx, no format.AGNumber, bucket int) (format.AGIno, error) {
	g, err := a.group(tx, no)
	if err != nil {
		return 0, err
	}
	return format.AGIUnlinked.At(bucket).Get(g.agi.Data), nil
}

// SetUnlinked makes an inode the first of a group's list.
func (a *Allocator) SetUnlinked(tx *txn.Tx, no format.AGNumber, bucket int, i format.AGIno) error {
	g, err := a.group(tx, no)
	if err != nil {
		return err
	}
	slot := format.AGIUnlinked.At(bucket)
	slot.Put(tx.Change(g.agi, int(slot), 4), i)
	return nil
}

// Orphan puts an inode without names on its list, and Adopt takes it off again. It has to be
// the only one there: ok is false when the list has another already.
func (a *Allocator) Orphan(tx *txn.Tx, ino format.Ino) (ok bool, err error) {
	no, i := a.geo.SplitIno(ino)
	bucket := int(i % format.AGIBuckets)
	first, err := a.Unlinked(tx, no, bucket)
	if err != nil || first != format.NullAGIno {
		return false, err
	}
	return true, a.SetUnlinked(tx, no, bucket, i)
}

// Adopt takes an inode that Orphan has put on its list off it.
func (a *Allocator) Adopt(tx *txn.Tx, ino format.Ino) error {
	no, i := a.geo.SplitIno(ino)
	bucket := int(i % format.AGIBuckets)
	first, err := a.Unlinked(tx, no, bucket)
	switch {
	case err != nil:
		return err
	case first != i:
		return format.Corrupt("agi", "unlinked", first, i).At(format.InGroup(no))
	}
	return a.SetUnlinked(tx, no, bucket, format.NullAGIno)
}
