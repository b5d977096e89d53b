package volume

import (
	"context"
	"errors"
	"fmt"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/refcount"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/txn"
)

// ErrUnitTooLarge says that a Unit changes more than the volume's log can hold at once.
var ErrUnitTooLarge = errors.New("these changes are too many to be made as one")

// Unit is changes of a volume that are kept in memory, file data too, until Commit makes all of
// them at once or nobody does. They are made by its Writer, and seen there alone.
//
// Commit puts all structures that are in use before and after into the volume's log as one
// checkpoint, so that a crash leaves all changes or none. Blocks that were free before are
// written ahead of that, and file data over file data too, as it always is.
type Unit struct {
	*Writer
	base *Writer
	over *device.Overlay
}

// Begin makes the volume quiet and begins a unit. Until that ends, with Commit or for good without
// it, nothing else may change the volume.
func (w *Writer) Begin() (*Unit, error) {
	w.one.Lock()
	defer w.one.Unlock()
	if err := w.quieten(); err != nil {
		return nil, err
	}
	return newUnit(w, w.dev)
}

// DryRun begins a unit on a device that is only read, and that Close closes. It can't be
// committed.
func DryRun(dev device.Device, o Options) (*Unit, error) {
	o.InMemory = true
	over := device.NewOverlay(dev)
	w, err := OpenWriter(over, o)
	if err != nil {
		return nil, err
	}
	return &Unit{Writer: w, over: over}, nil
}

func newUnit(base *Writer, dev device.Device) (*Unit, error) {
	over := device.NewOverlay(dev)
	w, err := OpenWriter(over, Options{})
	if err != nil {
		return nil, err
	}
	w.Now = base.Now
	return &Unit{Writer: w, base: base, over: over}, nil
}

// quieten writes everything in place, makes the log clean, and forgets what is known of the image.
func (w *Writer) quieten() error {
	if err := w.cow.Flush(context.Background()); err != nil {
		return err
	}
	if err := w.settle(w.store.Settle); err != nil {
		return err
	}
	w.groups = space.New(w.Geo)
	w.counts = refcount.New(w.Geo, w.groups)
	w.inodes = inode.NewAllocator(w.Geo, w.groups)
	w.newEngine()
	return nil
}

// Changes lists what the unit has changed so far, in order of place.
func (u *Unit) Changes() ([]Change, error) {
	u.one.Lock()
	defer u.one.Unlock()
	if err := u.quieten(); err != nil {
		return nil, err
	}
	list, err := changes(u.Geo, u.under(), u.over, u.over.Changes())
	if err != nil {
		return nil, err
	}
	return u.joinDirs(list)
}

// under is the volume without the unit's changes.
func (u *Unit) under() device.Device { return u.over.Under() }

// Commit makes the changes, on stable storage. The unit is over then. After an error that is
// ErrUnitTooLarge, or comes from reading, nothing has happened yet.
func (u *Unit) Commit() error {
	if u.base == nil {
		return ErrReadOnly
	}
	list, err := u.Changes()
	if err != nil {
		return err
	}
	w := u.base
	w.one.Lock()
	defer w.one.Unlock()
	p, err := w.plan(u, list)
	if err != nil || len(list) == 0 {
		return err
	}
	if err := p.write(w.store); err != nil {
		return err
	}
	if err := w.store.Settle(); err != nil {
		return err
	}
	for _, c := range p.after {
		if _, err := w.dev.WriteAt(c.New, c.Off); err != nil {
			return err
		}
	}
	*w.Geo = *u.Geo
	copy(w.sb, u.sb)
	return errors.Join(w.dev.Sync(), w.quieten())
}

// unitPlan is the order in which a unit's changes reach the image.
type unitPlan struct {
	before []Change    // written in place first: nobody can see them yet, or they are file data
	chunks []txn.Chunk // blocks in use that become inodes
	log    []Change    // structures that go to the log
	after  []Change    // in blocks that the log writes to, or that held structures: last
}

