package txn

import "github.com/cowfs/cowfs/format"

// Chunk is a run of blocks that became inodes. The log describes it in a few words, so that
// its free inodes need not be logged.
type Chunk struct {
	AG     format.AGNumber
	Start  format.AGBlock
	Blocks uint32
	Inodes uint32
	Gen    uint32 // generation that all of them get
}

// NewInodes makes the buffers of a new chunk: free inodes, as fill encodes them into zeroed
// bytes but for their checksums. They count as changed without being logged one by one.
func (tx *Tx) NewInodes(c Chunk, fill func(ino format.Ino, b []byte)) {
	g := tx.Geo
	first := format.AGIno(c.Start) << g.InoPBLog
	tx.events = append(tx.events, event{chunk: &c})
	for i := range format.AGIno(c.Inodes) {
		ino := g.Ino(c.AG, first+i)
		b := &Buf{Off: g.InoOffset(ino), Data: make([]byte, g.InodeSize), Type: format.TypeInode, made: true}
		fill(ino, b.Data)
		tx.install(b)
		tx.touch(b)
	}
}
