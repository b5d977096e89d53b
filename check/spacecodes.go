package check

// The codes of who has which blocks.
var (
	SpaceRecord = &Code{
		Name: "space.record", Severity: Damage, Summary: "a free extent lies where none can be",
		Means:  "A record of bnobt or cntbt has no length, or reaches into the group's header or behind its end.",
		Lost:   "Nothing yet. Linux shuts the volume down when it comes upon the record.",
		Repair: "Builds the trees of free space anew.",
	}
	SpaceOverlap = &Code{
		Name: "space.overlap", Severity: Damage, Summary: "free extents overlap",
		Means:  "Two records of bnobt have blocks in common, which would be given out twice.",
		Lost:   "Nothing yet. When both are used, files overwrite each other.",
		Repair: "Builds the trees of free space anew.",
	}
	SpaceUnmerged = &Code{
		Name: "space.unmerged", Severity: Damage, Summary: "free extents that touch are two records",
		Means:  "Writers join free extents that follow each other; all of them rely on it.",
		Lost:   "Nothing. Large extents may not be found.",
		Repair: "Builds the trees of free space anew.",
	}
	SpaceTreesDiffer = &Code{
		Name: "space.trees-differ", Severity: Damage, Summary: "the two trees of free space hold different extents",
		Means:  "bnobt has the free extents by place and cntbt the same ones by length. An extent is in only one of them.",
		Lost:   "Nothing yet. Blocks may be given out twice or never.",
		Repair: "Builds the trees of free space anew.",
	}
	SpaceLost = &Code{
		Name: "space.lost", Severity: Leak, Summary: "blocks are neither free nor in use",
		Means:  "No file and no structure has the blocks, and the trees of free space don't have them either.",
		Lost:   "Nothing but the space.",
		Repair: "Makes them free.",
	}
	SpaceFreeUsed = &Code{
		Name: "space.free-used", Severity: Damage, Summary: "blocks in use are free as well",
		Means:  "The trees of free space have blocks that belong to a file or a structure.",
		Lost:   "Nothing yet. When the blocks are given out, their owner's content is overwritten.",
		Repair: "Takes them out of the trees of free space.",
	}
	SpaceCrossLink = &Code{
		Name: "space.cross-link", Severity: Damage, Summary: "blocks have two owners that can't share them",
		Means:  "Only written data of regular files may be shared. These blocks belong to two owners of which at least one is something else: metadata, a directory, attributes, or space that is allocated but not written.",
		Lost:   "One of the owners has overwritten the other's content, or will.",
		Repair: "Leaves the blocks to the owner whose structure they hold, and cuts them off the other one.",
	}
	RmapRecord = &Code{
		Name: "rmap.record", Severity: Damage, Summary: "a record of an owner is impossible",
		Means:  "A record of rmapbt lies outside its group, or has an owner, an offset or flags that can't be.",
		Lost:   "Nothing yet. Linux shuts the volume down when it comes upon the record.",
		Repair: "Builds rmapbt anew.",
	}
	RmapUnmerged = &Code{
		Name: "rmap.unmerged", Severity: Damage, Summary: "records of an owner that continue each other are two",
		Means:  "Writers join records of the same owner when both blocks and offsets follow each other; all of them rely on it.",
		Lost:   "Nothing yet. Linux may shut the volume down when the blocks are freed.",
		Repair: "Builds rmapbt anew.",
	}
	RmapMissing = &Code{
		Name: "rmap.missing", Severity: Damage, Summary: "an owner of blocks is not recorded",
		Means:  "A file or a structure has blocks, and rmapbt has no record of that.",
		Lost:   "Nothing yet. Linux shuts the volume down when the blocks are freed, and a repair that relies on rmapbt would give them away.",
		Repair: "Builds rmapbt anew.",
	}
	RmapStray = &Code{
		Name: "rmap.stray", Severity: Damage, Summary: "an owner is recorded for blocks that it doesn't have",
		Means:  "rmapbt has a record of an owner of blocks, and the owner does not have them: they are free, or somebody else's.",
		Lost:   "Nothing yet. Linux shuts the volume down when the blocks are given to somebody.",
		Repair: "Builds rmapbt anew.",
	}
	RmapWrong = &Code{
		Name: "rmap.wrong", Severity: Damage, Summary: "another owner or offset is recorded than blocks have",
		Means:  "rmapbt has a record for the blocks that names another owner, another fork or offset, or says written instead of unwritten or the other way round.",
		Lost:   "Nothing yet. Linux shuts the volume down when the blocks are freed.",
		Repair: "Builds rmapbt anew.",
	}
	RefcountRecord = &Code{
		Name: "refcount.record", Severity: Damage, Summary: "a record of sharing is impossible",
		Means:  "A record of refcountbt lies outside its group, or staged blocks have another number of owners than one.",
		Lost:   "Nothing yet. Linux shuts the volume down when it comes upon the record.",
		Repair: "Builds refcountbt anew.",
	}
	RefcountOverlap = &Code{
		Name: "refcount.overlap", Severity: Damage, Summary: "records of sharing overlap",
		Means:  "Two records of refcountbt have blocks in common, so that it is not clear how many owners these have.",
		Lost:   "Nothing yet; as when the number is wrong.",
		Repair: "Builds refcountbt anew.",
	}
	RefcountUnmerged = &Code{
		Name: "refcount.unmerged", Severity: Oddity, Summary: "records of sharing that could be one are two",
		Means:  "Two records of refcountbt follow each other and have the same number of owners. Writers join them.",
		Lost:   "Nothing.",
		Repair: "Builds refcountbt anew.",
	}
	RefcountTooHigh = &Code{
		Name: "refcount.too-high", Severity: Damage, Summary: "more owners are recorded than blocks have",
		Means:  "refcountbt gives a number of owners of shared blocks that is higher than the number of files that have them.",
		Lost:   "Space, in time: when the files are gone the blocks are not freed.",
		Repair: "Builds refcountbt anew.",
	}
	RefcountTooLow = &Code{
		Name: "refcount.too-low", Severity: Damage, Summary: "fewer owners are recorded than blocks have",
		Means:  "refcountbt gives a number of owners of shared blocks that is lower than the number of files that have them.",
		Lost:   "Nothing yet. When some of the files are deleted the blocks are freed while others still have them, and are overwritten.",
		Repair: "Builds refcountbt anew.",
	}
	RefcountMissing = &Code{
		Name: "refcount.missing", Severity: Damage, Summary: "blocks are shared, and that is not recorded",
		Means:  "Several files have the blocks and refcountbt has no record of it, so they count as one file's own.",
		Lost:   "Nothing yet. A write to one of the files changes the others, and deleting one frees the blocks of all.",
		Repair: "Builds refcountbt anew.",
	}
	RefcountStray = &Code{
		Name: "refcount.stray", Severity: Damage, Summary: "sharing is recorded for blocks that are not shared",
		Means:  "refcountbt has a record of shared blocks that belong to one file or to nobody.",
		Lost:   "Space, in time: the blocks are not freed with their file. Linux may shut the volume down when they are given to somebody else.",
		Repair: "Builds refcountbt anew.",
	}
	RefcountWrongDomain = &Code{
		Name: "refcount.wrong-domain", Severity: Damage, Summary: "shared blocks are recorded as staged, or staged ones as shared",
		Means:  "refcountbt has two sorts of records: of blocks with several owners, and of blocks staged for copy-on-write. This one is of the wrong sort.",
		Lost:   "Blocks of a file that count as staged are freed by the next mount, and then overwritten. Staged ones that count as shared are never freed.",
		Repair: "Builds refcountbt anew.",
	}
	CowLeaked = &Code{
		Name: "cow.leaked", Severity: Leak, Summary: "staged blocks belong to no write",
		Means:  "Blocks were set aside for copy-on-write, and no file has them in its CoW fork. A crash leaves it so.",
		Lost:   "Nothing but the space, until a repair or the next mount after a crash.",
		Repair: "Frees them.",
	}
	CowUnstaged = &Code{
		Name: "cow.unstaged", Severity: Damage, Summary: "a CoW fork has blocks that are not recorded as staged",
		Means:  "A file has blocks in its CoW fork, or for its tree, that refcountbt does not have as staged.",
		Lost:   "Nothing yet. The blocks may be given to somebody else, and the staged write is lost then.",
		Repair: "Drops the part of the CoW fork whose blocks are in use elsewhere, and records the rest.",
	}
	CowPendingFlag = &Code{
		Name: "cow.pending-flag", Severity: Oddity, Summary: "staged writes are announced and there are none",
		Means:  "The superblock has the PENDING_COW feature, which says that some inode has a CoW fork on disk, and none has.",
		Lost:   "Nothing. Linux mounts the volume for reading only.",
		Repair: "Clears the flag.",
	}
	CowPendingHalf = &Code{
		Name: "cow.pending-half", Severity: Damage, Summary: "only one of the two flags of staged writes is set",
		Means:  "While inodes have CoW forks on disk the superblock says so twice: among the features that a writer must know, and among those that whoever replays the log must know.",
		Lost:   "Nothing yet. Without the first flag Linux would write to the volume, without the second one it would free all staged blocks after a crash.",
		Repair: "Sets both flags or clears both, by what inodes have.",
	}
)

var spaceCodes = []*Code{
	SpaceRecord, SpaceOverlap, SpaceUnmerged, SpaceTreesDiffer, SpaceLost, SpaceFreeUsed, SpaceCrossLink,
	RmapRecord, RmapUnmerged, RmapMissing, RmapStray, RmapWrong,
	RefcountRecord, RefcountOverlap, RefcountUnmerged, RefcountTooHigh, RefcountTooLow, RefcountMissing, RefcountStray, RefcountWrongDomain,
	CowLeaked, CowUnstaged, CowPendingFlag, CowPendingHalf,
}
