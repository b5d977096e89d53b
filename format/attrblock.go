package format

// AttrFlag holds an attribute's namespace and state.
type AttrFlag uint8

// Attribute flags. No namespace bit is the user namespace.
const (
	AttrLocal      AttrFlag = 1 << 0 // leaf form: the value lies beside the name
	AttrRoot       AttrFlag = 1 << 1 // trusted
	AttrSecure     AttrFlag = 1 << 2 // security
	AttrParent     AttrFlag = 1 << 3 // a parent pointer
	AttrIncomplete AttrFlag = 1 << 7 // being written; not there for readers
	AttrNamespace           = AttrRoot | AttrSecure | AttrParent
)

// The header of an attribute fork in shortform, and the fixed part of an entry; name and value
// follow it.
var (
	AttrSF = newStruct("attrsf", 4)

	AttrSFTotSize = u16[uint16](AttrSF, "hdr.totsize", 0, Bytes)
	AttrSFCount   = u8[uint8](AttrSF, "hdr.count", 2, Dec)
	_             = padding(AttrSF, "hdr.pad", 3, 1)

	AttrSFEntry = newStruct("attrsfentry", 3)

	AttrSFNameLen  = u8[uint8](AttrSFEntry, "namelen", 0, Bytes)
	AttrSFValueLen = u8[uint8](AttrSFEntry, "valuelen", 1, Bytes)
	AttrSFFlags    = u8[AttrFlag](AttrSFEntry, "flags", 2, Hex)
)

// The header of an attribute leaf block; AttrEntry entries follow, names and values grow down
// from the block's end.
var (
	AttrLeaf = embedding("attrleaf", 80, "hdr.info.hdr.", DaInfo)

	AttrLeafCount     = u16[uint16](AttrLeaf, "hdr.count", 56, Dec)
	AttrLeafUsedBytes = u16[uint16](AttrLeaf, "hdr.usedbytes", 58, Bytes)
	AttrLeafFirstUsed = u16[uint16](AttrLeaf, "hdr.firstused", 60, Bytes) // 0 is 65536
	AttrLeafHoles     = u8[uint8](AttrLeaf, "hdr.holes", 62, Dec)
	_                 = padding(AttrLeaf, "hdr.pad1", 63, 1)
	AttrLeafFreeBase0 = u16[uint16](AttrLeaf, "hdr.freemap[0].base", 64, Bytes)
	AttrLeafFreeSize0 = u16[uint16](AttrLeaf, "hdr.freemap[0].size", 66, Bytes)
	_                 = u16[uint16](AttrLeaf, "hdr.freemap[1].base", 68, Bytes)
	_                 = u16[uint16](AttrLeaf, "hdr.freemap[1].size", 70, Bytes)
	_                 = u16[uint16](AttrLeaf, "hdr.freemap[2].base", 72, Bytes)
	_                 = u16[uint16](AttrLeaf, "hdr.freemap[2].size", 74, Bytes)
	_                 = padding(AttrLeaf, "hdr.pad2", 76, 4)

	AttrEntry = newStruct("attrentry", 8)

	AttrEntryHash    = u32[Hash](AttrEntry, "hashval", 0, Hex)
	AttrEntryNameIdx = u16[uint16](AttrEntry, "nameidx", 4, Bytes)
	AttrEntryFlags   = u8[AttrFlag](AttrEntry, "flags", 6, Hex)
	_                = padding(AttrEntry, "pad2", 7, 1)
)

// A name with its value beside it, and one whose value has blocks of its own; the name (and the
// value) follow the fixed part.
var (
	AttrLocalName = newStruct("attrlocal", 3)

	AttrLocalValueLen = u16[uint16](AttrLocalName, "valuelen", 0, Bytes)
	AttrLocalNameLen  = u8[uint8](AttrLocalName, "namelen", 2, Bytes)

	AttrRemoteName = newStruct("attrremote", 9)

	AttrRemoteBlk      = u32[uint32](AttrRemoteName, "valueblk", 0, FileOffKind)
	AttrRemoteValueLen = u32[uint32](AttrRemoteName, "valuelen", 4, Bytes)
	AttrRemoteNameLen  = u8[uint8](AttrRemoteName, "namelen", 8, Bytes)
)

// AttrLocalSize is the room that a local name takes in a leaf, AttrRemoteSize that of a remote one.
func AttrLocalSize(name, value int) int { return (AttrLocalName.Size + name + value + 3) &^ 3 }

// AttrRemoteSize is the room that the name of an attribute with a remote value takes in a leaf.
func AttrRemoteSize(name int) int { return (AttrRemoteName.Size + name + 3) &^ 3 }

// AttrLocalMax is the size of a local name, as AttrLocalSize gives it, from which on the value
// is made remote.
func AttrLocalMax(blockSize int) int { return blockSize / 4 * 3 }

// The header of each block of a remote value, and of a remote symbolic link; data follow.
var (
	AttrRmt = remoteHeader("attrrmt")
	Symlink = remoteHeader("symlink")

	RemoteMagic  = U32[uint32](0)
	RemoteOffset = U32[uint32](4)
	RemoteBytes  = U32[uint32](8)
	RemoteCRC    = L32(12)
	RemoteUUID   = UUIDField(16)
	RemoteOwner  = U64[Ino](32)
	RemoteBno    = U64[Daddr](40)
	RemoteLSN    = U64[LSN](48)
)

// remoteHeader declares the header that both remote forms share.
func remoteHeader(name string) *Struct {
	s := newStruct(name, 56)
	u32[uint32](s, "hdr.magic", int(RemoteMagic), Hex)
	u32[uint32](s, "hdr.offset", int(RemoteOffset), Bytes)
	u32[uint32](s, "hdr.bytes", int(RemoteBytes), Bytes)
	crc(s, "hdr.crc", int(RemoteCRC))
	uuid(s, "hdr.uuid", int(RemoteUUID))
	u64[Ino](s, "hdr.owner", int(RemoteOwner), InoPtr)
	u64[Daddr](s, "hdr.bno", int(RemoteBno), DaddrPtr)
	u64[LSN](s, "hdr.lsn", int(RemoteLSN), LSNKind)
	return s
}

// RemoteLSNValue is what blocks of a remote attribute value hold for an LSN: they are not logged.
const RemoteLSNValue = ^LSN(0)

// The value of a parent pointer: the directory that the name is in.
var (
	ParentRec = newStruct("parent", 12)

	ParentIno = u64[Ino](ParentRec, "inumber", 0, InoPtr)
	ParentGen = u32[uint32](ParentRec, "gen", 8, Dec)
)
