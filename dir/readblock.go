package dir

import (
	"bytes"
	"fmt"

	"github.com/cowfs/cowfs/format"
)

// rawEntry is an entry as it lies in a block or inode; the name is a view.
type rawEntry struct {
	name  []byte
	ino   format.Ino
	ftype format.FType
}

// eachData gives all entries of the data space, block by block.
func (d *Dir) eachData(visit func(rawEntry) bool) error {
	b := make([]byte, d.geo.DirBlockSize)
	log := d.geo.DirBlkLog
	next := format.FileOff(0) // number of the first block not read yet
	for m, err := range d.fork.All() {
		if err != nil {
			return err
		}
		if m.Off >= leafOff(d.geo) {
			break
		}
		for db := max(next, m.Off>>log); db<<log < min(m.End(), leafOff(d.geo)); db++ {
			p, err := d.readData(db, b)
			if err != nil {
				return err
			}
			if more, err := p.each(visit); err != nil || !more {
				return err
			}
			next = db + 1
		}
	}
	if next == 0 {
		return d.corrupt("directory", "data", "no block", "at least one")
	}
	return nil
}

// dataBlock is a checked block with entries.
type dataBlock struct {
	d     *Dir
	db    format.FileOff // number of the block in the data space
	daddr format.Daddr
	b     []byte
	end   int // of the entries; in block form the index follows
}

// readData reads data block db into b and checks its header.
func (d *Dir) readData(db format.FileOff, b []byte) (*dataBlock, error) {
	daddr, err := d.fork.ReadBlocks(db<<d.geo.DirBlkLog, b)
	if err != nil {
		return nil, fmt.Errorf("directory block: %w", err)
	}
	p := &dataBlock{d: d, db: db, daddr: daddr, b: b, end: len(b)}
	return p, p.check()
}

func (p *dataBlock) check() error {
	b := p.b
	magic := uint32(format.DirDataMagic)
	if p.d.Form == Block {
		magic = format.DirBlockMagic
	}
	switch {
	case format.DirMagic.Get(b) != magic:
		return p.corrupt("magic", hex(format.DirMagic.Get(b)), hex(magic))
	case !format.ChecksumOK(b, format.DirCRC):
		return p.corrupt("crc", hex(format.DirCRC.Get(b)), hex(format.Checksum(b, format.DirCRC)))
	case format.DirUUID.Get(b) != p.d.geo.MetaUUID:
		return p.corrupt("uuid", format.DirUUID.Get(b), p.d.geo.MetaUUID)
	case format.DirOwner.Get(b) != p.d.ino.Ino:
		return p.corrupt("owner", format.DirOwner.Get(b), p.d.ino.Ino)
	case format.DirBno.Get(b) != p.daddr:
		return p.corrupt("bno", format.DirBno.Get(b), p.daddr)
	}
	if magic == format.DirBlockMagic {
		tail := len(b) - format.DirBlockTail.Size
		count := uint64(format.DirTailCount.Get(b[tail:]))
		if most := uint64(tail-format.DirData.Size) / uint64(format.DirLeafEntry.Size); count > most {
			return p.corrupt("tail count", count, fmt.Sprintf("at most %d", most))
		}
		p.end = tail - int(count)*format.DirLeafEntry.Size
	}
	return nil
}

// each gives the entries in order; more is false when visit wants no further ones.
func (p *dataBlock) each(visit func(rawEntry) bool) (more bool, err error) {
	for at := format.DirData.Size; at < p.end; {
		if p.end-at < format.DirAlign {
			return false, p.corrupt("entry", fmt.Sprintf("only %d bytes at %d", p.end-at, at), nil)
		}
		if format.DirUnusedTag.Get(p.b[at:]) == format.DirFreeTag {
			n := int(format.DirUnusedLen.Get(p.b[at:]))
			if n < format.DirAlign || n%format.DirAlign != 0 || n > p.end-at {
				return false, p.corrupt("unused range", fmt.Sprintf("%d bytes at %d", n, at), "what fits the block")
			}
			if err := p.checkTag(at, n); err != nil {
				return false, err
			}
			at += n
			continue
		}
		e, n, err := p.entry(at)
		if err != nil {
			return false, err
		}
		if !visit(e) {
			return false, nil
		}
		at += n
	}
	return true, nil
}

// entry checks and returns the entry at byte at, and its size.
func (p *dataBlock) entry(at int) (e rawEntry, size int, err error) {
	if at < format.DirData.Size || at%format.DirAlign != 0 || at+format.DirEntrySize(1) > p.end {
		return e, 0, p.corrupt("entry", fmt.Sprintf("at byte %d", at), fmt.Sprintf("bytes %d to %d", format.DirData.Size, p.end))
	}
	b := p.b[at:p.end]
	n := int(format.DirEntryNameLen.Get(b))
	size = format.DirEntrySize(n)
	if n == 0 || size > len(b) {
		return e, 0, p.corrupt("namelen", fmt.Sprintf("%d at byte %d", n, at), "a name that fits the block")
	}
	e.ino = format.DirEntryIno.Get(b)
	e.name = b[format.DirEntry.Size : format.DirEntry.Size+n]
	e.ftype = format.FType(b[format.DirEntry.Size+n])
	if err := p.checkTag(at, size); err != nil {
		return e, 0, err
	}
	if err := p.d.checkEntry(e); err != nil {
		return e, 0, err
	}
	return e, size, nil
}

// checkTag judges the last two bytes of an entry or unused range, which hold its own place.
func (p *dataBlock) checkTag(at, n int) error {
	if tag := format.U16[uint16](at + n - 2).Get(p.b); int(tag) != at {
		return p.corrupt("tag", tag, at)
	}
	return nil
}

func (p *dataBlock) corrupt(field string, got, want any) error {
	return p.d.corruptAt(p.daddr, fmt.Sprintf("directory block %d", p.db), field, got, want)
}

// checkEntry judges what an entry says, wherever it lies.
func (d *Dir) checkEntry(e rawEntry) error {
	switch {
	case !d.geo.ValidIno(e.ino):
		return d.corrupt("directory entry", fmt.Sprintf("inumber of %q", e.name), e.ino, "an inode of the volume")
	case bytes.IndexByte(e.name, '/') >= 0 || bytes.IndexByte(e.name, 0) >= 0:
		return d.corrupt("directory entry", "name", fmt.Sprintf("%q", e.name), "a name without / and NUL")
	case e.ftype > format.FTWhiteout:
		return d.corrupt("directory entry", fmt.Sprintf("file type of %q", e.name), uint8(e.ftype), "a known file type")
	}
	return nil
}

func hex[T ~uint16 | ~uint32](v T) string { return fmt.Sprintf("%#x", v) }
