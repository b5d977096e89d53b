package journal

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/cowfs/cowfs/format"
)

// Directory blocks can be larger than filesystem blocks, and then need not lie in one run. The
// log has each run as a buffer of its own and knows nothing of the others, but there is one
// checksum for the whole. So the runs are joined at the end, by what the directories say of
// where their blocks are. Each change of a directory logs its inode, too.

// dirPiece writes a buffer that is smaller than a directory block.
func (r *replayer) dirPiece(off int64, data []byte, may []*format.BlockType) error {
	p := piece{n: len(data), lsn: r.lsn}
	if t := format.Detect(r.g, data); slices.Contains(may, t) {
		t.LSN.Put(data, r.lsn) // the block's first piece
		if t.Len(r.g, data) == len(data) {
			p.whole = t
		}
	}
	r.pieces[off] = p
	return r.write(off, data, nil)
}

// sawDir takes note of a directory that the log has an item for.
func (r *replayer) sawDir(ino format.Ino, inode []byte) {
	if r.g.DirBlockSize > r.g.BlockSize && format.DiMode.Get(inode)&format.ModeType == format.ModeDir {
		r.dirs[ino] = true
	}
}

// joinPieces gives the directory blocks that were replayed in pieces their LSN and checksum.
func (s *stage) joinPieces() error {
	if len(s.pieces) == 0 {
		return nil
	}
	for _, ino := range slices.Sorted(maps.Keys(s.dirs)) {
		if err := s.joinDir(ino); err != nil {
			return fmt.Errorf("after the replay: directory %d: %w", ino, err)
		}
	}
	for off, p := range s.pieces {
		if p.whole == nil {
			return format.Corrupt("directory block", "", "a part", "the directory that it belongs to").At(s.place(off))
		}
		s.touched[off] = object{n: p.n, typ: p.whole, replayed: true}
	}
	return nil
}

// joinDir joins the pieces that belong to a directory, and strikes them off the list.
func (s *stage) joinDir(ino format.Ino) error {
	b, err := s.read(s.g.InoOffset(ino), s.g.InodeSize)
	if err != nil {
		return err
	}
	if format.DiMode.Get(b)&format.ModeType != format.ModeDir {
		return nil
	}
	inode := bytes.Clone(b)
	places := slices.Sorted(maps.Keys(s.pieces))
	newest := map[format.FileOff]format.LSN{} // of the pieces, by directory block
	w := forkWalk{stage: s, each: func(m format.Mapping) error {
		start := s.g.Offset(m.Start)
		end := start + int64(m.Count)<<s.g.BlockLog
		for i, _ := slices.BinarySearch(places, start); i < len(places) && places[i] < end; i++ {
			p, ok := s.pieces[places[i]]
			if !ok {
				return format.Corrupt("bmbt record", "startblock", m, "blocks that are mapped once")
			}
			delete(s.pieces, places[i])
			// A piece is a run of blocks of one directory block.
			block := (m.Off + format.FileOff((places[i]-start)>>s.g.BlockLog)) / format.FileOff(s.g.DirBlocks())
			newest[block] = max(newest[block], p.lsn)
		}
		return nil
	}}
	if err := w.walk(inode, false); err != nil || len(newest) == 0 {
		return err
	}
	runs := map[format.FileOff][]format.Mapping{} // that the blocks consist of
	per := format.FileOff(s.g.DirBlocks())
	blocks := slices.Sorted(maps.Keys(newest))
	w.each = func(m format.Mapping) error {
		for i, _ := slices.BinarySearch(blocks, m.Off/per); i < len(blocks) && blocks[i]*per < m.End(); i++ {
			if b := blocks[i]; len(runs[b]) < s.g.DirBlocks() {
				runs[b] = append(runs[b], m)
			}
		}
		return nil
	}
	if err := w.walk(inode, false); err != nil {
		return err
	}
	for _, b := range blocks {
		if err := s.joinBlock(b*per, runs[b], newest[b]); err != nil {
			return err
		}
	}
	return nil
}

// joinBlock gives the directory block that starts at a block of the fork its LSN and checksum.
func (s *stage) joinBlock(first format.FileOff, runs []format.Mapping, lsn format.LSN) error {
	whole := make([]byte, 0, s.g.DirBlockSize)
	places := make([]int64, s.g.DirBlocks())
	for i := range places {
		off := first + format.FileOff(i)
		at := slices.IndexFunc(runs, func(m format.Mapping) bool { return m.Off <= off && off < m.End() })
		if at < 0 {
			return format.Corrupt("directory block", "", fmt.Sprintf("nothing at block %d", off), "a mapping")
		}
		places[i] = s.g.Offset(runs[at].Start + format.FSBlock(off-runs[at].Off))
		b, err := s.read(places[i], s.g.BlockSize)
		if err != nil {
			return err
		}
		whole = append(whole, b...)
	}
	t := format.Detect(s.g, whole)
	if t == format.TypeAttrNode {
		t = format.TypeDirNode
	}
	if t == nil || t.Len(s.g, whole) != len(whole) {
		return format.Corrupt("directory block", "magic", fmt.Sprintf("%x", whole[:12]), "the magic number").At(s.place(places[0]))
	}
	if old := t.LSN.Get(whole); older(old, lsn) {
		t.LSN.Put(whole, lsn)
	}
	t.SetChecksum(whole)
	if err := s.verify(places[0], whole, t); err != nil {
		return err
	}
	for i, off := range places {
		if _, ok := s.touched[off]; !ok {
			s.touched[off] = object{n: s.g.BlockSize}
		}
		if err := s.put(off, whole[i*s.g.BlockSize:][:s.g.BlockSize]); err != nil {
			return err
		}
	}
	return nil
}
