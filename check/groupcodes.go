package check

// The codes of the sectors at the head of each group.
var (
	AGFUnreadable = &Code{
		Name: "agf.unreadable", Severity: Damage, Summary: "the header of a group's free space is damaged",
		Means:  "Magic number or checksum of the AGF are wrong, so nothing in it can be relied on. It leads to the trees of free space, owners and sharing of the group; these were not looked at.",
		Lost:   "Nothing but what these trees hold, which can all be found out anew. Linux does not mount the volume.",
		Repair: "Makes the header and the trees anew from what inodes say.",
	}
	AGFField = &Code{
		Name: "agf.field", Severity: Damage, Summary: "a field of a group's free space header is impossible",
		Means:  "A field of the AGF has a value that it can't have in this volume.",
		Lost:   "If it is the root or the height of a tree, that tree was not looked at. It can be found out anew. Linux does not mount the volume.",
		Repair: "Makes the header and, if need be, the trees anew.",
	}
	AGFPadding = &Code{
		Name: "agf.padding", Severity: Oddity, Summary: "padding in a group's free space header is not zero",
		Means: "Bytes of the AGF that mean nothing and that writers leave zero are set.", Lost: "Nothing.", Repair: "Clears them.",
	}
	AGFUnused = &Code{
		Name: "agf.unused", Severity: Oddity, Summary: "a field of a feature that the volume doesn't have is set",
		Means: "The AGF names a tree that volumes with other features have.", Lost: "Nothing: nobody looks at the field.", Repair: "Clears it.",
	}
	AGFCounter = &Code{
		Name: "agf.counter", Severity: Damage, Summary: "a counter of a group's free space header is wrong",
		Means:  "The AGF counts free blocks, the longest free extent, and blocks of trees. One of the numbers is not what the trees have.",
		Lost:   "Nothing by itself. Linux may fail to find space that is there, or shut the volume down when it finds out.",
		Repair: "Sets the number that was counted.",
	}
	AGIUnreadable = &Code{
		Name: "agi.unreadable", Severity: Damage, Summary: "the header of a group's inodes is damaged",
		Means:  "Magic number or checksum of the AGI are wrong, so nothing in it can be relied on. It leads to the trees that say where the group's inodes are; these were not looked at.",
		Lost:   "All files with inodes in the group can't be reached until the trees are found again. Linux does not mount the volume.",
		Repair: "Searches the group for inodes and makes header and trees anew.",
	}
	AGIField = &Code{
		Name: "agi.field", Severity: Damage, Summary: "a field of a group's inode header is impossible",
		Means:  "A field of the AGI has a value that it can't have in this volume.",
		Lost:   "If it is the root or the height of a tree, that tree was not looked at. Linux may not mount the volume.",
		Repair: "Makes the header and, if need be, the trees anew.",
	}
	AGIPadding = &Code{
		Name: "agi.padding", Severity: Oddity, Summary: "padding in a group's inode header is not zero",
		Means: "Bytes of the AGI that mean nothing and that writers leave zero are set.", Lost: "Nothing.", Repair: "Clears them.",
	}
	AGIUnused = &Code{
		Name: "agi.unused", Severity: Oddity, Summary: "a field of a feature that the volume doesn't have is set",
		Means: "The AGI has a value in a field that is of no use in this volume.", Lost: "Nothing: nobody looks at the field.", Repair: "Clears it.",
	}
	AGIHint = &Code{
		Name: "agi.hint", Severity: Damage, Summary: "a group's inode header names an inode that can't be",
		Means:  "The AGI remembers where inodes were made last, as a hint for the next ones. The number lies outside the group.",
		Lost:   "Nothing. Linux may refuse to make inodes in the group.",
		Repair: "Sets the hint to a chunk of the group, or to null.",
	}
	AGICounter = &Code{
		Name: "agi.counter", Severity: Damage, Summary: "a counter of a group's inode header is wrong",
		Means:  "The AGI counts inodes, free ones, and blocks of trees. One of the numbers is not what the trees have.",
		Lost:   "Nothing by itself. Linux may fail to find a free inode that is there, or shut the volume down when it finds out.",
		Repair: "Sets the number that was counted.",
	}
	AGFLUnreadable = &Code{
		Name: "agfl.unreadable", Severity: Damage, Summary: "a group's free list is damaged",
		Means:  "Magic number or checksum of the AGFL are wrong. It lists blocks that are kept for the trees of free space.",
		Lost:   "The few blocks in it, until a repair. Linux fails to allocate or free anything in the group.",
		Repair: "Makes a new free list.",
	}
	AGFLField = &Code{
		Name: "agfl.field", Severity: Damage, Summary: "a field of a group's free list is impossible",
		Means:  "The AGFL names another group or volume as its own, or a block where none can be.",
		Lost:   "The few blocks in it, until a repair. Linux fails to allocate or free anything in the group.",
		Repair: "Makes a new free list.",
	}
	AGFLCount = &Code{
		Name: "agfl.count", Severity: Damage, Summary: "the length of a group's free list is wrong",
		Means:  "The AGF names the first and the last slot of the free list that are in use, and their number, which does not fit the two.",
		Lost:   "The blocks of the list: Linux forgets all of them when it next uses the group.",
		Repair: "Makes a new free list.",
	}
	AGFLNull = &Code{
		Name: "agfl.null", Severity: Damage, Summary: "a slot of a group's free list is empty that is in use",
		Means:  "Between the first and the last used slot of the AGFL there is one without a block.",
		Lost:   "Nothing until Linux takes a block from the slot; it then shuts the volume down.",
		Repair: "Makes a new free list.",
	}
	AGFLTwice = &Code{
		Name: "agfl.twice", Severity: Damage, Summary: "a block is in a group's free list twice",
		Means:  "Two slots of the AGFL that are in use name the same block, which would be given out twice.",
		Lost:   "Nothing yet. When both are used, two trees overwrite each other.",
		Repair: "Makes a new free list.",
	}
)

var (
	agfCodes  = headerCodes{AGFUnreadable, AGFField, AGFPadding}
	agiCodes  = headerCodes{AGIUnreadable, AGIField, AGIPadding}
	agflCodes = headerCodes{AGFLUnreadable, AGFLField, AGFLField}

	groupCodes = []*Code{
		AGFUnreadable, AGFField, AGFPadding, AGFUnused, AGFCounter, AGIUnreadable, AGIField, AGIPadding, AGIUnused,
		AGIHint, AGICounter, AGFLUnreadable, AGFLField, AGFLCount, AGFLNull, AGFLTwice,
	}
)
