package format

import "encoding/binary"

// NoField is the value of a BlockType's field that blocks of the type do not have.
const NoField = -1

// BlockType is one kind of thing that a metadata block or sector can hold. It says where the
// fields lie by which a block describes itself, so that code which checks, stamps or finds
// blocks needs to know no more than the type.
type BlockType struct {
	Name  string
	Table *Struct // of the header; its Parts describe the rest
	Magic uint32
	CRC   L32

	UUID     UUIDField     // the volume's MetaUUID
	Bno      U64[Daddr]    // the block's own address
	LSN      U64[LSN]      // of the last log record that changed the block
	OwnerAG  U32[AGNumber] // the group of a B+tree block, of an AG header
	OwnerIno U64[Ino]      // the inode that the block belongs to

	magicOff, magicSize int
	size                sizeFunc
	check               checkFunc
}

// Len is the number of bytes that the structure which b starts with takes, all of them under
// its checksum: a sector, a filesystem block, a directory block, an inode, a quota record. Only of
// a symbolic link's blocks does the number depend on b, which must hold the header. Nothing is
// checked: the number can be larger than b.
func (t *BlockType) Len(g *Geometry, b []byte) int { return t.size(g, b) }

// String returns the type's name.
func (t *BlockType) String() string { return t.Name }

// SetChecksum computes the checksum of the structure in b, which is exactly that long.
func (t *BlockType) SetChecksum(b []byte) { SetChecksum(b, t.CRC) }

// Decode is Table.Decode with the checksum judged: its Note is "correct" or "bad". b is exactly
// as long as the structure.
func (t *BlockType) Decode(g *Geometry, b []byte) (Values, error) {
	vs, err := t.Table.Decode(g, b)
	t.noteCRC(b, vs)
	return vs, err
}

// Within lists the fields of the block in b that a name stands for, as Struct.Within does, with what
// Decode says of the checksum.
func (t *BlockType) Within(g *Geometry, b []byte, name string) (Values, error) {
	vs, err := t.Table.Within(g, b, name)
	t.noteCRC(b, vs)
	return vs, err
}

// noteCRC notes at the checksum of the block in b whether it is correct.
func (t *BlockType) noteCRC(b []byte, vs Values) {
	for i := range vs {
		if vs[i].Kind == CRC {
			vs[i].Note = "bad"
			if ChecksumOK(b, t.CRC) {
				vs[i].Note = "correct"
			}
			break
		}
	}
}

// magic returns the magic number that b has where the type has its own.
func (t *BlockType) magic(b []byte) uint32 {
	if t.magicSize == 2 {
		return uint32(binary.BigEndian.Uint16(b[t.magicOff:]))
	}
	return binary.BigEndian.Uint32(b[t.magicOff:])
}

// Stamp writes what a block of the type says of itself into b, its bytes: the magic number, the
// volume, and of the place the address, the group and the inode, as far as the type has them.
func (t *BlockType) Stamp(g *Geometry, b []byte, at Place) {
	if t.magicSize == 2 {
		binary.BigEndian.PutUint16(b[t.magicOff:], uint16(t.Magic))
	} else {
		binary.BigEndian.PutUint32(b[t.magicOff:], t.Magic)
	}
	if t.UUID != NoField {
		t.UUID.Put(b, g.MetaUUID)
	}
	if t.Bno != NoField {
		t.Bno.Put(b, at.Daddr)
	}
	if t.OwnerAG != NoField {
		t.OwnerAG.Put(b, at.AG)
	}
	if t.OwnerIno != NoField {
		t.OwnerIno.Put(b, at.Ino)
	}
}

// Is reports whether b is long enough for the type's header and has its magic number.
func (t *BlockType) Is(b []byte) bool { return len(b) >= t.Table.Size && t.magic(b) == t.Magic }

