package journal

import (
	"fmt"
	"maps"
	"slices"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
)

// stageLimit bounds the changes that a replay makes in memory before it writes them, in bytes. Few logs
// change more.
const stageLimit = 512 << 20

// stage is where a replay makes its changes: in memory, over the image. They go to the image
// together, after all that was changed has got its checksum and was found sound.
type stage struct {
	g       *format.Geometry
	area    *area
	overlay *device.Overlay
	into    device.Device
	touched map[int64]object    // by place, bytes from the start of the image
	pieces  map[int64]piece     // parts of directory blocks
	dirs    map[format.Ino]bool // directories with items; only where pieces can be
	written int64               // bytes
	scratch [maxBuffer]byte
}

// object is something that was changed: a block, an inode, a quota record.
type object struct {
	n        int               // bytes
	typ      *format.BlockType // nil: bytes without a checksum
	replayed bool              // what it was before the replay no longer counts
}

// piece is a buffer that is smaller than a directory's blocks: a part of one that does not lie in
// one run on the disk. Nodes can be of attributes, then they are whole.
type piece struct {
	n     int // bytes
	lsn   format.LSN
	whole *format.BlockType // what it is if it belongs to no directory; nil: damaged
}

func newStage(g *format.Geometry, a *area, into device.Device) *stage {
	return &stage{
		g: g, area: a, into: into, overlay: device.NewOverlay(into),
		touched: map[int64]object{}, pieces: map[int64]piece{}, dirs: map[format.Ino]bool{},
	}
}

// offset is the place of an address in bytes; negative when there can be no such place.
func offset(at format.Daddr) int64 {
	if at>>(63-format.BasicBlockLog) != 0 {
		return -1
	}
	return int64(at) << format.BasicBlockLog
}

// read returns n bytes from off, at most maxBuffer. The next read overwrites them.
func (s *stage) read(off int64, n int) ([]byte, error) {
	if err := s.check(off, n); err != nil {
		return nil, err
	}
	b := s.scratch[:n:n]
	_, err := s.overlay.ReadAt(b, off)
	return b, err
}

// write puts an object of a type, changed by the replay, in its place.
func (s *stage) write(off int64, b []byte, typ *format.BlockType) error {
	s.touched[off] = object{n: len(b), typ: typ, replayed: true}
	return s.put(off, b)
}

// amend makes a change to an object that leaves open whether the object is newer than the log: a
// checksum that was wrong stays wrong for now.
func (s *stage) amend(off int64, b []byte, typ *format.BlockType, change func()) error {
	sound := format.ChecksumOK(b, typ.CRC)
	change()
	if sound {
		typ.SetChecksum(b)
	}
	s.touched[off] = object{n: len(b), typ: typ, replayed: s.touched[off].replayed}
	return s.put(off, b)
}

func (s *stage) put(off int64, b []byte) error {
	err := s.check(off, len(b))
	if err == nil {
		_, err = s.overlay.WriteAt(b, off)
	}
	return err
}

// check judges a range, which must lie in the image and not in the log.
func (s *stage) check(off int64, n int) error {
	size := s.into.Size()
	switch {
	case n <= 0 || n > maxBuffer:
		return format.Corrupt("log item", "len", bytesOf(n), bytesOf(maxBuffer)+" at most")
	case off < 0 || off > size-int64(n):
		return format.Corrupt("log item", "blkno", bytesAt(off, n), fmt.Sprintf("bytes of the image's %d", size))
	case s.area.overlaps(off, int64(n)):
		return format.Corrupt("log item", "blkno", bytesAt(off, n), "a place outside the log")
	}
	return nil
}

// newer reports whether the block b at off is on the disk as it was after the checkpoint
// of lsn, or later: then it is not to be replayed. A block with a wrong checksum was being
// written in the crash. The log has all that the write would have changed.
func (s *stage) newer(off int64, b []byte, lsn format.LSN) bool {
	if s.touched[off].replayed {
		return false
	}
	t := format.Detect(s.g, b)
	if t == nil || t.LSN == format.NoField || !s.stamped(t, b) {
		return false
	}
	if n := t.Len(s.g, b); n <= len(b) && !format.ChecksumOK(b[:n], t.CRC) {
		return false
	}
	return !older(t.LSN.Get(b), lsn)
}

