package volume

import (
	"errors"
	"fmt"
	"io"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
)

// errNoCopy says that a search has found no superblock.
var errNoCopy = fmt.Errorf("no intact copy of a superblock found: %w", format.ErrCorrupt)

// copyOfGroup reads the superblock of a group other than the first. Where groups begin is
// learnt from any copy that a search finds.
func copyOfGroup(dev device.Device, ag format.AGNumber) ([]byte, *format.Geometry, error) {
	_, g, err := SearchSuperblock(dev)
	if err != nil {
		return nil, nil, err
	}
	if uint32(ag) >= g.AGCount {
		return nil, nil, fmt.Errorf("superblock of group %d: the volume has groups 0 to %d", ag, g.AGCount-1)
	}
	sb, g, err := readCopy(dev, g.AGOffset(ag, 0))
	if err != nil {
		return nil, nil, fmt.Errorf("superblock of group %d: %w", ag, err)
	}
	if g.RootIno != format.NullIno {
		return sb, g, nil
	}
	// Most copies do not know the root directory: the one in the middle and the last one do.
	for _, n := range []uint32{g.AGCount - 1, (g.AGCount - 1) / 2} {
		if _, other, err := readCopy(dev, g.AGOffset(format.AGNumber(n), 0)); err == nil && other.RootIno != format.NullIno {
			g.RootIno = other.RootIno
			return sb, g, nil
		}
	}
	return nil, nil, fmt.Errorf("no copy of the superblock knows the root directory: %w", format.ErrCorrupt)
}

// readCopy reads a superblock that need not be the primary one at byte off. A copy says that
// making the volume is in progress, which says nothing about the volume.
func readCopy(dev device.Device, off int64) ([]byte, *format.Geometry, error) {
	sb, err := readSector(dev, off)
	if err != nil {
		return nil, nil, err
	}
	ss := int(format.SBSectSize.Get(sb))
	if ss < format.MinSectorSize || ss > len(sb) || !format.ChecksumOK(sb[:ss], format.SBCRC) {
		return nil, nil, format.Corrupt("superblock", "crc", "a wrong one", nil)
	}
	format.SBInProgress.Put(sb, 0)
	format.SetChecksum(sb[:ss], format.SBCRC)
	g, err := format.GeometryOf(sb)
	return sb, g, err
}

// SearchSuperblock looks through a device, passing over holes, for the first copy of a
// superblock that is intact and where it says that it should be. It returns the copy's sector.
func SearchSuperblock(dev device.Device) ([]byte, *format.Geometry, error) {
	const piece = 1 << 20
	buf := make([]byte, piece)
	for off := int64(0); off < dev.Size(); {
		data, err := device.SeekData(dev, off)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, err
		}
		off = max(off, data/piece*piece)
		n := min(piece, dev.Size()-off)
		if _, err := dev.ReadAt(buf[:n], off); err != nil {
			return nil, nil, err
		}
		for at := int64(0); at+format.MinBlockSize <= n; at += format.MinBlockSize {
			if off+at == 0 || format.SBMagicNum.Get(buf[at:]) != format.SBMagic {
				continue
			}
			sb, g, err := readCopy(dev, off+at)
			if err == nil && (off+at)%(int64(g.AGBlocks)<<g.BlockLog) == 0 {
				return sb, g, nil
			}
		}
		off += n
	}
	return nil, nil, errNoCopy
}

// Grown reports whether a primary superblock says that the volume is larger than a copy does, and the
// last group's header says so, too: while Linux makes a volume larger, no copy knows of it.
func Grown(dev device.Device, sb, other []byte) bool {
	g, err := format.GeometryOf(sb)
	if err != nil || g.DBlocks <= format.SBDBlocks.Get(other) {
		return false
	}
	last := format.AGNumber(g.AGCount - 1)
	b := make([]byte, g.SectSize)
	if _, err := dev.ReadAt(b, g.SectorOffset(last, 1)); err != nil {
		return false
	}
	return format.TypeAGF.Is(b) && format.ChecksumOK(b, format.AGFCRC) && format.AGFSeqNo.Get(b) == last && format.AGFLength.Get(b) == g.AGLen(last)
}

// Grows reports whether a field of the superblock changes when a volume is made larger.
func Grows(field string) bool { return field == "agcount" || field == "dblocks" }