// Sizes that structures have.
func sectorLen(g *Geometry, _ []byte) int   { return g.SectSize }
func blockLen(g *Geometry, _ []byte) int    { return g.BlockSize }
func dirBlockLen(g *Geometry, _ []byte) int { return g.DirBlockSize }
func inodeLen(g *Geometry, _ []byte) int    { return g.InodeSize }
func dquotLen(*Geometry, []byte) int        { return Dquot.Size }

// The types of AG headers.
var (
	TypeSuperblock = &BlockType{Name: "superblock", Table: Superblock, Magic: SBMagic, CRC: SBCRC,
		UUID: NoField, Bno: NoField, LSN: SBLSN, OwnerAG: NoField, OwnerIno: NoField,
		magicSize: 4, size: sectorLen, check: checkSuperblock}
	TypeAGF = &BlockType{Name: "AGF", Table: AGF, Magic: AGFMagicN, CRC: AGFCRC,
		UUID: AGFUUID, Bno: NoField, LSN: AGFLSN, OwnerAG: AGFSeqNo, OwnerIno: NoField,
		magicSize: 4, size: sectorLen, check: checkAGF}
	TypeAGI = &BlockType{Name: "AGI", Table: AGI, Magic: AGIMagicN, CRC: AGICRC,
		UUID: AGIUUID, Bno: NoField, LSN: AGILSN, OwnerAG: AGISeqNo, OwnerIno: NoField,
		magicSize: 4, size: sectorLen, check: checkAGI}
	TypeAGFL = &BlockType{Name: "AGFL", Table: AGFL, Magic: AGFLMagic, CRC: AGFLCRC,
		UUID: AGFLUUID, Bno: NoField, LSN: AGFLLSN, OwnerAG: AGFLSeqNo, OwnerIno: NoField,
		magicSize: 4, size: sectorLen, check: checkAGFL}
)

// The types of B+tree blocks.
var (
	TypeBnobt    = shortType("bnobt block", BnobtMagic)
	TypeCntbt    = shortType("cntbt block", CntbtMagic)
	TypeInobt    = shortType("inobt block", InobtMagic)
	TypeFinobt   = shortType("finobt block", FinobtMagic)
	TypeRmapbt   = shortType("rmapbt block", RmapbtMagic)
	TypeRefcount = shortType("refcountbt block", RefcbtMagic)
	TypeBmbt     = &BlockType{Name: "bmbt block", Table: LongBlock, Magic: uint32(BmbtMagic), CRC: LongCRC,
		UUID: LongUUID, Bno: LongBno, LSN: LongLSN, OwnerAG: NoField, OwnerIno: LongOwner,
		magicSize: 4, size: blockLen, check: checkLongBlock}
)

func shortType(name string, magic BtreeMagic) *BlockType {
	return &BlockType{Name: name, Table: ShortBlock, Magic: uint32(magic), CRC: ShortCRC,
		UUID: ShortUUID, Bno: ShortBno, LSN: ShortLSN, OwnerAG: ShortOwner, OwnerIno: NoField,
		magicSize: 4, size: blockLen, check: checkShortBlock}
}

