package inode

import (
	"fmt"

	"github.com/cowfs/cowfs/format"
)

// check judges the fixed part of an inode as far as it can be done without reading anything
// else. After it, forkoff and the sizes of forks in the inode can be trusted.
func (i *Inode) check() error {
	raw := i.Raw
	switch {
	case format.DiMagic.Get(raw) != format.DinodeMagic:
		return i.corrupt("core.magic", hex(format.DiMagic.Get(raw)), hex(format.DinodeMagic))
	case !format.ChecksumOK(raw, format.DiCRC):
		return i.corrupt("v3.crc", hex(format.DiCRC.Get(raw)), hex(format.Checksum(raw, format.DiCRC)))
	case format.DiVersion.Get(raw) != format.DinodeVersion:
		return i.corrupt("core.version", format.DiVersion.Get(raw), format.DinodeVersion)
	case format.DiIno.Get(raw) != i.Ino:
		return i.corrupt("v3.inumber", format.DiIno.Get(raw), i.Ino)
	case format.DiUUID.Get(raw) != i.src.Geo.MetaUUID:
		return i.corrupt("v3.uuid", format.DiUUID.Get(raw), i.src.Geo.MetaUUID)
	case format.DiSize.Get(raw)>>63 != 0:
		return i.corrupt("core.size", format.DiSize.Get(raw), "a size below 2^63")
	case i.Mode() == 0:
		return nil // free: the rest means nothing
	}
	if err := i.checkData(); err != nil {
		return err
	}
	return i.checkAttr()
}

// checkData judges the data fork: its format must be one that the file type can have, and what
// lies in the inode must fit there.
func (i *Inode) checkData() error {
	f := format.DiFormat.Get(i.Raw)
	var ok bool
	switch i.Type() {
	case format.ModeReg:
		ok = f == format.FmtExtents || f == format.FmtBtree
	case format.ModeDir:
		ok = f == format.FmtLocal || f == format.FmtExtents || f == format.FmtBtree
	case format.ModeLink:
		ok = f == format.FmtLocal || f == format.FmtExtents
	case format.ModeChar, format.ModeBlk, format.ModeFIFO, format.ModeSock:
		ok = f == format.FmtDev
	default:
		return i.corrupt("core.mode", fmt.Sprintf("%#o", i.Mode()), "a known file type")
	}
	if !ok {
		return i.corrupt("core.format", f, fmt.Sprintf("one that mode %#o can have", i.Mode()))
	}
	if off := int(format.DiForkOff.Get(i.Raw)) * 8; off >= i.src.Geo.LiteralSize() {
		return i.corrupt("core.forkoff", off/8, fmt.Sprintf("below %d", i.src.Geo.LiteralSize()/8))
	}
	data, _ := format.Forks(i.Raw)
	count, _ := format.NExtents(i.Raw)
	if err := i.checkFork("core.format", f, data, count); err != nil {
		return err
	}
	if f == format.FmtLocal && (i.Size() == 0 || i.Size() > int64(len(data))) {
		return i.corrupt("core.size", i.Size(), fmt.Sprintf("1 to %d bytes for a fork in the inode", len(data)))
	}
	if i.IsLink() && (i.Size() == 0 || i.Size() > format.MaxSymlinkLen) {
		return i.corrupt("core.size", i.Size(), fmt.Sprintf("a target of 1 to %d bytes", format.MaxSymlinkLen))
	}
	return nil
}

func (i *Inode) checkAttr() error {
	_, attr := format.Forks(i.Raw)
	_, count := format.NExtents(i.Raw)
	f := format.DiAFormat.Get(i.Raw)
	if attr == nil {
		if count != 0 {
			return i.corrupt("core.naextents", count, "0 without an attribute fork")
		}
		return nil
	}
	if f == format.FmtDev || f > format.FmtBtree {
		return i.corrupt("core.aformat", f, "local, extents or btree")
	}
	return i.checkFork("core.aformat", f, attr, uint64(count))
}

// checkFork judges a fork's format and number of extents against its room in the inode.
func (i *Inode) checkFork(field string, f format.ForkFormat, fork []byte, count uint64) error {
	room := uint64(len(fork) / format.BmbtRec.Size)
	switch {
	case f == format.FmtDev && len(fork) < format.ShortPtr.Size,
		f == format.FmtLocal && count != 0,
		f == format.FmtExtents && count > room,
		f == format.FmtBtree && (count <= room || format.RootMaxRecs(len(fork)) == 0):
		return i.corrupt(field, fmt.Sprintf("%v with %d extents", f, count), fmt.Sprintf("what fits %d bytes of fork", len(fork)))
	}
	return nil
}

func (i *Inode) corrupt(field string, got, want any) error {
	return format.Corrupt("inode", field, got, want).At(i.src.place(i.Ino))
}

func hex[T ~uint16 | ~uint32 | ~int](v T) string { return fmt.Sprintf("%#x", v) }
