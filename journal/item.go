package journal

import "github.com/cowfs/cowfs/format"

// maxRegions is the largest number of regions that an item can have: the format structure and
// every second chunk of a buffer.
const maxRegions = format.MaxBlockSize/format.LogBufChunk/2 + 1

// maxBuffer is the size in bytes of the largest buffer that an item can describe.
const maxBuffer = format.MaxBlockSize

// Item is one change of a checkpoint. The first region tells its type and the number of
// regions; format.LogItemOf has its table. Lengths of regions in the log are multiples of 4: the
// last bytes of one may be filling.
type Item struct{ Regions [][]byte }

// Type is the item's type, 0 when it has no regions.
func (i Item) Type() format.LogItemType {
	if len(i.Regions) == 0 || len(i.Regions[0]) < 4 {
		return 0
	}
	return format.LogItemKind.Get(i.Regions[0])
}

// fixed returns the first region if it has at least n bytes.
func (i Item) fixed(n int) ([]byte, error) {
	if len(i.Regions) == 0 || len(i.Regions[0]) < n {
		got := 0
		if len(i.Regions) > 0 {
			got = len(i.Regions[0])
		}
		return nil, format.Corrupt("log item", "", bytesOf(got), bytesOf(n))
	}
	return i.Regions[0], nil
}

// region returns a region if it is there and has at least n bytes; of them the first n.
func (i Item) region(at, n int) ([]byte, error) {
	if at >= len(i.Regions) {
		return nil, format.Corrupt("log item", "size", len(i.Regions), at+1)
	}
	if r := i.Regions[at]; len(r) >= n {
		return r[:n:n], nil
	}
	return nil, format.Corrupt("log item", "", bytesOf(len(i.Regions[at])), bytesOf(n))
}

// class says in which order the items of a checkpoint are replayed: what makes inodes comes
// before what fills them in, unlinked pointers come after the inodes they are in, and what ends
// the life of a buffer comes last.
type class uint8

const (
	classBuffer class = iota // buffers, and new chunks of inodes
	classObject              // inodes, quota records, intents
	classInodeBuffer
	classCancel
	classes
)

func (i Item) class() class {
	switch i.Type() {
	case format.LogItemICreate:
		return classBuffer
	case format.LogItemBuf:
		if len(i.Regions[0]) < format.LogBuf.Size {
			return classBuffer // which is refused
		}
		switch f := format.LogBufFlags.Get(i.Regions[0]); {
		case f&format.LogBufCancel != 0:
			return classCancel
		case f&format.LogBufInode != 0:
			return classInodeBuffer
		}
		return classBuffer
	}
	return classObject
}
