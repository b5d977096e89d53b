package damage

import (
	"errors"
	"fmt"
	"io"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
)

// Structure is a piece of metadata with a checksum of its own.
type Structure struct {
	Type *format.BlockType
	// Kind is finer than the type: which of its forms it is, e.g. "inode directory local".
	Kind string
	Off  int64 // bytes in the image
	Len  int   // bytes, all under the checksum
}

// Image is a sound image and what is in it.
type Image struct {
	Geo        *format.Geometry
	Dev        device.Device
	Structures []Structure
}

// Open finds the structures of a sound image on dev, in the order of their places. What lies in
// free blocks is left out.
func Open(dev device.Device) (*Image, error) {
	sb := make([]byte, format.MaxSectorSize)
	if _, err := dev.ReadAt(sb, 0); err != nil {
		return nil, err
	}
	g, err := format.GeometryOf(sb)
	if err != nil {
		return nil, err
	}
	m := &Image{Geo: g, Dev: dev}
	for ag := range format.AGNumber(g.AGCount) {
		if err := m.group(ag); err != nil {
			return nil, fmt.Errorf("AG %d: %w", ag, err)
		}
	}
	return m, nil
}

// group finds the structures of a group.
func (m *Image) group(ag format.AGNumber) error {
	for i := range 4 {
		at := m.Geo.SectorOffset(ag, i)
		b, err := m.read(at, m.Geo.SectSize)
		if err != nil {
			return err
		}
		m.add(b, at)
	}
	free, err := m.free(ag)
	if err != nil {
		return err
	}
	// The widest structure is a directory block.
	window := max(m.Geo.BlockSize, m.Geo.DirBlockSize)
	for block := m.Geo.HeaderBlocks(); uint32(block) < m.Geo.AGLen(ag); block++ {
		if free[block] || m.inLog(ag, block) {
			continue
		}
		at := m.Geo.AGOffset(ag, block)
		b, err := m.read(at, window)
		if err != nil {
			return err
		}
		if format.TypeInode.Is(b) {
			for i := range m.Geo.InodesPerBlock() {
				off := i * m.Geo.InodeSize
				m.add(b[off:off+m.Geo.InodeSize], at+int64(off))
			}
			continue
		}
		m.add(b, at)
	}
	return nil
}

// read reads up to n bytes at off, and zeroes behind the end of the image.
func (m *Image) read(off int64, n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := m.Dev.ReadAt(b[:min(int64(n), m.Dev.Size()-off)], off)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return b, err
}

func (m *Image) inLog(ag format.AGNumber, block format.AGBlock) bool {
	start := m.Geo.LogStart
	return start != 0 && m.Geo.AG(start) == ag && block >= m.Geo.AGB(start) && uint32(block-m.Geo.AGB(start)) < m.Geo.LogBlocks
}

// free says of each block of a group whether nobody uses it: free ones, and those on the free list.
func (m *Image) free(ag format.AGNumber) ([]bool, error) {
	agf, err := m.read(m.Geo.SectorOffset(ag, 1), m.Geo.SectSize)
	if err != nil {
		return nil, err
	}
	agfl, err := m.read(m.Geo.SectorOffset(ag, 3), m.Geo.SectSize)
	if err != nil {
		return nil, err
	}
	free := make([]bool, m.Geo.AGLen(ag))
	size := uint32(m.Geo.SectSize-format.AGFL.Size) / 4
	for i := range format.AGFFlCount.Get(agf) {
		slot := (format.AGFFlFirst.Get(agf) + i) % size
		free[format.U32[format.AGBlock](format.AGFL.Size+4*int(slot)).Get(agfl)] = true
	}
	t := btree.Tree{Kind: btree.Bnobt, Geo: m.Geo, Dev: m.Dev, AG: ag,
		Root: uint64(format.AGFBnoRoot.Get(agf)), Levels: int(format.AGFBnoLevel.Get(agf))}
	for rec, err := range t.All() {
		if err != nil {
			return nil, err
		}
		for i := range format.FreeCount.Get(rec) {
			free[format.FreeStart.Get(rec)+format.AGBlock(i)] = true
		}
	}
	return free, nil
}

// add takes what b begins with, if it is a structure that lies where it says it does.
func (m *Image) add(b []byte, at int64) {
	t := format.Detect(m.Geo, b)
	if t == nil {
		return
	}
	n := t.Len(m.Geo, b)
	if n < t.Table.Size || n > len(b) || !format.ChecksumOK(b[:n], t.CRC) {
		return
	}
	if t.Bno != format.NoField && int64(t.Bno.Get(b))*format.BasicBlock != at {
		return
	}
	if t == format.TypeInode && m.Geo.InoOffset(format.DiIno.Get(b)) != at {
		return
	}
	m.Structures = append(m.Structures, Structure{Type: t, Kind: kindOf(t, b, at), Off: at, Len: n})
}

// kindOf says which form of its type a structure has.
func kindOf(t *format.BlockType, b []byte, at int64) string {
	switch t {
	case format.TypeSuperblock:
		if at > 0 {
			return "secondary superblock"
		}
	case format.TypeBnobt, format.TypeCntbt, format.TypeInobt, format.TypeFinobt, format.TypeRmapbt, format.TypeRefcount, format.TypeBmbt:
		if format.ShortLevel.Get(b) > 0 {
			return t.Name[:len(t.Name)-len("block")] + "node"
		}
		return t.Name[:len(t.Name)-len("block")] + "leaf"
	case format.TypeAttrNode, format.TypeDirNode:
		return fmt.Sprintf("%s level %d", t.Name, format.DaNodeLevel.Get(b))
	case format.TypeInode:
		return inodeKind(b)
	}
	return t.Name
}

// fileTypes names the types in a mode.
var fileTypes = map[uint16]string{
	format.ModeReg: "file", format.ModeDir: "directory", format.ModeLink: "symlink",
	format.ModeChar: "device", format.ModeBlk: "device", format.ModeFIFO: "fifo", format.ModeSock: "socket",
}

func inodeKind(b []byte) string {
	mode := format.DiMode.Get(b)
	if mode == 0 {
		return "inode free"
	}
	kind := "inode " + fileTypes[mode&format.ModeType] + " " + format.DiFormat.Get(b).String()
	if format.DiForkOff.Get(b) != 0 {
		kind += "+" + format.DiAFormat.Get(b).String()
	}
	if format.DiFlags2.Get(b)&format.Flag2Reflink != 0 {
		kind += " reflink"
	}
	return kind
}