// The types of what belongs to an inode: the inode itself, and the blocks of directories,
// extended attributes and remote symbolic links. A node of a hash tree looks the same in a
// directory and among attributes, but differs in size.
var (
	TypeInode = &BlockType{Name: "inode", Table: Dinode, Magic: DinodeMagic, CRC: DiCRC,
		UUID: DiUUID, Bno: NoField, LSN: DiLSN, OwnerAG: NoField, OwnerIno: DiIno,
		magicSize: 2, size: inodeLen, check: checkDinode}
	TypeDirBlock = dirDataType("directory block", DirBlock, DirBlockMagic, checkDirBlock)
	TypeDirData  = dirDataType("directory data block", DirData, DirDataMagic, checkDirData)
	TypeDirFree  = dirDataType("directory free block", DirFree, DirFreeMagic, checkDirFree)
	TypeDirLeaf1 = daType("directory leaf block", DirLeaf, DirLeaf1Magic, dirBlockLen, checkDirLeaf)
	TypeDirLeafN = daType("directory leafn block", DirLeaf, DirLeafNMagic, dirBlockLen, checkDirLeaf)
	TypeDirNode  = daType("directory node block", DaNode, DaNodeMagic, dirBlockLen, checkDaNode)
	TypeAttrNode = daType("attribute node block", DaNode, DaNodeMagic, blockLen, checkDaNode)
	TypeAttrLeaf = daType("attribute leaf block", AttrLeaf, AttrLeafMagic, blockLen, checkAttrLeaf)
	TypeAttrRmt  = remoteType("remote attribute block", AttrRmt, AttrRmtMagic, blockLen)
	TypeSymlink  = remoteType("symlink block", Symlink, SymlinkMagic, symlinkLen)
	TypeDquot    = &BlockType{Name: "dquot", Table: Dquot, Magic: DquotMagic, CRC: DquotCRC,
		UUID: DquotUUID, Bno: NoField, LSN: DquotLSN, OwnerAG: NoField, OwnerIno: NoField,
		magicSize: 2, size: dquotLen, check: checkDquot}
)

type sizeFunc = func(g *Geometry, b []byte) int

type checkFunc = func(g *Geometry, b []byte, at Place, r report) *CorruptError

func dirDataType(name string, table *Struct, magic uint32, check checkFunc) *BlockType {
	return &BlockType{Name: name, Table: table, Magic: magic, CRC: DirCRC,
		UUID: DirUUID, Bno: DirBno, LSN: DirLSN, OwnerAG: NoField, OwnerIno: DirOwner,
		magicSize: 4, size: dirBlockLen, check: check}
}

func daType(name string, table *Struct, magic uint32, size sizeFunc, check checkFunc) *BlockType {
	return &BlockType{Name: name, Table: table, Magic: magic, CRC: DaCRC,
		UUID: DaUUID, Bno: DaBno, LSN: DaLSN, OwnerAG: NoField, OwnerIno: DaOwner,
		magicOff: int(DaMagic), magicSize: 2, size: size, check: check}
}

func remoteType(name string, table *Struct, magic uint32, size sizeFunc) *BlockType {
	return &BlockType{Name: name, Table: table, Magic: magic, CRC: RemoteCRC,
		UUID: RemoteUUID, Bno: RemoteBno, LSN: RemoteLSN, OwnerAG: NoField, OwnerIno: RemoteOwner,
		magicSize: 4, size: size, check: checkRemote}
}

// blockTypes lists all types, those with longer magic numbers first: Detect takes the first fit.
var blockTypes = [...]*BlockType{
	TypeSuperblock, TypeAGF, TypeAGI, TypeAGFL,
	TypeBnobt, TypeCntbt, TypeInobt, TypeFinobt, TypeRmapbt, TypeRefcount, TypeBmbt,
	TypeDirBlock, TypeDirData, TypeDirFree, TypeAttrRmt, TypeSymlink,
	TypeInode, TypeDquot,
	TypeDirLeaf1, TypeDirLeafN, TypeDirNode, TypeAttrNode, TypeAttrLeaf,
}

// BlockTypes returns all types of blocks.
func BlockTypes() []*BlockType { return append([]*BlockType(nil), blockTypes[:]...) }

// Detect returns the type of the structure that b starts with, going by its magic number, or nil
// when it has none. Of the two types of hash tree nodes it returns TypeDirNode where a directory
// block is larger than others and b has a good checksum over that size, else TypeAttrNode.
func Detect(g *Geometry, b []byte) *BlockType {
	for _, t := range blockTypes {
		if !t.Is(b) {
			continue
		}
		if t == TypeDirNode {
			n := g.DirBlockSize
			if n == g.BlockSize || n < t.Table.Size || n > len(b) || !ChecksumOK(b[:n], t.CRC) {
				return TypeAttrNode
			}
		}
		return t
	}
	return nil
}
