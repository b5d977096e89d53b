package dir

import (
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
			if !p.each(visit) {
				return nil
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
	db  format.FileOff // number of the block in the data space
	b   []byte
	end int // of the entries; in block form the index follows
}

// readData reads data block db into b and checks it.
func (d *Dir) readData(db format.FileOff, b []byte) (*dataBlock, error) {
	daddr, err := d.fork.ReadBlocks(db<<d.geo.DirBlkLog, b)
	if err != nil {
		return nil, fmt.Errorf("directory block %d: %w", db, err)
	}
	kind := format.TypeDirData
	if d.Form == Block {
		kind = format.TypeDirBlock
	}
	if err := format.Verify(d.geo, kind, b, d.place(daddr)); err != nil {
		return nil, err
	}
	p := &dataBlock{db: db, b: b, end: len(b)}
	if d.Form == Block {
		p.end -= format.DirBlockTail.Size
		p.end -= int(format.DirTailCount.Get(b[p.end:])) * format.DirLeafEntry.Size
	}
	return p, nil
}

// each gives the entries in order; it returns false when visit has done so.
func (p *dataBlock) each(visit func(rawEntry) bool) bool {
	for at := format.DirData.Size; at < p.end; {
		if format.DirUnusedTag.Get(p.b[at:]) == format.DirFreeTag {
			at += int(format.DirUnusedLen.Get(p.b[at:]))
			continue
		}
		e := p.entry(at)
		if !visit(e) {
			return false
		}
		at += format.DirEntrySize(len(e.name))
	}
	return true
}

// entry returns the entry that starts at byte at.
func (p *dataBlock) entry(at int) rawEntry {
	b := p.b[at:]
	end := format.DirEntry.Size + int(format.DirEntryNameLen.Get(b))
	return rawEntry{name: b[format.DirEntry.Size:end], ino: format.DirEntryIno.Get(b), ftype: format.FType(b[end])}
}

// tagSize is the size of the tag that ends an entry: its own place in the block.
const tagSize = 2

// starts reports whether an entry starts at byte at. Only the index of block form is checked
// against the entries, so other addresses can lead anywhere.
func (p *dataBlock) starts(at int) bool {
	if at < format.DirData.Size || at%format.DirAlign != 0 || at+format.DirEntrySize(1) > p.end ||
		format.DirUnusedTag.Get(p.b[at:]) == format.DirFreeTag {
		return false
	}
	size := format.DirEntrySize(int(format.DirEntryNameLen.Get(p.b[at:])))
	return at+size <= p.end && int(format.DirTag.Get(p.b[at+size-tagSize:])) == at
}
