package format

import (
	"bytes"
	"fmt"
)

// checkDinode judges an inode and what its forks hold in it. A free inode needs only a sound
// header: its other fields are left over from its last use.
func checkDinode(g *Geometry, b []byte, _ Place, r report) *CorruptError {
	switch {
	case DiVersion.Get(b) != DinodeVersion:
		return bad("core.version", DiVersion.Get(b), DinodeVersion)
	case !g.ValidIno(DiIno.Get(b)):
		return bad("v3.inumber", DiIno.Get(b), "an inode of the volume")
	case DiMode.Get(b) == 0:
		return nil
	}
	for _, check := range [...]func(*Geometry, []byte, report) *CorruptError{
		checkDinodeSize, checkDinodeFlags, checkExtentHints, checkExtentCounts, checkDataFork, checkAttrFork,
	} {
		if e := r.fault(check(g, b, r)); e != nil {
			return e
		}
	}
	return nil
}

// checkDinodeSize judges type and size.
func checkDinodeSize(_ *Geometry, b []byte, _ report) *CorruptError {
	size := DiSize.Get(b)
	switch DiMode.Get(b) & ModeType {
	case ModeReg, ModeChar, ModeBlk, ModeFIFO, ModeSock:
		if size>>63 != 0 {
			return bad("core.size", size, "a size below 2^63")
		}
	case ModeDir:
		if size == 0 || size > DirLeafSpace {
			return bad("core.size", size, "1 to 32 GiB for a directory")
		}
	case ModeLink:
		if size == 0 || size > MaxSymlinkLen {
			return bad("core.size", size, fromTo(1, MaxSymlinkLen))
		}
	default:
		return bad("core.mode", Mode.formatNumber(uint64(DiMode.Get(b)), 16), "a file type")
	}
	return nil
}

// checkDinodeFlags judges the flags that need a feature of the volume or a type of file, and the
// bytes that the extent counts leave free.
func checkDinodeFlags(g *Geometry, b []byte, r report) *CorruptError {
	f, reg := DiFlags2.Get(b), DiMode.Get(b)&ModeType == ModeReg
	switch {
	case f&Flag2Bigtime != 0 && !g.HasBigtime():
		return bad("v3.flags2", hexed(f), "no bigtime on a volume without it")
	case f&Flag2Nrext64 != 0 && !g.HasNrext64():
		return bad("v3.flags2", hexed(f), "no nrext64 on a volume without it")
	case f&Flag2Reflink != 0 && (!g.HasReflink() || !reg):
		return bad("v3.flags2", hexed(f), "reflink for regular files of volumes with it only")
	case f&Flag2Reflink != 0 && DiFlags.Get(b)&FlagRealtime != 0:
		return bad("v3.flags2", hexed(f), "no reflink for realtime files")
	}
	var e *CorruptError
	switch {
	case f&Flag2Nrext64 != 0 && DiANExtents.Get(b) != 0:
		e = r.fault(bad("core.nrext64_pad", DiANExtents.Get(b), 0))
	case f&Flag2Nrext64 == 0 && DiBigNExtents.Get(b) != 0:
		e = r.fault(bad("core.v3_pad", hexed(DiBigNExtents.Get(b)), 0))
	}
	if e != nil {
		return e
	}
	if g.HasCowForks() {
		if root := DiCowRoot.Get(b); root != 0 && (!reg || !g.Allocatable(root, 1)) {
			return bad("v3.cowroot", root, "a block of the volume, of a regular file")
		}
	}
	return nil
}