// plan divides changes by how they must be written.
func (w *Writer) plan(u *Unit, list []Change) (*unitPlan, error) {
	free, err := w.freeMap()
	if err != nil {
		return nil, err
	}
	p := &unitPlan{}
	d := differ{g: u.Geo}
	room := 0
	fresh := map[format.FSBlock]bool{} // blocks in use that become inodes
	for _, c := range list {
		fsb := d.fsb(c.Off)
		switch {
		case c.Pieces == nil && free.has(u.Geo.AG(fsb), u.Geo.AGB(fsb)):
			p.before = append(p.before, c)
			continue
		case c.Type == nil && c.Was == nil && c.Pieces == nil && !c.wasSplit:
			p.before = append(p.before, c)
			continue
		case c.Type == nil && c.Pieces != nil:
			return nil, format.Corrupt("directory block", "", "one that is not sound", "a sound one").At(c.At)
		case c.Type == nil || c.Type == format.TypeDquot:
			p.after = append(p.after, c)
			continue
		case c.Type == format.TypeInode && c.Was != format.TypeInode:
			fresh[fsb] = true
		}
		p.log = append(p.log, c)
		room += len(c.New) + len(c.New)/8 + logItemRoom
	}
	if len(fresh) > 0 {
		if p.chunks, err = u.freshChunks(fresh); err != nil {
			return nil, err
		}
	}
	if most := w.store.Room(); room > most {
		return nil, fmt.Errorf("%w: they take %d bytes of the log, which has room for %d", ErrUnitTooLarge, room, most)
	}
	return p, nil
}

// logItemRoom is more than what the log needs for an item beside the bytes of the structure.
const logItemRoom = 256

// freshChunks finds the chunks of inodes that lie in some blocks.
func (u *Unit) freshChunks(blocks map[format.FSBlock]bool) ([]txn.Chunk, error) {
	var out []txn.Chunk
	groups := map[format.AGNumber]bool{}
	for fsb := range blocks {
		groups[u.Geo.AG(fsb)] = true
	}
	for ag := range format.AGNumber(u.Geo.AGCount) {
		if !groups[ag] {
			continue
		}
		for c, err := range u.Chunks(ag) {
			if err != nil {
				return nil, err
			}
			out = append(out, u.chunkRuns(c, blocks)...)
		}
	}
	return out, nil
}

// chunkRuns lists the runs of a chunk's blocks that are among some.
func (u *Unit) chunkRuns(c Chunk, blocks map[format.FSBlock]bool) []txn.Chunk {
	g := u.Geo
	var out []txn.Chunk
	for i := 0; i < format.InodesPerChunk; {
		ino := c.Start + format.AGIno(i)
		block := format.AGBlock(ino >> g.InoPBLog)
		per := max(1, 1<<g.InoPBLog)
		if c.Exist>>i&1 != 0 && blocks[g.FSB(c.AG, block)] {
			if n := len(out); n > 0 && out[n-1].Start+format.AGBlock(out[n-1].Blocks) == block {
				out[n-1].Blocks++
				out[n-1].Inodes += uint32(per)
			} else {
				out = append(out, txn.Chunk{AG: c.AG, Start: block, Blocks: 1, Inodes: uint32(per)})
			}
		}
		i += per
	}
	return out
}

// write puts a plan's changes into the log, as one checkpoint, and what comes before that in
// place.
func (p *unitPlan) write(s *txn.Store) error {
	tx, err := s.Begin()
	if err != nil {
		return err
	}
	for _, c := range p.before {
		if err := tx.WriteData(c.New, c.Off); err != nil {
			tx.Cancel()
			return err
		}
	}
	for _, k := range p.chunks {
		tx.NewInodes(k, func(format.Ino, []byte) {})
	}
	for _, c := range p.log {
		if c.Pieces != nil {
			copy(tx.NewPieces(c.Pieces, c.Type).Data, c.New)
			continue
		}
		copy(tx.New(c.Off, len(c.New), c.Type).Data, c.New)
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	return s.Sync()
}
