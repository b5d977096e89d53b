package btree

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/oracle"
)

// groupPages are the blocks of the trees of a group that take their blocks from its free list,
// as they are on the device, and in memory once they are read. Those that are given back
// await their next use, without limit until the end.
type groupPages struct {
	dev    device.Device
	geo    *format.Geometry
	ag     format.AGNumber
	blocks map[uint64][]byte
	list   []uint64
}

func (p *groupPages) Read(block uint64) ([]byte, error) {
	if b, ok := p.blocks[block]; ok {
		return b, nil
	}
	b := make([]byte, p.geo.BlockSize)
	if _, err := p.dev.ReadAt(b, p.geo.AGOffset(p.ag, format.AGBlock(block))); err != nil {
		return nil, err
	}
	p.blocks[block] = b
	return b, nil
}

func (p *groupPages) Change(block uint64, _, _ int) ([]byte, error) { return p.Read(block) }

func (p *groupPages) New(uint64) (uint64, []byte, error) {
	if len(p.list) == 0 {
		return 0, nil, errNoSpace
	}
	block := p.list[0]
	p.list = p.list[1:]
	p.blocks[block] = make([]byte, p.geo.BlockSize)
	return block, p.blocks[block], nil
}

func (p *groupPages) Free(block uint64) error {
	p.list = append(p.list, block)
	delete(p.blocks, block)
	return nil
}

// TestOraclesAcceptEdits takes the trees of images that the kernel filled, deletes most of their
// records and inserts them again in another order. The trees have another shape then, and
// other blocks; xfs_repair finds nothing, and the kernel goes on to work with them.
func TestOraclesAcceptEdits(t *testing.T) {
	for name, tt := range map[string]struct {
		args  []string
		unit  int64
		files int
	}{
		"1k": {[]string{"-b", "size=1k", "-d", "agcount=2"}, 4096, 8000},
		"4k": {[]string{"-d", "agcount=2"}, 4096, 6000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := xfsImage(t, oracle.Gen7, func(t *testing.T, dir string) { fragment(t, dir, tt.unit, tt.files) }, tt.args...)
			shake(t, path)
			if complaints := oracle.Repair(t, oracle.Gen7, path); len(complaints) > 0 {
				t.Fatalf("xfs_repair: %q", complaints)
			}
			oracle.KernelWrites(t, oracle.Gen7, path, 141)
		})
	}
}

func shake(t *testing.T, path string) {
	t.Helper()
	d, err := device.Open(path, device.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	g := geometryOf(t, d)
	rng := rand.New(rand.NewPCG(142, 143))
	for ag := range format.AGNumber(g.AGCount) {
		agf, agfl := make([]byte, g.SectSize), make([]byte, g.SectSize)
		if err := errors.Join(readSector(d, g, ag, 1, agf), readSector(d, g, ag, 3, agfl)); err != nil {
			t.Fatal(err)
		}
		pages := &groupPages{dev: d, geo: g, ag: ag, blocks: map[uint64][]byte{}}
		slots := format.AGFLSize(g.SectSize)
		for i := range int(format.AGFFlCount.Get(agf)) {
			slot := (int(format.AGFFlFirst.Get(agf)) + i) % slots
			pages.list = append(pages.list, uint64(format.AGFLSlot(slot).Get(agfl)))
		}
		moved := 0
		for _, a := range agTrees[:3] {
			e := &Editor{Kind: a.kind, Geo: g, AG: ag, Pages: pages, Root: uint64(a.root.Get(agf)), Levels: int(a.level.Get(agf))}
			moved += shakeTree(t, e, rng)
			a.root.Put(agf, format.AGBlock(e.Root))
			a.level.Put(agf, uint32(e.Levels))
		}
		if moved == 0 {
			t.Errorf("AG %d: no block of any tree was moved", ag)
		}
		if len(pages.list) > slots {
			t.Fatalf("AG %d: %d blocks left for a free list of %d", ag, len(pages.list), slots)
		}
		rmaps := 0
		for block, b := range pages.blocks {
			if format.ShortMagic.Get(b) == format.RmapbtMagic {
				rmaps++
			}
			format.SetChecksum(b, format.ShortCRC)
			if _, err := d.WriteAt(b, g.AGOffset(ag, format.AGBlock(block))); err != nil {
				t.Fatal(err)
			}
		}
		for i := range slots {
			format.AGFLSlot(i).Put(agfl, format.NullAGBlock)
			if i < len(pages.list) {
				format.AGFLSlot(i).Put(agfl, format.AGBlock(pages.list[i]))
			}
		}
		format.AGFFlFirst.Put(agf, 0)
		format.AGFFlLast.Put(agf, uint32((len(pages.list)+slots-1)%slots))
		format.AGFFlCount.Put(agf, uint32(len(pages.list)))
		format.AGFBtreeBlks.Put(agf, uint32(len(pages.blocks)-3))
		format.AGFRmapBlks.Put(agf, uint32(rmaps))
		format.SetChecksum(agf, format.AGFCRC)
		format.SetChecksum(agfl, format.AGFLCRC)
		for n, b := range map[int][]byte{1: agf, 3: agfl} {
			if _, err := d.WriteAt(b, g.SectorOffset(ag, n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

func readSector(d device.Device, g *format.Geometry, ag format.AGNumber, n int, b []byte) error {
	_, err := d.ReadAt(b, g.SectorOffset(ag, n))
	return err
}

// shakeTree deletes three of four records and inserts them again. It returns how many blocks
// are others than before; all of the tree's blocks have been read then.
func shakeTree(t *testing.T, e *Editor, rng *rand.Rand) (moved int) {
	t.Helper()
	var recs [][]byte
	before := blockNumbers(t, e)
	for rec, err := e.First(); rec != nil || err != nil; rec, err = e.Next() {
		if err != nil {
			t.Fatal(err)
		}
		recs = append(recs, slices.Clone(rec))
	}
	rng.Shuffle(len(recs), func(i, j int) { recs[i], recs[j] = recs[j], recs[i] })
	recs = recs[:len(recs)*3/4]
	for _, rec := range recs {
		if err := e.Delete(rec); err != nil {
			t.Fatal(err)
		}
	}
	rng.Shuffle(len(recs), func(i, j int) { recs[i], recs[j] = recs[j], recs[i] })
	for _, rec := range recs {
		if err := e.Insert(rec); err != nil {
			t.Fatal(err)
		}
	}
	after := blockNumbers(t, e)
	for block := range after {
		if !before[block] {
			moved++
		}
	}
	return moved
}

// blockNumbers are the blocks of a tree.
func blockNumbers(t *testing.T, e *Editor) map[uint64]bool {
	t.Helper()
	set := map[uint64]bool{}
	var walk func(block uint64, level int)
	walk = func(block uint64, level int) {
		set[block] = true
		p, err := e.read(block, level)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; level > 0 && i < p.node.Len(); i++ {
			walk(p.node.Ptr(i), level-1)
		}
	}
	walk(e.Root, e.Levels-1)
	return set
}
