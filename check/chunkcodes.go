package check

// The codes of the records of inodes in inobt and finobt.
var (
	ChunkStart = &Code{
		Name: "chunk.start", Severity: Damage, Summary: "inodes begin at a place where none can begin",
		Means:  "Inodes are allocated in chunks of 64 that begin at multiples of the volume's inode alignment. This record of inobt begins elsewhere.",
		Lost:   "If the record is wrong, the files whose inodes it should have. Linux takes the number of an inode apart by the alignment and reads wrong places.",
		Repair: "Searches the group for inodes and makes the trees anew.",
	}
	ChunkOutside = &Code{
		Name: "chunk.outside", Severity: Damage, Summary: "inodes lie where the group has no blocks for them",
		Means:  "A record of inobt has inodes behind the group's end or in its headers.",
		Lost:   "If the record is wrong, the files whose inodes it should have.",
		Repair: "Searches the group for inodes and makes the trees anew.",
	}
	ChunkTwice = &Code{
		Name: "chunk.twice", Severity: Damage, Summary: "the same inodes are recorded twice",
		Means:  "Two records of inobt have the same inodes, so that Linux may take one of them for free while it is in use.",
		Lost:   "Nothing yet. Files made from now on may take the inodes of others.",
		Repair: "Makes the trees anew from the inodes themselves.",
	}
	ChunkHoles = &Code{
		Name: "chunk.holes", Severity: Damage, Summary: "the holes of a sparse chunk are impossible",
		Means:  "Sparse chunks consist of pieces of the volume's sparse alignment; inodes in the holes between them don't exist and count as not free for use. The masks of this record say otherwise.",
		Lost:   "If the mask is wrong, the files whose inodes are taken for holes. Blocks of other files may be taken for inodes.",
		Repair: "Finds out which inodes exist and makes the trees anew.",
	}
	ChunkCounts = &Code{
		Name: "chunk.counts", Severity: Damage, Summary: "the counts of an inode record differ from its masks",
		Means:  "A record of inobt or finobt has the number of inodes and of free ones along with the masks that say which. They don't agree.",
		Lost:   "Nothing. Linux fails when it makes or removes files with these inodes.",
		Repair: "Counts again.",
	}
	ChunkUsedFree = &Code{
		Name: "chunk.used-marked-free", Severity: Damage, Summary: "an inode in use is recorded as free",
		Means:  "The inode has a mode, so it is a file; inobt says that it is free. Linux may give it to a new file.",
		Lost:   "Nothing yet; the file, when its inode is given away.",
		Repair: "Marks it as used if a directory leads to it, else frees it and what it holds.",
	}
	ChunkFreeUsed = &Code{
		Name: "chunk.free-marked-used", Severity: Damage, Summary: "a free inode is recorded as in use",
		Means:  "The inode has no mode, so it is no file; inobt says that it is one.",
		Lost:   "An inode, until a repair; or a file, if the inode was overwritten.",
		Repair: "Marks it as free, and removes entries that lead to it.",
	}
	FinobtMissing = &Code{
		Name: "finobt.missing", Severity: Damage, Summary: "free inodes are not in the tree of free inodes",
		Means:  "finobt repeats the records of inobt that have free inodes. One is missing.",
		Lost:   "The free inodes, until a repair. Linux fails when it removes a file that has an inode of the chunk.",
		Repair: "Makes finobt anew from inobt.",
	}
	FinobtStray = &Code{
		Name: "finobt.stray", Severity: Damage, Summary: "the tree of free inodes has a record too many",
		Means:  "finobt repeats the records of inobt that have free inodes. This one has no such counterpart.",
		Lost:   "Nothing. Linux fails when it makes a file and finds the record.",
		Repair: "Makes finobt anew from inobt.",
	}
	FinobtDiffers = &Code{
		Name: "finobt.differs", Severity: Damage, Summary: "the two trees of inodes contradict each other",
		Means:  "finobt repeats the records of inobt that have free inodes. The two differ in which inodes exist or are free.",
		Lost:   "Nothing. Linux fails when it makes or removes files with these inodes.",
		Repair: "Makes finobt anew from inobt, and that from the inodes if need be.",
	}
)

var chunkCodes = []*Code{
	ChunkStart, ChunkOutside, ChunkTwice, ChunkHoles, ChunkCounts, ChunkUsedFree, ChunkFreeUsed,
	FinobtMissing, FinobtStray, FinobtDiffers,
}
