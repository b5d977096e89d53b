package volume

import (
	"fmt"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
)

// header is what tells the three headers of a group behind its superblock apart.
type header struct {
	sector int
	table  *format.Struct
	magic  uint32
	seqno  format.U32[format.AGNumber]
	uuid   format.UUIDField
	crc    format.L32
}

var (
	agfHeader  = header{1, format.AGF, format.AGFMagicN, format.AGFSeqNo, format.AGFUUID, format.AGFCRC}
	agiHeader  = header{2, format.AGI, format.AGIMagicN, format.AGISeqNo, format.AGIUUID, format.AGICRC}
	agflHeader = header{3, format.AGFL, format.AGFLMagic, format.AGFLSeqNo, format.AGFLUUID, format.AGFLCRC}
)

// AGF, AGI and AGFL read and check the header sector of a group; the bytes are a whole sector.
// A damaged one is returned too, along with the error.
func (v *Volume) AGF(ag format.AGNumber) ([]byte, error)  { return v.header(ag, agfHeader) }
func (v *Volume) AGI(ag format.AGNumber) ([]byte, error)  { return v.header(ag, agiHeader) }
func (v *Volume) AGFL(ag format.AGNumber) ([]byte, error) { return v.header(ag, agflHeader) }

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

func (v *Volume) header(ag format.AGNumber, h header) ([]byte, error) {
	b, err := v.sector(ag, h.sector)
	if err != nil {
		return nil, err
	}
	bad := func(field string, got, want any) error {
		p := format.NullPlace
		p.AG, p.Daddr = ag, format.Daddr(v.Geo.SectorOffset(ag, h.sector)>>format.BasicBlockLog)
		return format.Corrupt(h.table.Name, field, got, want).At(p)
	}
	magic := format.U32[uint32](0).Get(b)
	switch {
	case magic != h.magic:
		return b, bad("magicnum", fmt.Sprintf("%#x", magic), fmt.Sprintf("%#x", h.magic))
	case !format.ChecksumOK(b, h.crc):
		return b, bad("crc", fmt.Sprintf("%#x", h.crc.Get(b)), fmt.Sprintf("%#x", format.Checksum(b, h.crc)))
	case h.uuid.Get(b) != v.Geo.MetaUUID:
		return b, bad("uuid", h.uuid.Get(b), v.Geo.MetaUUID)
	case h.seqno.Get(b) != ag:
		return b, bad("seqno", h.seqno.Get(b), ag)
	}
	return b, nil
}

// treeRoot says where a header keeps the root of a tree and its height.
type treeRoot struct {
	kind   *btree.Kind
	header header
	root   format.U32[format.AGBlock]
	levels format.U32[uint32]
	has    func(*format.Geometry) bool
}

func always(*format.Geometry) bool { return true }

var treeRoots = []treeRoot{
	{btree.Bnobt, agfHeader, format.AGFBnoRoot, format.AGFBnoLevel, always},
	{btree.Cntbt, agfHeader, format.AGFCntRoot, format.AGFCntLevel, always},
	{btree.Rmapbt, agfHeader, format.AGFRmapRoot, format.AGFRmapLevel, (*format.Geometry).HasRmapbt},
	{btree.Refcountbt, agfHeader, format.AGFRefcntRoot, format.AGFRefcntLevel, (*format.Geometry).HasReflink},
	{btree.Inobt, agiHeader, format.AGIRoot, format.AGILevel, always},
	{btree.Finobt, agiHeader, format.AGIFreeRoot, format.AGIFreeLevel, (*format.Geometry).HasFinobt},
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
		b, err := v.header(ag, r.header)
		if err != nil {
			return nil, err
		}
		return &btree.Tree{
			Kind: kind, Geo: v.Geo, Dev: v.dev, AG: ag,
			Root: uint64(r.root.Get(b)), Levels: int(min(r.levels.Get(b), format.MaxBtreeLevels+1)),
		}, nil
	}
	return nil, fmt.Errorf("%s is no tree of a group", kind.Name)
}
