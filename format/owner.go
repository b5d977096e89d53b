package format

import "strconv"

// Owners of rmap records that are not inodes.
const (
	OwnNull    uint64 = -1 & (1<<64 - 1)
	OwnUnknown        = OwnNull - 1
	OwnFS             = OwnNull - 2 // header sectors
	OwnLog            = OwnNull - 3
	OwnAG             = OwnNull - 4 // bnobt, cntbt, rmapbt, AGFL
	OwnInobt          = OwnNull - 5 // inobt, finobt
	OwnInodes         = OwnNull - 6
	OwnRefc           = OwnNull - 7
	OwnCow            = OwnNull - 8 // CoW staging
)

var ownerNames = map[uint64]string{
	OwnNull: "null", OwnUnknown: "unknown", OwnFS: "fs", OwnLog: "log", OwnAG: "ag",
	OwnInobt: "inobt", OwnInodes: "inodes", OwnRefc: "refcount", OwnCow: "cow",
}

// OwnerName names the owner of an rmap record: a word for the fixed ones, else the inode number.
func OwnerName(o uint64) string {
	if n, ok := ownerNames[o]; ok {
		return n
	}
	return strconv.FormatUint(o, 10)
}

func ownerByName(s string) (uint64, bool) {
	for o, n := range ownerNames {
		if n == s {
			return o, true
		}
	}
	return 0, false
}

// OwnerIsInode reports whether an rmap record's owner is an inode.
func OwnerIsInode(o uint64) bool { return o>>63 == 0 }
