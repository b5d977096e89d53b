package journal

import (
	"bytes"
	"fmt"

	"github.com/cowfs/cowfs/format"
)

// Intent is a note in the log that some change will be made, in transactions of its own, each of
// which can be cut off from the one before it by a crash. Another item with the same ID says
// that it was made. Which of the lists is used depends on the type.
type Intent struct {
	Type format.LogItemType // the one that announces
	ID   uint64
	LSN  format.LSN // of the checkpoint that has it

	Free     []FreeExtent     // LogItemEFI
	Maps     []MapExtent      // LogItemRUI, LogItemBUI
	Refs     []RefcountExtent // LogItemCUI
	Attr     *AttrChange      // LogItemAttrI
	Exchange *Exchange        // LogItemXMI
}

// FreeExtent is to be freed.
type FreeExtent struct {
	Start format.FSBlock
	Len   uint32 // blocks
}

// MapExtent is to be changed in rmapbt, or to be mapped or unmapped in a fork. Owner is the
// inode, or for RUI any owner that rmapbt knows.
type MapExtent struct {
	Owner uint64
	Start format.FSBlock
	Off   format.FileOff
	Len   uint32 // blocks
	Flags uint32 // the type in the low byte: see format.LogIntentType
}

// RefcountExtent is to be changed in refcountbt.
type RefcountExtent struct {
	Start format.FSBlock
	Len   uint32 // blocks
	Flags uint32 // the type in the low byte
}

// AttrChange is to be made to an inode's attributes. Names are without the namespace's prefix,
// which Filter stands for.
type AttrChange struct {
	Ino               format.Ino
	Gen               uint32 // of the inode; 0 in operations that are not about parent pointers
	Op                uint32 // format.LogAttrSet and its sisters
	Filter            format.AttrFlag
	Name, Value       []byte
	NewName, NewValue []byte // for format.LogAttrParentReplace
}

// Exchange swaps mappings of two files, or of one with itself.
type Exchange struct {
	Ino1, Ino2   format.Ino
	Gen1, Gen2   uint32
	Off1, Off2   format.FileOff
	Count        uint64 // blocks
	Flags        uint64
	Size1, Size2 uint64 // bytes; see the flags for whether they count
}

// String names the intent and says how much it wants.
func (i *Intent) String() string {
	what := ""
	switch {
	case i.Attr != nil:
		what = fmt.Sprintf("operation %d on attribute %q of inode %d", i.Attr.Op, i.Attr.Name, i.Attr.Ino)
	case i.Exchange != nil:
		what = fmt.Sprintf("%d blocks of inodes %d and %d", i.Exchange.Count, i.Exchange.Ino1, i.Exchange.Ino2)
	default:
		what = fmt.Sprintf("%d extents", len(i.Free)+len(i.Maps)+len(i.Refs))
	}
	return fmt.Sprintf("%v %#x: %s", i.Type, i.ID, what)
}

// Counts of extents are bounded by the region that holds them.
func tooMany(n uint32, room int) error {
	return format.Corrupt("log item", "nextents", n, fmt.Sprintf("%d at most", room))
}

// parseIntent decodes an item that announces a change. The result does not refer to the item's
// memory.
func parseIntent(item Item) (*Intent, error) {
	b, err := item.fixed(format.LogDone.Size)
	if err != nil {
		return nil, err
	}
	i := &Intent{Type: item.Type(), ID: format.LogIntentID.Get(b)}
	switch i.Type {
	case format.LogItemEFI:
		i.Free, err = freeExtents(b)
	case format.LogItemRUI, format.LogItemBUI:
		err = eachExtent(b, format.LogMapExtent.Size, func(e []byte) {
			i.Maps = append(i.Maps, MapExtent{
				Owner: format.LogMapExtentOwner.Get(e), Start: format.LogMapExtentStart.Get(e),
				Off: format.LogMapExtentStartOff.Get(e), Len: format.LogMapExtentLen.Get(e), Flags: format.LogMapExtentFlags.Get(e),
			})
		})
	case format.LogItemCUI:
		err = eachExtent(b, format.LogRefExtent.Size, func(e []byte) {
			i.Refs = append(i.Refs, RefcountExtent{
				Start: format.LogRefExtentStart.Get(e), Len: format.LogRefExtentLen.Get(e), Flags: format.LogRefExtentFlags.Get(e),
			})
		})
	case format.LogItemAttrI:
		i.Attr, err = parseAttr(item)
	case format.LogItemXMI:
		i.Exchange, err = parseExchange(item)
	}
	return i, err
}

// eachExtent calls fn with each extent of a list of them behind an intent's header.
func eachExtent(b []byte, size int, fn func(e []byte)) error {
	n, list := format.LogIntentCount.Get(b), b[format.LogEFI.Size:]
	if room := len(list) / size; int64(n) > int64(room) {
		return tooMany(n, room)
	}
	for k := range int(n) {
		fn(list[k*size:][:size])
	}
	return nil
}

// freeExtent32 is the size in bytes of an extent to be freed as 32-bit writers log it, without
// its padding.
const freeExtent32 = 12