// checkExtentHints judges the two hints: each is set just when a flag says that it is.
func checkExtentHints(g *Geometry, b []byte, r report) *CorruptError {
	flags, mode := DiFlags.Get(b), DiMode.Get(b)&ModeType
	hint, flagged := DiExtSize.Get(b), flags&(FlagExtSize|FlagExtSzInherit) != 0
	var e *CorruptError
	switch {
	case flags&FlagExtSize != 0 && mode != ModeReg, flags&FlagExtSzInherit != 0 && mode != ModeDir:
		e = r.fault(bad("core.flags", hexed(flags), "extsz for files and extszinherit for directories"))
	case flagged != (hint != 0) || hint > MaxExtentLen:
		e = r.fault(bad("core.extsize", hint, "a hint just when a flag says so"))
	}
	if e != nil {
		return e
	}
	cow, cowFlagged := DiCowExtSize.Get(b), DiFlags2.Get(b)&Flag2CowExtSize != 0
	switch {
	case cowFlagged && (!g.HasReflink() || mode != ModeReg && mode != ModeDir):
		return bad("v3.flags2", hexed(DiFlags2.Get(b)), "cowextsz for files and directories of volumes with reflink")
	case cowFlagged != (cow != 0) || cow > MaxExtentLen:
		return bad("v3.cowextsize", cow, "a hint just when a flag says so")
	}
	return nil
}

// checkExtentCounts judges how many extents there are, and where the attribute fork starts.
func checkExtentCounts(_ *Geometry, b []byte, r report) *CorruptError {
	data, attr := NExtents(b)
	literal, off := len(b)-Dinode.Size, int(DiForkOff.Get(b))*8
	var e *CorruptError
	switch {
	case data > MaxExtents(b, false):
		e = r.fault(bad("core.nextents", data, fmt.Sprintf("%d at most", MaxExtents(b, false))))
	case uint64(attr) > MaxExtents(b, true):
		e = r.fault(bad("core.naextents", attr, fmt.Sprintf("%d at most", MaxExtents(b, true))))
	case data+uint64(attr) > DiNBlocks.Get(b):
		e = r.fault(bad("core.nblocks", DiNBlocks.Get(b), "a block for each extent at least"))
	}
	switch {
	case e != nil:
		return e
	case off >= literal:
		return bad("core.forkoff", off/8, below(uint32(literal/8)))
	case DiFormat.Get(b) == FmtDev && off != 0 && off != 8:
		return bad("core.forkoff", off/8, 1)
	}
	return nil
}

// checkDataFork judges the data fork: its format must suit the file's type.
func checkDataFork(g *Geometry, b []byte, r report) *CorruptError {
	mode, format, size := DiMode.Get(b)&ModeType, DiFormat.Get(b), DiSize.Get(b)
	data, _ := Forks(b)
	extents, _ := NExtents(b)
	special := mode != ModeReg && mode != ModeDir && mode != ModeLink
	switch {
	case special != (format == FmtDev), format > FmtBtree, format == FmtLocal && mode == ModeReg:
		return bad("core.format", format, "a format for the file's type")
	case format == FmtDev:
		return nil
	case format != FmtLocal:
		f := fork{name: "u3", b: data, format: format, extents: extents, rt: DiFlags.Get(b)&FlagRealtime != 0}
		return f.check(g, r)
	case extents != 0:
		return bad("core.nextents", extents, 0)
	case size > uint64(len(data)):
		return bad("core.size", size, upTo(uint32(len(data))))
	case mode == ModeDir:
		return checkDirSF(g, data[:size], r)
	case bytes.IndexByte(data[:size], 0) >= 0:
		return bad("u3.symlink", string(data[:size]), "no NUL byte")
	}
	return nil
}

// checkAttrFork judges the attribute fork.
func checkAttrFork(g *Geometry, b []byte, r report) *CorruptError {
	format := DiAFormat.Get(b)
	_, attr := Forks(b)
	_, extents := NExtents(b)
	if DiForkOff.Get(b) == 0 {
		switch {
		case extents != 0:
			return bad("core.naextents", extents, 0)
		case format != FmtExtents && format != FmtDev:
			return bad("core.aformat", format, FmtExtents)
		}
		return nil
	}
	switch format {
	case FmtLocal:
		if extents != 0 {
			return bad("core.naextents", extents, 0)
		}
		return checkAttrSF(attr, r)
	case FmtExtents, FmtBtree:
		f := fork{name: "a", b: attr, format: format, extents: uint64(extents), attr: true}
		return f.check(g, r)
	}
	return bad("core.aformat", format, "local, extents or btree")
}