// older reports whether what has the LSN got was written before the checkpoint of lsn. Null LSNs
// say nothing.
func older(got, lsn format.LSN) bool { return got == 0 || got == ^format.LSN(0) || got < lsn }

// stamped reports whether a block of a type has an LSN that counts: it belongs to this volume
// and is of a type that the log orders as a whole.
func (s *stage) stamped(t *format.BlockType, b []byte) bool {
	switch t {
	case format.TypeInode, format.TypeDquot, format.TypeAttrRmt:
		return false // have one each, or none
	case format.TypeSuperblock:
		return superblockUUID(b) == s.g.MetaUUID
	}
	return t.UUID == format.NoField || t.UUID.Get(b) == s.g.MetaUUID
}

func superblockUUID(b []byte) format.UUID {
	if format.SBIncompat.Get(b)&format.InMetaUUID != 0 {
		return format.SBMetaUUID.Get(b)
	}
	return format.SBUUID.Get(b)
}

// full reports whether the stage should be flushed.
func (s *stage) full() bool { return s.overlay.Allocated() > stageLimit }

// flush computes the checksums of what was changed, checks it, and writes it to the image.
func (s *stage) flush() error {
	if err := s.seal(); err != nil {
		return err
	}
	return s.apply()
}

// seal computes the checksums of what was changed, and checks it.
func (s *stage) seal() error {
	if err := s.joinPieces(); err != nil {
		return err
	}
	for places := slices.Sorted(maps.Keys(s.touched)); len(places) > 0; {
		n, size := s.run(places)
		if err := s.sealRun(places[:n], size); err != nil {
			return err
		}
		places = places[n:]
	}
	return nil
}

// run finds the objects, of those at sorted places, that follow the first one without a gap and fit
// into a buffer together: how many they are, and how many bytes.
func (s *stage) run(places []int64) (n int, size int64) {
	for _, off := range places {
		at := off - places[0]
		end := max(at+int64(s.touched[off].n), size)
		if at > size || end > maxBuffer {
			break
		}
		n, size = n+1, end
	}
	return n, size
}

// sealRun gives the objects of a run their checksums, and checks them.
func (s *stage) sealRun(places []int64, size int64) error {
	first := places[0]
	b, err := s.read(first, int(size))
	if err != nil {
		return err
	}
	changed := false
	for _, off := range places {
		o := s.touched[off]
		if o.typ == nil {
			continue
		}
		changed = true
		part := b[off-first:][:o.n:o.n]
		o.typ.SetChecksum(part)
		if err := s.verify(off, part, o.typ); err != nil {
			return fmt.Errorf("after the replay: %w", err)
		}
	}
	if !changed {
		return nil
	}
	return s.put(first, b)
}

// apply writes what was changed to the image.
func (s *stage) apply() error {
	n := s.overlay.Allocated()
	if err := s.overlay.Flush(); err != nil {
		return err
	}
	s.written += n
	clear(s.touched)
	clear(s.pieces)
	clear(s.dirs)
	return nil
}

func (s *stage) verify(off int64, b []byte, typ *format.BlockType) error {
	if n := typ.Len(s.g, b); n != len(b) {
		return format.Corrupt(typ.Name, "", bytesOf(len(b)), bytesOf(n)).At(s.place(off))
	}
	return format.Verify(s.g, typ, b, s.place(off))
}

// place names a place in bytes for people.
func (s *stage) place(off int64) format.Place {
	return format.Place{
		AG: format.AGNumber(off >> s.g.BlockLog / int64(s.g.AGBlocks)), Daddr: format.Daddr(off >> format.BasicBlockLog), Ino: format.NullIno,
	}
}

func bytesOf(n int) string { return fmt.Sprintf("%d bytes", n) }

func bytesAt(off int64, n int) string { return fmt.Sprintf("%d bytes at %d", n, off) }