func freeExtents(b []byte) ([]FreeExtent, error) {
	size := format.LogFreeExtent.Size
	n := int64(format.LogIntentCount.Get(b))
	if rest := int64(len(b) - format.LogEFI.Size); rest < n*int64(size) && (rest == n*freeExtent32 || rest == n*freeExtent32+4) {
		size = freeExtent32
	}
	var list []FreeExtent
	err := eachExtent(b, size, func(e []byte) {
		list = append(list, FreeExtent{format.LogFreeExtentStart.Get(e), format.LogFreeExtentLen.Get(e)})
	})
	return list, err
}

func parseAttr(item Item) (*AttrChange, error) {
	b, err := item.fixed(format.LogAttrI.Size)
	if err != nil {
		return nil, err
	}
	a := &AttrChange{
		Ino: format.LogAttrIno.Get(b), Gen: format.LogAttrGen.Get(b), Op: format.LogAttrOp.Get(b) & format.LogIntentType,
	}
	filter := format.LogAttrFilter.Get(b)
	if a.Filter = format.AttrFlag(filter); uint32(a.Filter) != filter {
		return nil, format.Corrupt("log item", "attr_filter", fmt.Sprintf("%#x", filter), "flags of an attribute")
	}
	name, newName := int(format.LogAttrNameLen.Get(b)), 0
	value, newValue := int(format.LogAttrValueLen.Get(b)), 0
	switch a.Op {
	case format.LogAttrSet, format.LogAttrReplace, format.LogAttrParentSet, format.LogAttrParentRemove:
	case format.LogAttrRemove:
		value = 0
	case format.LogAttrParentReplace:
		name, newName = int(format.LogAttrOldName.Get(b)), int(format.LogAttrNewName.Get(b))
		newValue = value
	default:
		return nil, format.Corrupt("log item", "op_flags", a.Op, "an operation on attributes")
	}
	at := 1
	for _, part := range []struct {
		field string
		to    *[]byte
		n     int
		max   int
	}{
		{"name_len", &a.Name, name, format.MaxNameLen},
		{"new_name_len", &a.NewName, newName, format.MaxNameLen},
		{"value_len", &a.Value, value, format.MaxAttrValue},
		{"value_len", &a.NewValue, newValue, format.MaxAttrValue},
	} {
		switch {
		case part.n > part.max:
			return nil, format.Corrupt("log item", part.field, part.n, fmt.Sprintf("%d at most", part.max))
		case part.n > 0:
			b, err := item.region(at, part.n)
			if err != nil {
				return nil, err
			}
			*part.to = bytes.Clone(b) // intents outlive the log's memory
			at++
		}
	}
	if len(a.Name) == 0 {
		return nil, format.Corrupt("log item", "name_len", 0, "a name")
	}
	return a, nil
}

func parseExchange(item Item) (*Exchange, error) {
	b, err := item.fixed(format.LogXMI.Size)
	if err != nil {
		return nil, err
	}
	return &Exchange{
		Ino1: format.LogXMIIno1.Get(b), Ino2: format.LogXMIIno2.Get(b),
		Gen1: format.LogXMIGen1.Get(b), Gen2: format.LogXMIGen2.Get(b),
		Off1: format.LogXMIStartOff1.Get(b), Off2: format.LogXMIStartOff2.Get(b),
		Count: format.LogXMICount.Get(b), Flags: format.LogXMIFlags.Get(b),
		Size1: format.LogXMISize1.Get(b), Size2: format.LogXMISize2.Get(b),
	}, nil
}

// intentKey names an intent. IDs of one type can be used again once the intent is done.
type intentKey struct {
	kind format.LogItemType
	id   uint64
}

// intents are those that were announced and not done yet.
type intents struct {
	open map[intentKey]int // index in list
	list []*Intent         // nil: done
}

// announced maps the type of a done item to that of what it ends.
func announced(done format.LogItemType) format.LogItemType { return done - 1 }

// see takes note of an item, if it is an intent or ends one.
func (s *intents) see(item Item, lsn format.LSN) error {
	switch item.Type() {
	case format.LogItemEFI, format.LogItemRUI, format.LogItemCUI, format.LogItemBUI, format.LogItemAttrI, format.LogItemXMI:
		i, err := parseIntent(item)
		if err == nil {
			i.LSN = lsn
			s.add(i)
		}
		return err
	case format.LogItemEFD, format.LogItemRUD, format.LogItemCUD, format.LogItemBUD, format.LogItemAttrD, format.LogItemXMD:
		return s.finish(item)
	}
	return nil
}

func (s *intents) add(i *Intent) {
	if s.open == nil {
		s.open = map[intentKey]int{}
	}
	s.open[intentKey{i.Type, i.ID}] = len(s.list)
	s.list = append(s.list, i)
}

// finish takes note of a done item. Its intent can lie before the tail.
func (s *intents) finish(item Item) error {
	b, err := item.fixed(format.LogDone.Size)
	if err != nil {
		return err
	}
	k := intentKey{announced(item.Type()), format.LogDoneID.Get(b)}
	if at, ok := s.open[k]; ok {
		s.list[at] = nil
		delete(s.open, k)
	}
	return nil
}

// unfinished lists what is left, in the order of the log.
func (s *intents) unfinished() []*Intent {
	var left []*Intent
	for _, i := range s.list {
		if i != nil {
			left = append(left, i)
		}
	}
	return left
}
