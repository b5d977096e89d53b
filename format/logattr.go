package format

// Operations of an attribute intent, in the low byte of its flags. Those on parent pointers come
// with the generation of the inode, and with names and values of both the old and the new one.
const (
	LogAttrSet           = 1
	LogAttrRemove        = 2
	LogAttrReplace       = 3
	LogAttrParentSet     = 4
	LogAttrParentRemove  = 5
	LogAttrParentReplace = 6
)

// The first region of an attribute intent. Name, new name, value and new value follow, each a
// region when it has a length. LogAttrParentReplace has the lengths of two names in one word.
var (
	LogAttrI = logItem("logattri", 40)

	LogAttrGen      = l32[uint32](LogAttrI, "igen", 4, Dec)
	LogAttrID       = l64[uint64](LogAttrI, "id", 8, Hex)
	LogAttrIno      = l64[Ino](LogAttrI, "ino", 16, InoPtr)
	LogAttrOp       = l32[uint32](LogAttrI, "op_flags", 24, Hex)
	LogAttrNameLen  = variant(l32[uint32](LogAttrI, "name_len", 28, Bytes), LogAttrI, attrReplacesParent.not())
	LogAttrOldName  = variant(l16[uint16](LogAttrI, "old_name_len", 28, Bytes), LogAttrI, attrReplacesParent)
	LogAttrNewName  = variant(l16[uint16](LogAttrI, "new_name_len", 30, Bytes), LogAttrI, attrReplacesParent)
	LogAttrValueLen = l32[uint32](LogAttrI, "value_len", 32, Bytes)
	LogAttrFilter   = l32[uint32](LogAttrI, "attr_filter", 36, Hex) // AttrFlag
)

// attrReplacesParent is the condition that two names share the word of the name's length.
var attrReplacesParent = fieldCond{off: 24, size: 4, mask: 0xff, want: LogAttrParentReplace}
