package format

import "strconv"

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
