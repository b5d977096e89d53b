package check

// The codes of extended attributes, ACLs and parent pointers.
var (
	AttrShort = &Code{
		Name: "attr.short", Severity: Damage, Summary: "attributes in an inode can't be right",
		Means:  "Few and small attributes lie in the inode, one behind the other, with a count and a length before them. One of these numbers, or an attribute's flags, is impossible. Linux refuses to read the inode.",
		Lost:   "The attribute that is wrong; those behind it if it is a length.",
		Repair: "Keeps the attributes that can be read.",
	}
	AttrBlockMagic = &Code{
		Name: "attr.magic", Severity: Damage, Summary: "a block of attributes holds something else",
		Means:  "The block has not the magic number of its place in the attribute fork.",
		Lost:   "The attributes in it, ACLs and security labels perhaps among them.",
		Repair: "Keeps the attributes of the other blocks.",
	}
	AttrBlockCRC = &Code{
		Name: "attr.crc", Severity: Damage, Summary: "an attribute block's checksum is wrong",
		Means:  "The block was changed outside the filesystem, or a write to it was torn. Linux refuses to read it.",
		Lost:   "The attributes in it can't be read until a repair; perhaps some are wrong.",
		Repair: "Builds the attributes anew from those that are sound.",
	}
	AttrBlockIdentity = &Code{
		Name: "attr.identity", Severity: Damage, Summary: "an attribute block says that it belongs elsewhere",
		Means:  "A block names its own place, the inode it belongs to and the volume's UUID. One of these is wrong. Linux refuses to read it.",
		Lost:   "The attributes in it can't be read until a repair; they may be those of another file.",
		Repair: "Builds the attributes anew; those of a block that names another inode are not taken over.",
	}
	AttrLayout = &Code{
		Name: "attr.layout", Severity: Damage, Summary: "names and values in an attribute block don't add up",
		Means:  "A block counts its attributes and the bytes they use, says where names begin and whether there are holes between them. Some of this does not fit, or an attribute lies outside or over another.",
		Lost:   "The attribute that is outside. Linux refuses to read the block, or fails when it changes it.",
		Repair: "Builds the attributes anew from those that can be read.",
	}
	AttrFreeMap = &Code{
		Name: "attr.free-map", Severity: Damage, Summary: "an attribute block has a wrong map of its free space",
		Means:  "The header names up to three free ranges of the block. One is in use, overlaps another or leaves the block; or they are not all, while the block says that there are no holes.",
		Lost:   "Nothing yet. The next attribute may be written over another one.",
		Repair: "Makes the map anew.",
	}
	AttrHashOrder = &Code{
		Name: "attr.hash-order", Severity: Damage, Summary: "attributes are out of order",
		Means:  "Attributes are in order of the hash of their names, within a block and from block to block. Searches miss what is out of order.",
		Lost:   "Nothing. Some attributes can be listed and not read.",
		Repair: "Builds the attributes anew.",
	}
	AttrHash = &Code{
		Name: "attr.hash", Severity: Damage, Summary: "an attribute has a wrong hash",
		Means:  "The hash of an attribute is not that of its name; with a parent pointer, of its name and directory.",
		Lost:   "Nothing. The attribute can be listed and not read.",
		Repair: "Builds the attributes anew.",
	}
	AttrTree = &Code{
		Name: "attr.tree", Severity: Damage, Summary: "the tree over attributes is broken",
		Means:  "A node of the tree has an impossible number of children or level, or leads to a block that the fork doesn't have or that was met before.",
		Lost:   "The attributes below it, as far as no other way leads to them.",
		Repair: "Builds the attributes anew from those that can be read.",
	}
	AttrTreeKey = &Code{
		Name: "attr.tree-key", Severity: Damage, Summary: "a node of the tree of attributes has a wrong key",
		Means:  "Each child in a node has the greatest hash below it as its key. This one is another, so that searches go to the wrong child.",
		Lost:   "Nothing. Some attributes can be listed and not read.",
		Repair: "Builds the attributes anew.",
	}
	AttrTreeSibling = &Code{
		Name: "attr.tree-sibling", Severity: Damage, Summary: "a block of attributes has a wrong neighbour",
		Means:  "Blocks of a level are linked in order. This link leads elsewhere than to the neighbour by the nodes above.",
		Lost:   "Nothing by itself. Listings go by these links and miss attributes.",
		Repair: "Builds the attributes anew.",
	}
	AttrName = &Code{
		Name: "attr.name", Severity: Damage, Summary: "an attribute's name has a NUL in it",
		Means:  "Names of attributes are text that ends at a NUL for programs, so it can't be a part of it. Linux refuses to list the attributes.",
		Lost:   "The attribute's name.",
		Repair: "Removes the attribute.",
	}
	AttrFlags = &Code{
		Name: "attr.flags", Severity: Damage, Summary: "an attribute has impossible flags",
		Means:  "An attribute is in one namespace. This one is in several, has unknown flags, or is a parent pointer on a volume without these.",
		Lost:   "The attribute: nobody knows what it is.",
		Repair: "Removes the attribute.",
	}
	AttrTwice = &Code{
		Name: "attr.twice", Severity: Damage, Summary: "an attribute is there twice",
		Means:  "Two attributes have one name in one namespace. Which one is read is chance.",
		Lost:   "One of the two values.",
		Repair: "Keeps the first one.",
	}
	AttrIncomplete = &Code{
		Name: "attr.incomplete", Severity: Leak, Summary: "an attribute was not written to its end",
		Means:  "The attribute was being set, or its value exchanged, when the volume was last used. Linux takes it for not there.",
		Lost:   "The space of the attribute. What it should be, nobody was told had been stored.",
		Repair: "Removes it.",
	}
	AttrRemoteHeader = &Code{
		Name: "attr.remote-header", Severity: Damage, Summary: "a block of a large attribute's value can't be relied on",
		Means:  "Each block of a value that has blocks of its own says whose it is, where it lies, and which part of the value it holds. Some of that is wrong. Linux refuses to read the value.",
		Lost:   "The attribute's value, or the part of it in the block.",
		Repair: "Removes the attribute, or makes the header anew if that is all that is wrong.",
	}
	AttrRemoteMissing = &Code{
		Name: "attr.remote-missing", Severity: Damage, Summary: "a large attribute's value lacks blocks",
		Means:  "The attribute has a value of a length for which the fork has no blocks.",
		Lost:   "The attribute's value, or its end.",
		Repair: "Removes the attribute.",
	}
	AttrRemoteLength = &Code{
		Name: "attr.remote-length", Severity: Damage, Summary: "a large attribute's value has no length",
		Means:  "An attribute is marked as having a value in blocks of its own, and its length is 0.",
		Lost:   "The attribute's value.",
		Repair: "Removes the attribute.",
	}
	AttrRemoteSmall = &Code{
		Name: "attr.remote-small", Severity: Oddity, Summary: "a small attribute has blocks of its own",
		Means:  "The value would have room beside the name. Writers put it there. Perhaps its length is wrong.",
		Lost:   "Nothing, or the end of the value.",
		Repair: "Leaves it.",
	}
	AttrOverlap = &Code{
		Name: "attr.overlap", Severity: Damage, Summary: "a block of the attribute fork has two uses",
		Means:  "Two values, or a value and the tree of attributes, have the same block.",
		Lost:   "One of the two values, or a part of it.",
		Repair: "Removes the attribute whose value's headers don't fit.",
	}
	AttrLost = &Code{
		Name: "attr.lost", Severity: Leak, Summary: "the attribute fork has blocks that nothing leads to",
		Means:  "Blocks of the fork are neither part of the tree of attributes nor of a value.",
		Lost:   "The blocks.",
		Repair: "Builds the attributes anew and frees them.",
	}
	AttrPadding = &Code{
		Name: "attr.padding", Severity: Oddity, Summary: "padding among attributes is not zero",
		Means: "Bytes that mean nothing and that writers leave zero are set.", Lost: "Nothing.", Repair: "Clears them.",
	}
	AttrACL = &Code{
		Name: "attr.acl", Severity: Damage, Summary: "an ACL is malformed",
		Means:  "The attribute that holds the file's ACL, or the one for new files in a directory, is not a list of entries that there can be. Linux fails all access to the file that depends on it.",
		Lost:   "The ACL.",
		Repair: "Removes it; the file's mode stays.",
	}
	ParentShape = &Code{
		Name: "parent.shape", Severity: Damage, Summary: "a parent pointer is malformed",
		Means:  "A parent pointer is an attribute named as the entry, with the directory's inode and its generation as value, 12 bytes. This one is something else.",
		Lost:   "Nothing but the pointer, which the directory's entry can make good for.",
		Repair: "Makes the pointers of the file anew from the entries that lead to it.",
	}
	ParentMissing = &Code{
		Name: "parent.missing", Severity: Damage, Summary: "a name has no parent pointer",
		Means:  "A directory has an entry that leads to the inode, and the inode does not say so. Linux fails when the name is removed.",
		Lost:   "Nothing.",
		Repair: "Makes the pointer.",
	}
	ParentStray = &Code{
		Name: "parent.stray", Severity: Damage, Summary: "a parent pointer has no name",
		Means:  "The inode says that it has a name in a directory, and there is no such entry.",
		Lost:   "The name, if it was the entry that got lost.",
		Repair: "Makes the entry if the inode counts the link and has no other name, else removes the pointer.",
	}
	ParentGeneration = &Code{
		Name: "parent.generation", Severity: Damage, Summary: "a parent pointer is for an earlier directory of the same number",
		Means:  "The generation in the pointer is not that of the directory, so Linux takes it for a pointer to another one that had the number before.",
		Lost:   "Nothing.",
		Repair: "Sets the generation.",
	}
)

var attrCodes = []*Code{
	AttrShort, AttrBlockMagic, AttrBlockCRC, AttrBlockIdentity, AttrLayout, AttrFreeMap, AttrHashOrder, AttrHash,
	AttrTree, AttrTreeKey, AttrTreeSibling, AttrName, AttrFlags, AttrTwice, AttrIncomplete, AttrRemoteHeader,
	AttrRemoteMissing, AttrRemoteLength, AttrRemoteSmall, AttrOverlap, AttrLost, AttrPadding, AttrACL,
	ParentShape, ParentMissing, ParentStray, ParentGeneration,
}
