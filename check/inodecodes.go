package check

// The codes of inodes themselves and of their forks.
var (
	InodeMagic = &Code{
		Name: "inode.magic", Severity: Damage, Summary: "where an inode should be there is something else",
		Means:  "The magic number or the version is not that of an inode. The chunk was overwritten, or the record that says it has inodes is wrong.",
		Lost:   "The file, if there was one: what it is, where its data are, and its attributes.",
		Repair: "Makes a free inode of it and removes entries that lead to it; its blocks become free.",
	}
	InodeCRC = &Code{
		Name: "inode.crc", Severity: Damage, Summary: "an inode's checksum is wrong",
		Means:  "The inode was changed outside the filesystem, or a write to it was torn. Linux refuses to read it.",
		Lost:   "The file can't be read until a repair; perhaps one of its fields is wrong.",
		Repair: "Computes the checksum anew if all else about the inode is right, else frees it.",
	}
	InodeIdentity = &Code{
		Name: "inode.identity", Severity: Damage, Summary: "an inode says that it is another one",
		Means:  "Each inode holds its own number and the volume's UUID. These differ, so it was written to a wrong place or belongs to an earlier filesystem. Linux refuses to read it.",
		Lost:   "The file that belongs here, if it was overwritten by the inode of another.",
		Repair: "Sets number and UUID if all else about the inode is right, else frees it.",
	}
	InodeFormat = &Code{
		Name: "inode.format", Severity: Damage, Summary: "an inode's type or the form of a fork is impossible",
		Means:  "Type of file, form of the forks, where the attribute fork begins and how many extents there are must go together. They don't, so what the fork holds is not known. Linux refuses to read the inode.",
		Lost:   "What is in the fork: data, entries or attributes.",
		Repair: "Sets the field where the rest of the inode leaves one choice, else empties the fork.",
	}
	InodeField = &Code{
		Name: "inode.field", Severity: Damage, Summary: "a field of an inode is impossible",
		Means:  "A field has a value that it can't have in this volume.",
		Lost:   "What the field says.",
		Repair: "Sets it to what follows from the rest, or to its default.",
	}
	InodeSize = &Code{
		Name: "inode.size", Severity: Damage, Summary: "an inode's size is impossible",
		Means:  "Sizes of directories and links follow from what they hold; those of devices are 0, and none is negative. Linux refuses to read some of these inodes.",
		Lost:   "Nothing if it is the size alone that is wrong.",
		Repair: "Sets the size that follows from the contents.",
	}
	InodeFlags = &Code{
		Name: "inode.flags", Severity: Damage, Summary: "an inode has flags or hints that it can't have",
		Means:  "A flag is unknown, is for another type of file, or needs a feature that the volume doesn't have; or a hint for the length of extents is set without its flag, or too large.",
		Lost:   "Nothing but what the flag means. Linux refuses to read some of these inodes.",
		Repair: "Clears what can't be.",
	}
	InodeTime = &Code{
		Name: "inode.time", Severity: Damage, Summary: "a time has too many nanoseconds",
		Means:  "A time is stored as seconds and nanoseconds, and these are a second or more. It may be in the other form, whose flag was lost.",
		Lost:   "The time.",
		Repair: "Sets the nanoseconds to 0.",
	}
	InodePadding = &Code{
		Name: "inode.padding", Severity: Oddity, Summary: "bytes of an inode that mean nothing are set",
		Means:  "Padding and fields that are out of use should be zero.",
		Lost:   "Nothing. A later version of the format may give them a meaning.",
		Repair: "Clears them.",
	}
	InodeBlocks = &Code{
		Name: "inode.blocks", Severity: Damage, Summary: "an inode counts its blocks wrong",
		Means:  "An inode has the number of blocks of all its forks and their trees. It is not the number found.",
		Lost:   "Nothing. Quotas and what users see of the space are wrong, and Linux may shut the volume down when the file shrinks.",
		Repair: "Sets the number found.",
	}
	InodeExtents = &Code{
		Name: "inode.extents", Severity: Damage, Summary: "an inode counts its extents wrong",
		Means:  "An inode has the number of mappings that each of its forks has. In the fork's tree there are more or fewer. Linux refuses to read the fork.",
		Lost:   "Nothing, if no mapping is missing.",
		Repair: "Sets the number found.",
	}
	InodeReflinkMissing = &Code{
		Name: "inode.reflink-missing", Severity: Damage, Summary: "a file shares blocks and is not marked as such",
		Means:  "refcountbt says that blocks of the file have other owners too, and the file has no reflink flag. Linux would write to the shared blocks in place.",
		Lost:   "Nothing yet. A write to this file changes the others.",
		Repair: "Sets the flag.",
	}
	InodeReflinkStale = &Code{
		Name: "inode.reflink-stale", Severity: Oddity, Summary: "a file is marked as sharing blocks and shares none",
		Means:  "The reflink flag is set on a file all of whose blocks are its own. Writers clear it when they are asked to end the sharing; else it stays when the last block is no longer shared. So it is usual, and reported only when this code is asked for by name.",
		Lost:   "Nothing. Writes take a little longer.",
		Repair: "Clears the flag.",
	}
	InodeFreeFields = &Code{
		Name: "inode.free-fields", Severity: Damage, Summary: "a free inode has names, blocks or a successor",
		Means:  "An inode without a mode is free. This one still counts links, blocks or extents, or names a next inode on a list of inodes without names.",
		Lost:   "Nothing if it is free; the file, if the mode was overwritten.",
		Repair: "Empties the inode.",
	}

	ForkMapping = &Code{
		Name: "fork.mapping", Severity: Damage, Summary: "a mapping of a fork is impossible",
		Means:  "A mapping has no blocks, overlaps the one before it or comes before it, leads to where no blocks can be, or says of attributes or directories that they were not written.",
		Lost:   "The part of the file that it should map.",
		Repair: "Removes the mapping; that part reads as zeroes.",
	}
	ForkMergeable = &Code{
		Name: "fork.mergeable", Severity: Oddity, Summary: "two mappings could be one",
		Means:  "A mapping goes on where the one before it ends, in the file and on disk, and the two together are not too long. Writers join such mappings.",
		Lost:   "Nothing.",
		Repair: "Leaves them.",
	}
	ForkPlace = &Code{
		Name: "fork.place", Severity: Damage, Summary: "a fork has blocks at an offset where it can't have any",
		Means:  "Directories have blocks in three ranges of their address space, links from offset 0 on, attributes below 2^32. This mapping is elsewhere, or covers a part of a directory block only.",
		Lost:   "Nothing but the blocks: nobody looks there.",
		Repair: "Frees the blocks; of a directory with parts of blocks, writes anew what can be read.",
	}

	SymlinkTarget = &Code{
		Name: "symlink.target", Severity: Damage, Summary: "a symbolic link's target is impossible",
		Means:  "A target has 1 to 1024 bytes and no NUL among them. What lies in the inode or in the link's blocks is not such a text.",
		Lost:   "Where the link leads.",
		Repair: "Removes the link.",
	}
	SymlinkBlock = &Code{
		Name: "symlink.block", Severity: Damage, Summary: "a block of a symbolic link's target can't be relied on",
		Means:  "A long target lies in blocks with a header each, which says whose they are, where they lie and which part of the target they hold. Some of that is wrong, or a block is missing.",
		Lost:   "Where the link leads.",
		Repair: "Removes the link, or makes the header anew if that is all that is wrong.",
	}
	SymlinkRoom = &Code{
		Name: "symlink.room", Severity: Damage, Summary: "a symbolic link has more blocks than its target needs",
		Means:  "The blocks of a link hold its target and nothing else. These are more than the inode's size needs.",
		Lost:   "The blocks, and the end of the target if it is the size that is wrong.",
		Repair: "Frees the blocks that are too many.",
	}

	QuotaInode = &Code{
		Name: "quota.inode", Severity: Damage, Summary: "what should hold quotas is no file",
		Means:  "The superblock says that quotas of users, groups or projects are kept, and names an inode for them. It is free, no regular file, serves another purpose, or there is none.",
		Lost:   "The limits that were set. What is used is counted anew at the next mount.",
		Repair: "Forgets the inode; Linux makes a new one.",
	}
	QuotaUnchecked = &Code{
		Name: "quota.unchecked", Severity: Unchecked, Summary: "the contents of quotas were not checked",
		Means:  "The volume has quotas. Whether they are right is not checked: Linux counts anew what is used when it finds them out of date.",
		Lost:   "Nothing.",
		Repair: "Leaves them.",
	}
	SpecialInode = &Code{
		Name: "inode.special", Severity: Damage, Summary: "one of the volume's own inodes is not what it should be",
		Means:  "The superblock names the root directory and two inodes for a realtime section, which are there even without one. This one is missing, free or of another type.",
		Lost:   "With the root, nothing below it can be reached by name. Linux does not mount the volume.",
		Repair: "Makes a new root or an empty inode.",
	}
)

var inodeCodes = []*Code{
	InodeMagic, InodeCRC, InodeIdentity, InodeFormat, InodeField, InodeSize, InodeFlags, InodeTime, InodePadding,
	InodeBlocks, InodeExtents, InodeReflinkMissing, InodeReflinkStale, InodeFreeFields, SpecialInode,
	ForkMapping, ForkMergeable, ForkPlace, SymlinkTarget, SymlinkBlock, SymlinkRoom, QuotaInode, QuotaUnchecked,
}
