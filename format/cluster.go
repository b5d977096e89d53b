package format

// Cluster is the buffer of inodes that the kernel reads, logs and writes together: its place
// and size in bytes, for the one that holds an inode. Log items of inodes name it.
func (g *Geometry) Cluster(ino Ino) (off int64, size int) {
	const perInode256 = 8192 // bytes of a cluster when inodes have 256 bytes
	blocks := max(1, perInode256*(g.InodeSize/256)>>g.BlockLog)
	if uint32(blocks) > max(1, g.InoAlign) {
		blocks = max(1, perInode256>>g.BlockLog)
	}
	ag, i := g.SplitIno(ino)
	b := g.InoBlock(i) / AGBlock(blocks) * AGBlock(blocks)
	return g.AGOffset(ag, b), blocks << g.BlockLog
}
