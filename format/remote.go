package format

// The header of each block of a remote value, and of each mapping of a remote symbolic link; data
// follow.
var (
	AttrRmt = remoteHeader("attrrmt", "hdr.")
	Symlink = remoteHeader("symlink", "")

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
func remoteHeader(name, prefix string) *Struct {
	s := newStruct(name, remoteSize)
	u32[uint32](s, prefix+"magic", int(RemoteMagic), Hex)
	u32[uint32](s, prefix+"offset", int(RemoteOffset), Bytes)
	u32[uint32](s, prefix+"bytes", int(RemoteBytes), Bytes)
	crc(s, prefix+"crc", int(RemoteCRC))
	uuid(s, prefix+"uuid", int(RemoteUUID))
	u64[Ino](s, prefix+"owner", int(RemoteOwner), InoPtr)
	u64[Daddr](s, prefix+"bno", int(RemoteBno), DaddrPtr)
	u64[LSN](s, prefix+"lsn", int(RemoteLSN), LSNKind)
	s.Parts = remoteParts
	return s
}

// remoteParts is the piece of the value or link target in a block.
func remoteParts(_ *Geometry, b []byte) ([]Part, error) {
	n := int(RemoteBytes.Get(b))
	if err := checkRange(remoteSize, n, len(b)); err != nil {
		return nil, err
	}
	return []Part{textPart("data", remoteSize, n)}, nil
}

// remoteSize is the size of the header; the tables' own are not known yet when they are made.
const remoteSize = 56

// symlinkLen is the size in bytes of the blocks that one header of a symbolic link covers.
func symlinkLen(g *Geometry, b []byte) int {
	n := uint64(remoteSize) + uint64(RemoteBytes.Get(b))
	return int(min(g.BlocksUp(n), MaxBlockSize)) * g.BlockSize
}

// checkRemote judges where a block's piece lies in the value or link target.
func checkRemote(_ *Geometry, b []byte, _ Place, r report) *CorruptError {
	off, n := RemoteOffset.Get(b), RemoteBytes.Get(b)
	limit := uint32(MaxAttrValue)
	if RemoteMagic.Get(b) == SymlinkMagic {
		limit = MaxSymlinkLen
	}
	if n == 0 || checkRange(remoteSize, int(n), len(b)) != nil {
		if e := r.fault(bad("bytes", n, fromTo(1, len(b)-remoteSize))); e != nil {
			return e
		}
	}
	if off > limit || n > limit-off {
		return bad("offset", off, below(limit))
	}
	return nil
}

// RemoteLSNValue is what blocks of a remote attribute value hold for an LSN: they are not logged.
const RemoteLSNValue = ^LSN(0)

// RemotePayload is the number of bytes of a remote value or symbolic link that one filesystem
// block holds.
func RemotePayload(blockSize int) int { return blockSize - AttrRmt.Size }

// RemoteBlocks is the number of filesystem blocks that n such bytes take.
func RemoteBlocks(blockSize, n int) int {
	return (n + RemotePayload(blockSize) - 1) / RemotePayload(blockSize)
}

// PutRemote encodes part i (from 0) of the remote value or link target data into b: one
// filesystem block of a value, or the whole run of blocks of a link, which has one header and
// one checksum for each mapping of its fork. magic is AttrRmtMagic or SymlinkMagic, bno the
// first block's address.
func PutRemote(b []byte, magic uint32, uuid UUID, owner Ino, bno Daddr, i int, data []byte) {
	per := RemotePayload(len(b))
	part := data[i*per : min((i+1)*per, len(data))]
	clear(b)
	RemoteMagic.Put(b, magic)
	RemoteOffset.Put(b, uint32(i*per))
	RemoteBytes.Put(b, uint32(len(part)))
	RemoteUUID.Put(b, uuid)
	RemoteOwner.Put(b, owner)
	RemoteBno.Put(b, bno)
	if magic == AttrRmtMagic {
		RemoteLSN.Put(b, RemoteLSNValue)
	}
	copy(b[AttrRmt.Size:], part)
	SetChecksum(b, RemoteCRC)
}
