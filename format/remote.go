package format

// RemotePayload is the number of bytes of a remote value or symbolic link that one filesystem
// block holds.
func RemotePayload(blockSize int) int { return blockSize - AttrRmt.Size }

// RemoteBlocks is the number of filesystem blocks that n such bytes take.
func RemoteBlocks(blockSize, n int) int {
	return (n + RemotePayload(blockSize) - 1) / RemotePayload(blockSize)
}

// PutRemote encodes part i (from 0) of the remote value or link target data into b: one
// filesystem block of a value, or the whole run of blocks of a link, which has one header and
// one checksum for each mapping of its fork. magic is AttrRmtMagic or SymlinkMagic, bno the first block's address.
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
