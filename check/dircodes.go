package check

// The codes of directories: their blocks, entries and index.
var (
	DirShort = &Code{
		Name: "dir.short", Severity: Damage, Summary: "a small directory's entries can't be right",
		Means:  "The entries of a small directory lie in its inode, one behind the other, with a count before them. A length, a name, an inode number or the count is impossible. Linux refuses to read the inode.",
		Lost:   "The entry that is wrong; those behind it if it is a length.",
		Repair: "Keeps the entries that can be read.",
	}
	DirBlockMagic = &Code{
		Name: "dir.magic", Severity: Damage, Summary: "a block of a directory holds something else",
		Means:  "The block has not the magic number of its place in the directory: entries, index, or table of free space.",
		Lost:   "The names in it, if it should hold entries. Index and table can be made anew.",
		Repair: "Builds the directory anew from the entries that can be read, or from the parent pointers of files where the volume has them.",
	}
	DirBlockCRC = &Code{
		Name: "dir.crc", Severity: Damage, Summary: "a directory block's checksum is wrong",
		Means:  "The block was changed outside the filesystem, or a write to it was torn. Linux refuses to read it.",
		Lost:   "The names in it can't be reached until a repair; perhaps some are wrong.",
		Repair: "Builds the directory anew from the entries that are sound.",
	}
	DirBlockIdentity = &Code{
		Name: "dir.identity", Severity: Damage, Summary: "a directory block says that it belongs elsewhere",
		Means:  "A block names its own place, the directory it belongs to and the volume's UUID. One of these is wrong. Linux refuses to read it.",
		Lost:   "The names in it can't be reached until a repair; they may be those of another directory.",
		Repair: "Builds the directory anew; entries of a block that names another directory are not taken over.",
	}
	DirLayout = &Code{
		Name: "dir.layout", Severity: Damage, Summary: "entries and free space of a directory block don't add up",
		Means:  "Entries and unused ranges fill a block one behind the other, each with its own place in its last bytes, and no two unused ranges touch. Here that is not so. Linux refuses to read the block.",
		Lost:   "The names behind the place.",
		Repair: "Builds the directory anew from the entries that can be read.",
	}
	DirEntry = &Code{
		Name: "dir.entry", Severity: Damage, Summary: "an entry of a directory is impossible",
		Means:  "An entry has a name that is empty or has a slash or a NUL in it, an unknown file type, or an inode number that can't exist on the volume. Linux refuses to read the block.",
		Lost:   "The name, or the way to the inode.",
		Repair: "Removes the entry, or gives it another name if the inode is right.",
	}
	DirBestFree = &Code{
		Name: "dir.best-free", Severity: Damage, Summary: "a directory block has a wrong table of its free space",
		Means:  "The header names the three longest unused ranges of the block. It is not those. Linux refuses to read the block.",
		Lost:   "Nothing.",
		Repair: "Makes the table anew.",
	}
	DirFreeIndex = &Code{
		Name: "dir.free-index", Severity: Damage, Summary: "a directory's table of free space is wrong",
		Means:  "A directory of several blocks has a table with the longest unused range of each. A number in it, or how many there are, does not fit the blocks.",
		Lost:   "Nothing. Linux fails when it adds a name where it finds no room for it.",
		Repair: "Makes the table anew.",
	}
	DirIndexEntry = &Code{
		Name: "dir.index-entry", Severity: Damage, Summary: "a directory's index has not the same entries",
		Means:  "The index leads from the hash of a name to its entry. An entry is not in it, is in it twice, or it leads to where no entry is.",
		Lost:   "Nothing. A name that is not in the index can be listed and not opened.",
		Repair: "Makes the index anew.",
	}
	DirIndexHash = &Code{
		Name: "dir.index-hash", Severity: Damage, Summary: "a directory's index has a wrong hash for a name",
		Means:  "The index leads from the hash of a name to its entry. The hash it has for this entry is not that of the name.",
		Lost:   "Nothing. The name can be listed and not opened.",
		Repair: "Makes the index anew.",
	}
	DirIndexCount = &Code{
		Name: "dir.index-count", Severity: Damage, Summary: "a directory's index counts its entries wrong",
		Means:  "A block of the index counts its entries, and those that lead nowhere any more. The numbers don't fit.",
		Lost:   "Nothing. Linux refuses to read the block, or fails when it changes it.",
		Repair: "Makes the index anew.",
	}
	DirHashOrder = &Code{
		Name: "dir.hash-order", Severity: Damage, Summary: "a directory's index is out of order",
		Means:  "Entries of the index are in order of hash, within a block and from block to block. Searches miss what is out of order.",
		Lost:   "Nothing. Some names can be listed and not opened.",
		Repair: "Makes the index anew.",
	}
	DirTree = &Code{
		Name: "dir.tree", Severity: Damage, Summary: "the tree over a directory's index is broken",
		Means:  "A node of the tree has an impossible number of children or level, or leads to a block that the directory doesn't have or that was met before.",
		Lost:   "Nothing. The names below can be listed and not opened.",
		Repair: "Makes the index anew.",
	}
	DirTreeKey = &Code{
		Name: "dir.tree-key", Severity: Damage, Summary: "a node of a directory's tree has a wrong key",
		Means:  "Each child in a node has the greatest hash below it as its key. This one is another, so that searches go to the wrong child.",
		Lost:   "Nothing. Some names can be listed and not opened.",
		Repair: "Makes the index anew.",
	}
	DirTreeSibling = &Code{
		Name: "dir.tree-sibling", Severity: Damage, Summary: "a block of a directory's index has a wrong neighbour",
		Means:  "Blocks of a level are linked in order. This link leads elsewhere than to the neighbour by the nodes above.",
		Lost:   "Nothing. Searches among names with equal hashes fail, and a change may spread the damage.",
		Repair: "Makes the index anew.",
	}
	DirIndexLost = &Code{
		Name: "dir.index-lost", Severity: Leak, Summary: "a directory has blocks among its index that nothing leads to",
		Means:  "The directory has blocks in the range of the index which are not part of its tree.",
		Lost:   "The blocks.",
		Repair: "Makes the index anew and frees them.",
	}
	DirNameTwice = &Code{
		Name: "dir.name-twice", Severity: Damage, Summary: "a directory has the same name twice",
		Means:  "Two entries have one name. Only one of them is found when the name is opened; which one is chance.",
		Lost:   "The way to the other inode.",
		Repair: "Gives the second entry another name.",
	}
	DirDots = &Code{
		Name: "dir.dots", Severity: Damage, Summary: "the entries . and .. are not as they have to be",
		Means:  "The first two entries of a directory in blocks are . for itself and .. for its parent, and there are no others with these names. Here one is missing, elsewhere, or leads to another inode.",
		Lost:   "Nothing.",
		Repair: "Sets them.",
	}
	DirSize = &Code{
		Name: "dir.size", Severity: Damage, Summary: "a directory's size is not the end of its entries",
		Means:  "The size of a directory with blocks is where the last of those with entries ends.",
		Lost:   "Nothing. Linux may not list what lies behind the size, or fail where there is nothing.",
		Repair: "Sets the size.",
	}
	DirHole = &Code{
		Name: "dir.hole", Severity: Damage, Summary: "a directory lacks a block that it has to have",
		Means:  "The first block with entries, or the index, is not there.",
		Lost:   "The names of the block.",
		Repair: "Builds the directory anew from the entries that can be read.",
	}
	DirPadding = &Code{
		Name: "dir.padding", Severity: Oddity, Summary: "padding in a directory block is not zero",
		Means: "Bytes in the header of a block that mean nothing and that writers leave zero are set.", Lost: "Nothing.", Repair: "Clears them.",
	}
	DirParent = &Code{
		Name: "dir.parent", Severity: Damage, Summary: "a directory's .. does not lead to where it is",
		Means:  "A directory has its name in one directory, and its entry .. leads to another one.",
		Lost:   "Nothing. Who goes up from the directory comes to a wrong place.",
		Repair: "Sets .. to the directory that has the name.",
	}
	DirTwoNames = &Code{
		Name: "dir.two-names", Severity: Damage, Summary: "a directory has a second name",
		Means:  "More than one entry leads to the same directory, or one leads to the root. A directory has one name.",
		Lost:   "Nothing. Linux behaves in unforeseen ways when one of the names is removed.",
		Repair: "Keeps the name that .. agrees with.",
	}
	DirDisconnected = &Code{
		Name: "dir.disconnected", Severity: Damage, Summary: "no name leads to a directory",
		Means:  "The directory is in use and no entry of another one leads to it.",
		Lost:   "It and all below it can't be reached by name.",
		Repair: "Gives it the name that its parent pointer has, or one in lost+found.",
	}
	DirLoop = &Code{
		Name: "dir.loop", Severity: Damage, Summary: "directories contain each other in a circle",
		Means:  "From this directory, going up leads back to itself and never to the root.",
		Lost:   "All directories of the circle, and what is below them, can't be reached by name.",
		Repair: "Opens the circle at one of them, which gets a name in lost+found.",
	}
	EntryNowhere = &Code{
		Name: "entry.nowhere", Severity: Damage, Summary: "an entry leads to an inode that does not exist",
		Means:  "The inode of an entry is in no chunk of inodes.",
		Lost:   "The file, if it was one.",
		Repair: "Removes the entry.",
	}
	EntryFree = &Code{
		Name: "entry.free", Severity: Damage, Summary: "an entry leads to a free inode",
		Means:  "The inode of an entry is not in use.",
		Lost:   "The file; or nothing, if it was removed and the entry was left.",
		Repair: "Removes the entry, unless the inode is a file that was marked as free by mistake.",
	}
	EntryType = &Code{
		Name: "entry.type", Severity: Damage, Summary: "an entry gives another type of file than the inode has",
		Means:  "Entries repeat the type of the inode they lead to. This one differs.",
		Lost:   "Nothing. Programs that go by listings take the file for something else.",
		Repair: "Sets the type.",
	}
	EntryHidden = &Code{
		Name: "entry.hidden", Severity: Damage, Summary: "an entry leads to an inode that must not have names",
		Means:  "An entry leads to the root or to one of the volume's own inodes.",
		Lost:   "Nothing. Whoever writes to such a file damages the volume.",
		Repair: "Removes the entry.",
	}
	LinkCount = &Code{
		Name: "link.count", Severity: Damage, Summary: "an inode counts its names wrong",
		Means:  "The number of links of a file is that of its names; that of a directory is 2 and the number of directories in it. Another number was found.",
		Lost:   "With too low a number the file is removed along with one of its names, while others still lead to it. With too high a one it is never removed.",
		Repair: "Sets the number found.",
	}
	InodeUnreferenced = &Code{
		Name: "link.none", Severity: Damage, Summary: "no name leads to a file",
		Means:  "The inode is in use and counts links, and no entry of a directory leads to it.",
		Lost:   "The file can't be reached by name; its space can't be given back.",
		Repair: "Gives it the name that its parent pointer has, or one in lost+found.",
	}
	UnlinkedPending = &Code{
		Name: "unlinked.pending", Severity: Leak, Summary: "a removed file was still open and is not freed yet",
		Means:  "The inode has no names and is on a list of those that were in use when the volume was last used. Linux frees it at the next mount for writing.",
		Lost:   "Its space until then.",
		Repair: "Frees the inode and what it holds.",
	}
	UnlinkedLost = &Code{
		Name: "unlinked.lost", Severity: Damage, Summary: "an inode has no names and is on no list of such inodes",
		Means:  "The inode counts no links. It should be free, or on a list of removed files that are still open.",
		Lost:   "Its space.",
		Repair: "Frees the inode and what it holds, unless a directory leads to it.",
	}
	UnlinkedNamed = &Code{
		Name: "unlinked.named", Severity: Damage, Summary: "an inode with names is on a list of those without",
		Means:  "The group's header, or the inode before it, has it on a list of removed files. It counts links. Linux would free it at the next mount.",
		Lost:   "Nothing yet; the file, at the next mount.",
		Repair: "Takes it off the list if names lead to it.",
	}
	UnlinkedFree = &Code{
		Name: "unlinked.free", Severity: Damage, Summary: "a free inode is on a list of removed files",
		Means:  "The group's header, or the inode before it, has it on a list of removed files that are still open. It is free already.",
		Lost:   "Nothing. Linux shuts the volume down when it goes over the list.",
		Repair: "Takes it off the list.",
	}
	UnlinkedPointer = &Code{
		Name: "unlinked.pointer", Severity: Damage, Summary: "a list of removed files leads nowhere",
		Means:  "What should be the next inode on a list does not exist.",
		Lost:   "The space of the files that come behind it. Linux shuts the volume down when it goes over the list.",
		Repair: "Ends the list there and frees what else has no names.",
	}
	UnlinkedTwice = &Code{
		Name: "unlinked.twice", Severity: Damage, Summary: "an inode is on lists of removed files twice",
		Means:  "A list comes back to an inode that is on it already, or on another one.",
		Lost:   "The space of the files that should come behind it. Linux goes in circles or shuts the volume down.",
		Repair: "Ends the list there and frees what else has no names.",
	}
	UnlinkedBucket = &Code{
		Name: "unlinked.bucket", Severity: Damage, Summary: "an inode is on the wrong list of removed files",
		Means:  "A group has 64 lists, and the number of an inode says which one it is on. It is on another.",
		Lost:   "Nothing. Linux fails to take it off the list.",
		Repair: "Frees the inode and what it holds.",
	}
	UnlinkedStale = &Code{
		Name: "unlinked.stale", Severity: Damage, Summary: "an inode names a successor and is on no list",
		Means:  "The field for the next inode on a list of removed files is set, and no list leads to this one.",
		Lost:   "Nothing. Linux fails when the file is removed.",
		Repair: "Clears the field.",
	}
)

var dirCodes = []*Code{
	DirShort, DirBlockMagic, DirBlockCRC, DirBlockIdentity, DirLayout, DirEntry, DirBestFree, DirFreeIndex,
	DirIndexEntry, DirIndexHash, DirIndexCount, DirHashOrder, DirTree, DirTreeKey, DirTreeSibling, DirIndexLost,
	DirNameTwice, DirDots, DirSize, DirHole, DirPadding, DirParent, DirTwoNames, DirDisconnected, DirLoop,
	EntryNowhere, EntryFree, EntryType, EntryHidden, LinkCount, InodeUnreferenced,
	UnlinkedPending, UnlinkedLost, UnlinkedNamed, UnlinkedFree, UnlinkedPointer, UnlinkedTwice, UnlinkedBucket, UnlinkedStale,
}
