package attr

import "github.com/cowfs/cowfs/format"

// Found is an attribute that Salvage has found. Name and Value are views into the block.
type Found struct {
	Flags  format.AttrFlag // all of them
	Name   []byte
	Value  []byte         // nil when it is remote
	Remote format.FileOff // the block of the fork where a remote value begins, else 0
	Size   int            // of the value, in bytes
}

// Salvage gives those attributes of a damaged leaf that can be read: whose entry points to a name
// within the block that no other entry has. Of the header only the number of entries is believed,
// as far as the block can hold them.
func Salvage(b []byte, visit func(Found)) {
	count := min(int(format.AttrLeafCount.Get(b)), (len(b)-format.AttrLeaf.Size)/format.AttrEntry.Size)
	var used format.AttrUse
	for i := range count {
		e := b[format.AttrLeaf.Size+i*format.AttrEntry.Size:]
		if _, damage := format.FindAttrName(b, e, format.AttrLeaf.Size+format.AttrEntry.Size, &used); damage != nil {
			continue
		}
		a := leafAttr(b, i)
		if len(a.name) > 0 && a.flags.Valid() {
			visit(Found{a.flags, a.name, a.value, a.remote, a.size})
		}
	}
}
