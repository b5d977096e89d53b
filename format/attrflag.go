package format

import "math/bits"

// AttrFlag holds an attribute's namespace and state.
type AttrFlag uint8

// Attribute flags. No namespace bit is the user namespace.
const (
	AttrLocal      AttrFlag = 1 << 0 // leaf form: the value lies beside the name
	AttrRoot       AttrFlag = 1 << 1 // trusted
	AttrSecure     AttrFlag = 1 << 2 // security
	AttrParent     AttrFlag = 1 << 3 // a parent pointer
	AttrIncomplete AttrFlag = 1 << 7 // being written; not there for readers
	AttrNamespace           = AttrRoot | AttrSecure | AttrParent
)

var attrFlagNames = &Names{Mask: true, By: map[int]string{
	0: "local", 1: "root", 2: "secure", 3: "parent", 7: "incomplete",
}}

// Valid reports whether flags are known ones with one namespace at most.
func (f AttrFlag) Valid() bool {
	known := AttrLocal | AttrNamespace | AttrIncomplete
	return f&^known == 0 && bits.OnesCount8(uint8(f&AttrNamespace)) <= 1
}

// The value of a parent pointer: the directory that the name is in.
var (
	ParentRec = newStruct("parent", 12)

	ParentIno = u64[Ino](ParentRec, "inumber", 0, InoPtr)
	ParentGen = u32[uint32](ParentRec, "gen", 8, Dec)
)

// attrNameParts lists name and value of an attribute, which lie side by side from off; the
// value of a parent pointer has fields of its own. valueLen is 0 where the value is elsewhere.
func attrNameParts(off, nameLen, valueLen int, parent bool) []Part {
	parts := []Part{textPart("name", off, nameLen)}
	switch off += nameLen; {
	case valueLen == 0:
	case parent && valueLen == ParentRec.Size:
		parts = append(parts, one("parent_dir", off, ParentRec))
	default:
		parts = append(parts, textPart("value", off, valueLen))
	}
	return parts
}
