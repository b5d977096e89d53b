package journal

import (
	"fmt"

	"github.com/cowfs/cowfs/format"
)

// inodeItem is an inode item taken apart.
type inodeItem struct {
	ino        format.Ino
	buf        bufKey // the cluster that the inode lies in
	off        int64  // place of the inode in bytes
	fields     format.LogInodeField
	rdev       uint32
	core       []byte // a format.LogDinode
	data, attr []byte // what there is of the forks
}

// logInode32 is the size in bytes of an inode item's first region as 32-bit writers have it: the
// padding before the inode number is missing.
const (
	logInode32    = 52
	logInodePad   = 12
	logInodePadTo = 16
)

// Bits of the two forks in an item's fields.
const (
	dataForkFields = format.LogInodeDData | format.LogInodeDExt | format.LogInodeDRoot
	attrForkFields = format.LogInodeAData | format.LogInodeAExt | format.LogInodeARoot
)

func (r *replayer) parseInode(item Item) (*inodeItem, error) {
	head, err := item.fixed(logInode32)
	if err != nil {
		return nil, err
	}
	if len(head) < format.LogInode.Size {
		wide := make([]byte, format.LogInode.Size)
		copy(wide, head[:logInodePad])
		copy(wide[logInodePadTo:], head[logInodePad:])
		head = wide
	}
	i := &inodeItem{
		ino: format.LogInodeIno.Get(head), fields: format.LogInodeFields.Get(head), rdev: format.LogInodeRdev.Get(head),
		buf: bufKey{format.LogInodeBlkno.Get(head), int(format.LogInodeLen.Get(head))},
	}
	within := int64(format.LogInodeBOffset.Get(head))
	if i.off = r.g.InoOffset(i.ino); offset(i.buf.at) < 0 || i.off != offset(i.buf.at)+within {
		return nil, format.Corrupt("log item", "ino", i.ino, fmt.Sprintf("the inode at daddr %d, byte %d", i.buf.at, within))
	}
	if i.core, err = item.region(1, format.LogDinode.Size); err != nil {
		return nil, err
	}
	next := 2
	for _, fork := range []struct {
		fields format.LogInodeField
		to     *[]byte
	}{{dataForkFields, &i.data}, {attrForkFields, &i.attr}} {
		if i.fields&fork.fields != 0 && next < len(item.Regions) {
			*fork.to = item.Regions[next]
			next++
		}
	}
	return i, nil
}

// inode replays an inode item.
func (r *replayer) inode(item Item) error {
	i, err := r.parseInode(item)
	if err != nil {
		return err
	}
	if r.cancels.has(i.buf) {
		r.res.Cancelled++
		return nil
	}
	b, err := r.read(i.off, r.g.InodeSize)
	if err != nil {
		return err
	}
	place := r.place(i.off)
	place.Ino = i.ino
	if m := format.DiMagic.Get(b); m != format.DinodeMagic {
		return format.Corrupt("inode", "core.magic", fmt.Sprintf("%#x", m), fmt.Sprintf("%#x", format.DinodeMagic)).At(place)
	}
	if lsn := format.DiLSN.Get(b); !r.touched[i.off].replayed && format.ChecksumOK(b, format.DiCRC) && lsn != ^format.LSN(0) && lsn > r.lsn {
		r.res.Newer++
		r.sawDir(i.ino, b)
	} else {
		r.res.Replayed++
		if err := i.apply(b, r.lsn); err != nil {
			return fmt.Errorf("inode %d: %w", i.ino, err)
		}
		r.sawDir(i.ino, b)
		if err := r.write(i.off, b, format.TypeInode); err != nil {
			return err
		}
	}
	return r.adopt(i, b)
}

// apply changes the inode in b to what the item says.
func (i *inodeItem) apply(b []byte, lsn format.LSN) error {
	if m := (format.LE16[uint16])(format.DiMagic).Get(i.core); m != format.DinodeMagic {
		return format.Corrupt("log item", "core.magic", fmt.Sprintf("%#x", m), fmt.Sprintf("%#x", format.DinodeMagic))
	}
	if ino := (format.LE64[format.Ino])(format.DiIno).Get(i.core); ino != i.ino {
		return format.Corrupt("log item", "v3.inumber", ino, i.ino)
	}
	copyDinode(b, i.core)
	format.DiLSN.Put(b, lsn)
	data, attr := format.Forks(b)
	if i.fields&format.LogInodeDev != 0 {
		format.DevNumber.Put(data, i.rdev)
	}
	for _, f := range []struct {
		name     string
		to, from []byte
		root     bool
	}{
		{"data fork", data, i.data, i.fields&format.LogInodeDRoot != 0},
		{"attribute fork", attr, i.attr, i.fields&format.LogInodeARoot != 0},
	} {
		switch {
		case f.from == nil:
		case f.root:
			if err := copyRoot(f.to, f.from); err != nil {
				return fmt.Errorf("%s: %w", f.name, err)
			}
		case len(f.from) > len(f.to):
			return format.Corrupt("log item", f.name, bytesOf(len(f.from)), bytesOf(len(f.to))+" at most")
		default:
			copy(f.to, f.from)
		}
	}
	return nil
}

// copyRoot makes the root of a fork's tree, as it is in an inode, from what the log has of it: a
// long-format block as large as the root's records need.
func copyRoot(to, from []byte) error {
	if len(from) < format.LongBlock.Size {
		return format.Corrupt("log item", "bmbt", bytesOf(len(from)), bytesOf(format.LongBlock.Size))
	}
	n := int(format.LongNumRecs.Get(from))
	room := (len(from) - format.LongBlock.Size) / (format.BmbtKey.Size + format.LongPtr.Size)
	max := format.RootMaxRecs(len(to))
	if n > room || n > max {
		return format.Corrupt("log item", "bmbt.numrecs", n, fmt.Sprintf("%d at most", min(room, max)))
	}
	format.RootLevel.Put(to, format.LongLevel.Get(from))
	format.RootNumRecs.Put(to, uint16(n))
	keys, ptrs := n*format.BmbtKey.Size, n*format.LongPtr.Size
	copy(to[format.RootBlock.Size:][:keys], from[format.LongBlock.Size:])
	copy(to[format.RootBlock.Size+max*format.BmbtKey.Size:][:ptrs], from[format.LongBlock.Size+room*format.BmbtKey.Size:])
	return nil
}
