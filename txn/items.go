package txn

import (
	"cmp"
	"slices"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/journal"
)

// Item is one item of a checkpoint.
type Item = journal.Item

// items builds the log items of a checkpoint. Regions point into buffers, which must not change
// until they are written.
func (s *Store) items(c *checkpoint) []Item {
	out := make([]Item, 0, len(c.bufs)+len(c.chunks)+len(c.cancels))
	out = append(out, c.notes...)
	for _, k := range c.chunks {
		out = append(out, journal.ChunkItem(s.Geo, k.AG, k.Start, k.Blocks, k.Gen))
	}
	for _, b := range c.bufs {
		switch {
		case b.dirty == nil || b.dirty.Empty(): // given up; or free in a new chunk
		case b.Type == format.TypeInode:
			out = append(out, journal.InodeItem(s.Geo, b.Data, journal.CoreAndForks))
		case b.pieces != nil:
			out = b.pieceItems(out)
		default:
			out = append(out, journal.BufferItem(daddr(b.Off), b.Data, b.dirty, b.flags()))
		}
	}
	keys := make([]run, 0, len(c.cancels))
	for k := range c.cancels {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b run) int { return cmp.Or(cmp.Compare(a.off, b.off), cmp.Compare(a.n, b.n)) })
	for _, k := range keys {
		out = append(out, journal.CancelItem(daddr(k.off), int(k.n), c.cancels[k]))
	}
	return out
}

func daddr(off int64) format.Daddr { return format.Daddr(off >> format.BasicBlockLog) }

// flags are those of the buffer's items.
func (b *Buf) flags() format.LogBufFlag {
	if b.pieces != nil {
		return pieceFlags
	}
	return format.LogBufFlag(0).WithType(logTypes[b.Type])
}

// logTypes are the buffer types of the log.
var logTypes = map[*format.BlockType]format.LogBufType{
	format.TypeSuperblock: format.LogBufTypeSuperblock,
	format.TypeAGF:        format.LogBufTypeAGF, format.TypeAGI: format.LogBufTypeAGI, format.TypeAGFL: format.LogBufTypeAGFL,
	format.TypeBnobt: format.LogBufTypeBtree, format.TypeCntbt: format.LogBufTypeBtree,
	format.TypeInobt: format.LogBufTypeBtree, format.TypeFinobt: format.LogBufTypeBtree,
	format.TypeRmapbt: format.LogBufTypeBtree, format.TypeRefcount: format.LogBufTypeBtree, format.TypeBmbt: format.LogBufTypeBtree,
	format.TypeInode:    format.LogBufTypeDinode,
	format.TypeDirBlock: format.LogBufTypeDirBlock, format.TypeDirData: format.LogBufTypeDirData,
	format.TypeDirFree: format.LogBufTypeDirFree, format.TypeDirLeaf1: format.LogBufTypeDirLeaf1,
	format.TypeDirLeafN: format.LogBufTypeDirLeafN, format.TypeDirNode: format.LogBufTypeDaNode,
	format.TypeAttrNode: format.LogBufTypeDaNode, format.TypeAttrLeaf: format.LogBufTypeAttrLeaf,
	format.TypeAttrRmt: format.LogBufTypeAttrRmt, format.TypeSymlink: format.LogBufTypeSymlink,
}
