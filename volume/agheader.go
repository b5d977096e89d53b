package volume

import (
	"fmt"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
)

// AGF, AGI and AGFL read and check the header sector of a group; the bytes are a whole sector.
// A damaged one is returned too, along with the error.
func (v *Volume) AGF(ag format.AGNumber) ([]byte, error)  { return v.header(ag, 1, format.TypeAGF) }
func (v *Volume) AGI(ag format.AGNumber) ([]byte, error)  { return v.header(ag, 2, format.TypeAGI) }
func (v *Volume) AGFL(ag format.AGNumber) ([]byte, error) { return v.header(ag, 3, format.TypeAGFL) }

func (v *Volume) header(ag format.AGNumber, sector int, t *format.BlockType) ([]byte, error) {
	b, err := v.sector(ag, sector)
	if err != nil {
		return nil, err
	}
	at := format.Place{AG: ag, Daddr: format.Daddr(v.Geo.SectorOffset(ag, sector) >> format.BasicBlockLog), Ino: format.NullIno}
	return b, format.Verify(v.Geo, t, b, at)
}

// SuperblockOf reads the superblock sector of a group, without checking it.
func (v *Volume) SuperblockOf(ag format.AGNumber) ([]byte, error) { return v.sector(ag, 0) }

func (v *Volume) sector(ag format.AGNumber, n int) ([]byte, error) {
	if err := v.CheckAG(ag); err != nil {
		return nil, err
	}
	b := make([]byte, v.Geo.SectSize)
	if _, err := v.dev.ReadAt(b, v.Geo.SectorOffset(ag, n)); err != nil {
		return nil, fmt.Errorf("read sector %d of group %d: %w", n, ag, err)
	}
	return b, nil
}

// CheckAG is the error for a group that the volume does not have.
func (v *Volume) CheckAG(ag format.AGNumber) error {
	if uint32(ag) >= v.Geo.AGCount {
		return fmt.Errorf("group %d: the volume has groups 0 to %d", ag, v.Geo.AGCount-1)
	}
	return nil
}

// treeRoot says where a header keeps the root of a tree and its height.
type treeRoot struct {
	kind   *btree.Kind
	header func(*Volume, format.AGNumber) ([]byte, error)
	root   format.U32[format.AGBlock]
	levels format.U32[uint32]
	has    func(*format.Geometry) bool
}

func always(*format.Geometry) bool { return true }

var treeRoots = []treeRoot{
	{btree.Bnobt, (*Volume).AGF, format.AGFBnoRoot, format.AGFBnoLevel, always},
	{btree.Cntbt, (*Volume).AGF, format.AGFCntRoot, format.AGFCntLevel, always},
	{btree.Rmapbt, (*Volume).AGF, format.AGFRmapRoot, format.AGFRmapLevel, (*format.Geometry).HasRmapbt},
	{btree.Refcountbt, (*Volume).AGF, format.AGFRefcntRoot, format.AGFRefcntLevel, (*format.Geometry).HasReflink},
	{btree.Inobt, (*Volume).AGI, format.AGIRoot, format.AGILevel, always},
	{btree.Finobt, (*Volume).AGI, format.AGIFreeRoot, format.AGIFreeLevel, (*format.Geometry).HasFinobt},
}

// Tree opens a B+tree of a group. A kind that the volume does not have gives an error of class
// format.ErrUnsupported.
func (v *Volume) Tree(kind *btree.Kind, ag format.AGNumber) (*btree.Tree, error) {
	for _, r := range treeRoots {
		if r.kind != kind {
			continue
		}
		if !r.has(v.Geo) {
			return nil, fmt.Errorf("%w: this volume has no %s", format.ErrUnsupported, kind.Name)
		}
		b, err := r.header(v, ag)
		if err != nil {
			return nil, err
		}
		return &btree.Tree{
			Kind: kind, Geo: v.Geo, Dev: v.dev, AG: ag,
			Root: uint64(r.root.Get(b)), Levels: int(r.levels.Get(b)),
		}, nil
	}
	return nil, fmt.Errorf("%s is no tree of a group", kind.Name)
}
