package format

// A POSIX ACL as the value of an attribute: a count and as many entries.
var (
	ACL = newStruct("acl", 4)

	ACLCount = u32[uint32](ACL, "cnt", 0, Dec)

	_ = contents(ACL, aclParts)

	ACLEntry = newStruct("aclentry", 12)

	ACLEntryTag  = u32[uint32](ACLEntry, "tag", 0, Hex)
	ACLEntryID   = u32[uint32](ACLEntry, "id", 4, Dec)
	ACLEntryPerm = u16[uint16](ACLEntry, "perm", 8, Hex)
	_            = padding(ACLEntry, "pad", 10, 2)
)

// Names, in the namespace AttrRoot, of the attributes that hold ACLs.
const (
	AttrACLAccess  = "SGI_ACL_FILE"
	AttrACLDefault = "SGI_ACL_DEFAULT"
)

// MaxACLEntries is how many entries an ACL can have.
const MaxACLEntries = (1<<16 - 4) / 12

func aclParts(_ *Geometry, b []byte) ([]Part, error) {
	return counted("acl", "cnt", "entries", ACL, ACLEntry, ACLCount.Get(b), b)
}
