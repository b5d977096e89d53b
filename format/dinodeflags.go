package format

// ForkFormat says how a fork is stored.
type ForkFormat uint8

// Fork formats.
const (
	FmtDev ForkFormat = iota
	FmtLocal
	FmtExtents
	FmtBtree
)

var forkFormatNames = &Names{By: map[int]string{0: "dev", 1: "local", 2: "extents", 3: "btree"}}

// String names the format.
func (f ForkFormat) String() string {
	if n := forkFormatNames.describe(uint64(f)); n != "" {
		return n
	}
	return "unknown"
}

// DiFlag is a bit of an inode's flags.
type DiFlag uint16

// Inode flags.
const (
	FlagRealtime     DiFlag = 1 << 0
	FlagPrealloc     DiFlag = 1 << 1
	FlagNewRtBm      DiFlag = 1 << 2
	FlagImmutable    DiFlag = 1 << 3
	FlagAppend       DiFlag = 1 << 4
	FlagSync         DiFlag = 1 << 5
	FlagNoAtime      DiFlag = 1 << 6
	FlagNoDump       DiFlag = 1 << 7
	FlagRtInherit    DiFlag = 1 << 8
	FlagProjInherit  DiFlag = 1 << 9
	FlagNoSymlinks   DiFlag = 1 << 10
	FlagExtSize      DiFlag = 1 << 11
	FlagExtSzInherit DiFlag = 1 << 12
	FlagNoDefrag     DiFlag = 1 << 13
	FlagFileStream   DiFlag = 1 << 14
)

// Flags that there are, and those for one type of file only.
const (
	FlagsKnown  = FlagFileStream<<1 - 1
	FlagsOfDirs = FlagRtInherit | FlagExtSzInherit | FlagProjInherit | FlagNoSymlinks
	FlagsOfReg  = FlagRealtime | FlagExtSize
)

var diFlagNames = &Names{Mask: true, By: map[int]string{
	0: "realtime", 1: "prealloc", 2: "newrtbm", 3: "immutable", 4: "append", 5: "sync", 6: "noatime", 7: "nodump",
	8: "rtinherit", 9: "projinherit", 10: "nosymlinks", 11: "extsz", 12: "extszinherit", 13: "nodefrag", 14: "filestream",
}}

// DiFlag2 is a bit of an inode's flags2.
type DiFlag2 uint64

// Inode flags2.
const (
	Flag2DAX        DiFlag2 = 1 << 0
	Flag2Reflink    DiFlag2 = 1 << 1
	Flag2CowExtSize DiFlag2 = 1 << 2
	Flag2Bigtime    DiFlag2 = 1 << 3
	Flag2Nrext64    DiFlag2 = 1 << 4
)

// Flags2Known are the flags2 that there are.
const Flags2Known = Flag2DAX | Flag2Reflink | Flag2CowExtSize | Flag2Bigtime | Flag2Nrext64

var diFlag2Names = &Names{Mask: true, By: map[int]string{
	0: "dax", 1: "reflink", 2: "cowextsz", 3: "bigtime", 4: "nrext64", 5: "metadata",
}}
