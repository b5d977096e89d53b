package check

// The codes of B+tree blocks, of whatever kind: the finding's structure tells which.
var (
	BtreeMagic = &Code{
		Name: "btree.magic", Severity: Damage, Summary: "a block of a tree holds something else",
		Means:  "A B+tree points to a block that has not the magic number of such trees' blocks. Either the pointer is wrong, or the block was overwritten.",
		Lost:   "All records at and below the block: free extents, owners, inodes or parts of a file, by the kind of tree.",
		Repair: "Builds the group's trees anew from what the rest of the image says; of a file's tree, keeps what can still be read.",
	}
	BtreeCRC = &Code{
		Name: "btree.crc", Severity: Damage, Summary: "a tree block's checksum is wrong",
		Means:  "The block was changed outside the filesystem, or a write to it was torn. Linux refuses to read it.",
		Lost:   "All records at and below the block cannot be relied on.",
		Repair: "Builds the group's trees anew; of a file's tree, keeps what can still be read.",
	}
	BtreeUUID = &Code{
		Name: "btree.uuid", Severity: Damage, Summary: "a tree block belongs to another volume",
		Means:  "The UUID in the block is not that of this volume's metadata: the block may be left over from an earlier filesystem. Linux refuses to read it.",
		Lost:   "Nothing, if the records in it are right, which the rest of the check tells.",
		Repair: "Builds the tree anew.",
	}
	BtreeAddress = &Code{
		Name: "btree.address", Severity: Damage, Summary: "a tree block names another place than its own",
		Means:  "Every block says where it lies. This one was written to a wrong place, or a pointer leads to a wrong block. Linux refuses to read it.",
		Lost:   "Nothing, if the records in it are right, which the rest of the check tells.",
		Repair: "Builds the tree anew.",
	}
	BtreeOwner = &Code{
		Name: "btree.owner", Severity: Damage, Summary: "a tree block belongs to another group or inode",
		Means:  "The owner named in the block is not the one whose tree leads to it. Linux refuses to read it.",
		Lost:   "In a file's tree, what the block maps: it is taken to be another file's. Nothing in a group's tree if the records are right.",
		Repair: "Builds a group's tree anew; cuts the block off a file's tree.",
	}
	BtreeLevel = &Code{
		Name: "btree.level", Severity: Damage, Summary: "a tree block is on another level than its place says",
		Means:  "Levels count down by one from the root, whose level its header or inode knows, to 0 in the leaves. This block says otherwise, so it is not clear whether it holds records or pointers.",
		Lost:   "All records at and below the block.",
		Repair: "Builds the group's trees anew; of a file's tree, keeps what can still be read.",
	}
	BtreeNumRecs = &Code{
		Name: "btree.numrecs", Severity: Damage, Summary: "a tree block has an impossible number of records",
		Means:  "The number is larger than what fits into the block, or 0 in a block other than the root of an empty tree.",
		Lost:   "All records at and below the block.",
		Repair: "Builds the group's trees anew; of a file's tree, keeps what can still be read.",
	}
	BtreePointer = &Code{
		Name: "btree.pointer", Severity: Damage, Summary: "a tree points to where no block can be",
		Means:  "The block number lies outside the group or volume, or in a group's header.",
		Lost:   "All records that were below the pointer.",
		Repair: "Builds the group's trees anew; of a file's tree, keeps what can still be read.",
	}
	BtreeTwice = &Code{
		Name: "btree.twice", Severity: Damage, Summary: "a tree leads to the same block twice",
		Means:  "Two pointers of a tree name the same block, as in a cycle. The second one is not followed.",
		Lost:   "The records that the second pointer should lead to.",
		Repair: "Builds the group's trees anew; of a file's tree, keeps what can still be read.",
	}
	BtreeSibling = &Code{
		Name: "btree.sibling", Severity: Damage, Summary: "a tree block's link to its neighbour is wrong",
		Means:  "Blocks of a level are linked in order. This link leads elsewhere than to the block which is next to it by the pointers of the level above.",
		Lost:   "Nothing yet: no pointer is wrong. Whoever follows the link reads wrong records or fails, and a change of the tree may spread the damage.",
		Repair: "Builds the tree anew.",
	}
	BtreeOrder = &Code{
		Name: "btree.order", Severity: Damage, Summary: "records of a tree are out of order",
		Means:  "A record does not come after the one before it, in the same or the preceding leaf. Searches miss records.",
		Lost:   "Nothing as long as the records are right, but they can't be found.",
		Repair: "Builds the tree anew.",
	}
	BtreeKey = &Code{
		Name: "btree.key", Severity: Damage, Summary: "a key is not that of the first record below it",
		Means:  "Each entry of a node has the key of the first record below it. Searches by this one go to the wrong child.",
		Lost:   "Nothing as long as the records are right, but some can't be found.",
		Repair: "Builds the tree anew.",
	}
	BtreeHighKey = &Code{
		Name: "btree.high-key", Severity: Damage, Summary: "a high key is not the highest of the records below it",
		Means:  "Extents in rmapbt may overlap, so each entry of a node also has the greatest end of all records below it. Searches by this one miss records or read too many.",
		Lost:   "Nothing as long as the records are right, but some owners can't be found.",
		Repair: "Builds the tree anew.",
	}
	BtreeUnderfull = &Code{
		Name: "btree.underfull", Severity: Oddity, Summary: "a tree block is less than half full",
		Means:  "Writers join blocks that are less than half full with their neighbours.",
		Lost:   "Some space. Linux reads and changes such trees.",
		Repair: "Leaves it, unless the tree is built anew for another reason.",
	}
	BtreeTall = &Code{
		Name: "btree.tall", Severity: Oddity, Summary: "the root of a tree has a single child",
		Means:  "Writers make the only child of a root the new root.",
		Lost:   "A block. Linux reads and changes such trees.",
		Repair: "Leaves it, unless the tree is built anew for another reason.",
	}
	BtreePadding = &Code{
		Name: "btree.padding", Severity: Oddity, Summary: "padding in a tree block is not zero",
		Means:  "Bytes that mean nothing and that writers leave zero are set.",
		Lost:   "Nothing. A future version of the format may give them a meaning.",
		Repair: "Clears them.",
	}
)

var btreeCodes = []*Code{
	BtreeMagic, BtreeCRC, BtreeUUID, BtreeAddress, BtreeOwner, BtreeLevel, BtreeNumRecs, BtreePointer,
	BtreeTwice, BtreeSibling, BtreeOrder, BtreeKey, BtreeHighKey, BtreeUnderfull, BtreeTall, BtreePadding,
}
