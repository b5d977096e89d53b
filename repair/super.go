package repair

import (
	"errors"
	"fmt"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/foreign"
	"github.com/cowfs/cowfs/volume"
)

// ErrNoVolume says that there is nothing on the image that could be repaired: no superblock of an
// XFS volume could be found, neither the first one nor a copy.
var ErrNoVolume = errors.New("no superblock found")

// mendSuper makes sure that the primary superblock can be used: when it is damaged it is made
// from its copies. The image's geometry is returned.
func mendSuper(dev device.Device, r *Result) (*format.Geometry, error) {
	b := make([]byte, min(int64(format.MaxSectorSize), dev.Size()))
	if _, err := dev.ReadAt(b, 0); err != nil {
		return nil, err
	}
	g, err := soundSuper(b)
	if err == nil {
		return g, nil
	}
	if e := foreign.Check(dev); e != nil {
		return nil, e // copies would be of what was there before
	}
	copies, noCopies := findCopies(dev)
	switch {
	case errors.Is(err, format.ErrUnsupported) && len(copies) < 2:
		return nil, err // it may be right, and the volume one that we don't know
	case noCopies != nil:
		return nil, noCopies
	}
	if len(copies) == 0 {
		return nil, ErrNoVolume
	}
	sb := majority(copies)
	if g, err = format.GeometryOf(sb); err != nil {
		return nil, err
	}
	format.SBInProgress.Put(sb, 0)
	m := &superMender{dev: dev, geo: g, sb: sb}
	m.specials()
	format.SetChecksum(sb, format.SBCRC)
	if g, err = soundSuper(sb); err != nil {
		return nil, fmt.Errorf("a superblock made of its copies: %w", err)
	}
	r.group(0, "write the superblock anew", fmt.Sprintf("from %d copies", len(copies)))
	_, err = dev.WriteAt(sb, 0)
	return g, err
}

// soundSuper decodes and verifies a primary superblock.
func soundSuper(b []byte) (*format.Geometry, error) {
	g, err := format.GeometryOf(b)
	if err != nil {
		return nil, err
	}
	return g, format.Verify(g, format.TypeSuperblock, b, format.InGroup(0))
}

// copyAt is a copy of the superblock and where it was found.
type copyAt struct {
	b   []byte
	off int64
}

// findCopies gives all sound copies of the superblock.
func findCopies(dev device.Device) (list []copyAt, err error) {
	_, g, err := volume.SearchSuperblock(dev)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoVolume, err)
	}
	for no := format.AGNumber(1); uint32(no) < g.AGCount; no++ {
		p := make([]byte, g.SectSize)
		if _, err := dev.ReadAt(p, g.AGOffset(no, 0)); err != nil {
			continue
		}
		if !format.TypeSuperblock.Is(p) || !format.ChecksumOK(p, format.SBCRC) {
			continue
		}
		format.SBInProgress.Put(p, 0) // which only says that it is a copy
		format.SetChecksum(p, format.SBCRC)
		if h, err := format.GeometryOf(p); err == nil && h.UUID == g.UUID {
			list = append(list, copyAt{p, g.AGOffset(no, 0)})
		}
	}
	return list, nil
}

// majority returns the copy that most others agree with, in all that copies share.
func majority(copies []copyAt) []byte {
	count := map[string]int{}
	best := ""
	of := map[string][]byte{}
	for _, c := range copies {
		key := string(shared(c.b))
		if count[key]++; count[key] > count[best] || best == "" {
			best = key
		}
		of[key] = c.b
		if format.SBRootIno.Get(c.b) != format.NullIno {
			of[key+"root"] = c.b
		}
	}
	out := of[best]
	if rooted := of[best+"root"]; rooted != nil {
		out = rooted
	}
	return append([]byte(nil), out...)
}

// shared is a superblock without what differs between copies.
func shared(b []byte) []byte {
	c := append([]byte(nil), b...)
	format.SBRootIno.Put(c, 0)
	format.SBRbmIno.Put(c, 0)
	format.SBRsumIno.Put(c, 0)
	format.SBICount.Put(c, 0)
	format.SBIFree.Put(c, 0)
	format.SBFDBlocks.Put(c, 0)
	format.SBLSN.Put(c, 0)
	format.SBInProgress.Put(c, 0)
	format.SetChecksum(c, format.SBCRC)
	return c
}

// superMender completes a copy of the superblock by what only the primary one has.
type superMender struct {
	dev device.Device
	geo *format.Geometry
	sb  []byte
}

// specials finds the inodes that the superblock names. The counters are added up later.
func (m *superMender) specials() {
	root := format.SBRootIno.Get(m.sb)
	if !m.geo.ValidIno(root) {
		root = m.firstChunk()
	}
	format.SBRootIno.Put(m.sb, root)
	format.SBRbmIno.Put(m.sb, root+1)
	format.SBRsumIno.Put(m.sb, root+2)
	format.SBICount.Put(m.sb, 0)
	format.SBIFree.Put(m.sb, 0)
	format.SBFDBlocks.Put(m.sb, 0)
	format.SBLSN.Put(m.sb, 0)
}

// firstChunk is the first inode of group 0 that is a directory: the root is made before all.
func (m *superMender) firstChunk() format.Ino {
	buf := make([]byte, m.geo.BlockSize)
	for b := m.geo.HeaderBlocks(); uint32(b) < m.geo.AGLen(0); b++ {
		if _, err := m.dev.ReadAt(buf, m.geo.AGOffset(0, b)); err != nil {
			return format.NullIno
		}
		ino := m.geo.Ino(0, format.AGIno(b)<<m.geo.InoPBLog)
		if format.TypeInode.Is(buf) && format.DiIno.Get(buf) == ino && format.DiMode.Get(buf)&format.ModeType == format.ModeDir {
			return ino
		}
	}
	return format.NullIno
}

// soundCopies gives the copies of the superblock that are sound by themselves.
func soundCopies(dev device.Device, g *format.Geometry) (copies [][]byte, err error) {
	for no := format.AGNumber(1); uint32(no) < g.AGCount; no++ {
		p := make([]byte, g.SectSize)
		if off := g.AGOffset(no, 0); off+int64(len(p)) > dev.Size() {
			continue
		} else if _, err := dev.ReadAt(p, off); err != nil {
			return nil, err
		}
		if format.TypeSuperblock.Is(p) && format.ChecksumOK(p, format.SBCRC) {
			copies = append(copies, p)
		}
	}
	return copies, nil
}

// mostVotes is what most copies have in a field, the smallest such if several have as many.
func mostVotes(copies [][]byte, v format.Value) (most []byte) {
	n, votes := 0, map[string]int{}
	for _, c := range copies {
		votes[string(c[v.Off:v.Off+v.Size])]++
	}
	for value, k := range votes {
		if k > n || k == n && value < string(most) {
			most, n = []byte(value), k
		}
	}
	return most
}
