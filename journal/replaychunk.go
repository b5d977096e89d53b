package journal

import (
	"fmt"

	"github.com/cowfs/cowfs/format"
)

// clusterBytes is the size of the buffers that inodes are read and freed in, for inodes of
// clusterInode bytes; larger inodes have larger ones. It is at least a block.
const (
	clusterBytes = 8192
	clusterInode = 256
)

// chunk replays the making of a chunk of inodes, or of a part of one: all of them free.
func (r *replayer) chunk(item Item) error {
	b, err := item.fixed(format.LogICreate.Size)
	if err != nil {
		return err
	}
	ag, first := format.LogICreateAG.Get(b), format.LogICreateAGBno.Get(b)
	count, length := format.LogICreateCount.Get(b), format.LogICreateLength.Get(b)
	if size := format.LogICreateISize.Get(b); int64(size) != int64(r.g.InodeSize) {
		return format.Corrupt("log item", "isize", size, r.g.InodeSize)
	}
	whole := uint32(r.g.ChunkBlocks())
	if length != whole && (length != r.g.SpInoAlign || length == 0) {
		return format.Corrupt("log item", "length", length, fmt.Sprintf("%d or %d blocks", whole, r.g.SpInoAlign))
	}
	if inodes := length << r.g.InoPBLog; count != inodes {
		return format.Corrupt("log item", "count", count, inodes)
	}
	if uint32(ag) >= r.g.AGCount || !r.g.ValidFSB(r.g.FSB(ag, first), uint64(length)) || uint32(first) >= r.g.AGBlocks {
		return format.Corrupt("log item", "agbno", fmt.Sprintf("block %d of group %d", first, ag), "a block of the volume")
	}
	if r.chunkCancelled(ag, first, length) {
		r.res.Cancelled++
		return nil
	}
	r.res.Replayed++
	start := r.g.Ino(ag, format.AGIno(first)<<r.g.InoPBLog)
	gen := format.LogICreateGen.Get(b)
	most, end := format.Ino(maxBuffer/r.g.InodeSize), start+format.Ino(count)
	for ino := start; ino < end; ino += most {
		if err := r.freeInodes(ino, min(most, end-ino), gen); err != nil {
			return err
		}
	}
	return nil
}

// freeInodes writes n inodes that are free, which fit into a buffer together.
func (r *replayer) freeInodes(first, n format.Ino, gen uint32) error {
	off, size := r.g.InoOffset(first), r.g.InodeSize
	b := r.scratch[:int(n)*size]
	clear(b)
	for i := range n {
		inode := b[int(i)*size:]
		format.DiMagic.Put(inode, format.DinodeMagic)
		format.DiVersion.Put(inode, format.DinodeVersion)
		format.DiGen.Put(inode, gen)
		format.DiNextUnlinked.Put(inode, format.NullAGIno)
		format.DiUUID.Put(inode, r.g.MetaUUID)
		format.DiIno.Put(inode, first+i)
		r.touched[off+int64(i)*int64(size)] = object{n: size, typ: format.TypeInode, replayed: true}
	}
	return r.put(off, b)
}

// chunkCancelled reports whether the chunk was freed again: that frees the buffers, which are
// called clusters, that it consists of.
func (r *replayer) chunkCancelled(ag format.AGNumber, first format.AGBlock, length uint32) bool {
	blocks := clusterBlocks(r.g)
	n := int(blocks) << r.g.BlockLog >> format.BasicBlockLog
	for done := uint32(0); done < length; done += blocks {
		if r.cancels.has(bufKey{r.g.AGToDaddr(ag, first+format.AGBlock(done)), n}) {
			return true
		}
	}
	return false
}

// dquot replays an item for a quota record.
func (r *replayer) dquot(item Item) error {
	b, err := item.fixed(format.LogDquot.Size)
	if err != nil {
		return err
	}
	rec, err := item.region(1, format.DquotLogSize)
	if err != nil {
		return err
	}
	at, within := format.LogDquotBlkno.Get(b), format.LogDquotBOffset.Get(b)
	size := uint64(format.LogDquotLen.Get(b)) << format.BasicBlockLog
	if size > maxBuffer || uint64(within)+uint64(format.Dquot.Size) > size {
		return format.Corrupt("log item", "boffset", within, fmt.Sprintf("a record within a buffer of %d bytes", size))
	}
	if m := format.DquotMagicNum.Get(rec); m != format.DquotMagic {
		return format.Corrupt("log item", "diskdq.magic", fmt.Sprintf("%#x", m), fmt.Sprintf("%#x", format.DquotMagic))
	}
	if format.DquotTypeMask.Get(rec)&r.noQuota != 0 {
		r.res.Cancelled++
		return nil
	}
	off := offset(at)
	if off >= 0 {
		off += int64(within)
	}
	disk, err := r.read(off, format.Dquot.Size)
	if err != nil {
		return err
	}
	if !r.touched[off].replayed && format.ChecksumOK(disk, format.DquotCRC) && !older(format.DquotLSN.Get(disk), r.lsn) {
		r.res.Newer++
		return nil
	}
	r.res.Replayed++
	copy(disk, rec)
	format.DquotLSN.Put(disk, r.lsn)
	return r.write(off, disk, format.TypeDquot)
}
