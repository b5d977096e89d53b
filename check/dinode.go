package check

import (
	"fmt"
	"math"
	"strings"

	"github.com/cowfs/cowfs/format"
)

// judgeInode reports all that is wrong with an inode that format.Verify refuses. It says what of
// it can still be looked at.
func (f *file) judgeInode() (readable bool) {
	readable = true
	broken := false
	format.Judge(f.w.geo, format.TypeInode, f.raw, format.InInode(f.ino), func(e *format.CorruptError) {
		code := inodeCode(e.Field)
		switch code {
		case InodeMagic:
			readable = false
		case InodeCRC:
			broken = true
		case InodeFormat:
			f.doubt(e.Field)
		}
		f.w.report(Finding{Code: code, Structure: e.Structure, Field: e.Field, Place: InInode(f.ino), Got: e.Got, Want: e.Want})
		if code != InodeCRC && broken {
			readable = false // not just the checksum
		}
	})
	return readable
}

// inodeCode is the code for a field that is wrong.
func inodeCode(field string) *Code {
	has := func(prefixes ...string) bool {
		for _, p := range prefixes {
			if strings.HasPrefix(field, p) {
				return true
			}
		}
		return false
	}
	switch {
	case has("magic", "core.version"):
		return InodeMagic
	case field == "crc":
		return InodeCRC
	case has("uuid", "owner", "v3.inumber"):
		return InodeIdentity
	case has("core.mode", "core.format", "core.aformat", "core.forkoff", "core.nextents", "core.naextents", "u3.bmbt", "a.bmbt"):
		return InodeFormat
	case has("u3.bmx", "a.bmx"):
		return ForkMapping
	case has("u3.sfdir3"):
		return DirShort
	case has("a.sfattr"):
		return AttrShort
	case has("u3.symlink"):
		return SymlinkTarget
	case has("core.size"):
		return InodeSize
	case has("core.nblocks"):
		return InodeBlocks
	case has("core.flags", "v3.flags2", "core.extsize", "v3.cowextsize"):
		return InodeFlags
	}
	return InodeField
}

// doubt takes note that a field is wrong which says where forks are and what they hold.
func (f *file) doubt(field string) {
	switch {
	case strings.HasPrefix(field, "a.") || strings.HasPrefix(field, "core.a") || strings.HasPrefix(field, "core.na"):
		f.attr.unreadable = true
	case strings.HasPrefix(field, "core.forkoff"):
		f.data.unreadable, f.attr.unreadable = true, true
	default:
		f.data.unreadable = true
	}
}

// say reports something about a field of the inode.
func (f *file) say(code *Code, field string, got, want any) {
	f.w.report(Finding{
		Code: code, Structure: format.TypeInode.Name, Field: field, Place: InInode(f.ino),
		Got: text(got), Want: text(want),
	})
}

// judgeCore judges what format.Verify has no reason to refuse in an inode that is in use.
func (f *file) judgeCore() {
	b := f.raw
	f.judgeUnused()
	f.judgeFlags()
	if format.DiFlags2.Get(b)&format.Flag2Bigtime == 0 {
		f.judgeTimes()
	}
	typ := f.mode & format.ModeType
	if size := format.DiSize.Get(b); f.special() && size != 0 {
		f.say(InodeSize, "core.size", size, 0)
	}
	if n := format.DiNLink.Get(b); n > format.MaxLinks {
		f.say(InodeField, "core.nlinkv2", n, fmt.Sprintf("%d at most", format.MaxLinks))
	}
	if format.DiForkOff.Get(b) == 0 && format.DiAFormat.Get(b) == format.FmtDev {
		f.say(InodeFormat, "core.aformat", format.FmtDev, format.FmtExtents)
	}
	if typ == format.ModeFIFO || typ == format.ModeSock {
		if dev := format.DevNumber.Get(b[format.Dinode.Size:]); dev != 0 {
			f.say(InodePadding, "u3.dev", fmt.Sprintf("%#x", dev), 0)
		}
	}
	f.judgeHints()
}

// judgeHints judges the hints for the size of extents, which a free inode keeps.
func (f *file) judgeHints() {
	most := f.w.geo.AGBlocks / 2
	if n := format.DiExtSize.Get(f.raw); n > most && format.DiFlags.Get(f.raw)&format.FlagRealtime == 0 {
		f.say(InodeFlags, "core.extsize", n, fmt.Sprintf("%d at most, half a group", most))
	}
	if n := format.DiCowExtSize.Get(f.raw); n > most {
		f.say(InodeFlags, "v3.cowextsize", n, fmt.Sprintf("%d at most, half a group", most))
	}
}

// special reports whether the inode is neither a file, nor a directory, nor a link.
func (f *file) special() bool {
	switch f.mode & format.ModeType {
	case format.ModeReg, format.ModeDir, format.ModeLink:
		return false
	}
	return true
}

// Bytes of an inode that writers leave zero: pad2 is 4 bytes, or 12 on a volume without CoW forks.
const (
	dinodePad     = 132
	dinodeCowRoot = 136
	dinodePadEnd  = 144
)

// judgeUnused judges the bytes that mean nothing.
func (f *file) judgeUnused() {
	b := f.raw
	if n := format.DiOnLink.Get(b); n != 0 {
		f.say(InodeField, "core.onlink", n, 0) // unlike the others, Linux wants it so
	}
	if n := format.DiDMEvMask.Get(b); n != 0 {
		f.say(InodePadding, "core.dmevmask", fmt.Sprintf("%#x", n), 0)
	}
	if n := format.DiDMState.Get(b); n != 0 {
		f.say(InodePadding, "core.dmstate", n, 0)
	}
	end := dinodePadEnd
	if f.w.geo.HasCowForks() {
		end = dinodeCowRoot
	}
	if !isZero(b[dinodePad:end]) {
		f.say(InodePadding, "v3.pad2", fmt.Sprintf("%x", b[dinodePad:end]), 0)
	}
}

func isZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// judgeFlags judges flags by the type of file and the volume. Verify has seen to those that other
// fields depend on.
func (f *file) judgeFlags() {
	flags, flags2 := format.DiFlags.Get(f.raw), format.DiFlags2.Get(f.raw)
	say := func(bad format.DiFlag, want string) {
		if bad != 0 {
			f.say(InodeFlags, "core.flags", fmt.Sprintf("%#x", uint16(flags)), want)
		}
	}
	typ := f.mode & format.ModeType
	say(flags&^format.FlagsKnown, "known flags only")
	if typ != format.ModeDir {
		say(flags&format.FlagsOfDirs&^format.FlagExtSzInherit, "no flags of directories")
	}
	if typ != format.ModeReg {
		say(flags&format.FlagsOfReg&^format.FlagExtSize, "no flags of regular files")
	}
	if !f.w.hasRealtime() { // a directory may say that files in it should be there
		say(flags&format.FlagRealtime, "no realtime file on a volume without a realtime section")
	}
	if f.ino != format.SBRbmIno.Get(f.w.sb) {
		say(flags&format.FlagNewRtBm, "newrtbm on the realtime bitmap only")
	}
	if flags2&format.Flag2DAX != 0 && typ != format.ModeDir && typ != format.ModeReg {
		f.say(InodeFlags, "v3.flags2", fmt.Sprintf("%#x", uint64(flags2)), "dax for files and directories only")
	}
	if bad := flags2 &^ format.Flags2Known; bad != 0 {
		f.say(InodeFlags, "v3.flags2", fmt.Sprintf("%#x", uint64(flags2)), "known flags only")
	}
}

// hasRealtime reports whether the volume has a realtime section.
func (c *checker) hasRealtime() bool { return format.SBRBlocks.Get(c.sb) != 0 }

// judgeTimes judges the times of an inode that has them as seconds and nanoseconds.
func (f *file) judgeTimes() {
	for _, t := range [...]struct {
		name string
		at   format.U64[uint64]
	}{{"core.atime", format.DiATime}, {"core.mtime", format.DiMTime}, {"core.ctime", format.DiCTime}, {"v3.crtime", format.DiCRTime}} {
		if nsec := uint32(t.at.Get(f.raw)); nsec >= 1e9 {
			f.say(InodeTime, t.name, fmt.Sprintf("%d nanoseconds", nsec), "below 1000000000")
		}
	}
}

// judgeFree judges an inode that is not in use: its fields may be left over from when it was, but
// it has no names and no blocks.
func (f *file) judgeFree() {
	b := f.raw
	if n := format.DiNLink.Get(b); n != 0 {
		f.say(InodeFreeFields, "core.nlinkv2", n, 0)
	}
	if n := format.DiNBlocks.Get(b); n != 0 {
		f.say(InodeFreeFields, "core.nblocks", n, 0)
	}
	if data, attr := format.NExtents(b); data != 0 || attr != 0 {
		f.say(InodeFreeFields, "core.nextents", fmt.Sprintf("%d and %d of attributes", data, attr), 0)
	}
	if n := format.DiForkOff.Get(b); n != 0 {
		f.say(InodeFreeFields, "core.forkoff", n, 0)
	}
	if n := format.DiNextUnlinked.Get(b); n != format.NullAGIno {
		f.say(InodeFreeFields, "next_unlinked", n, "null")
	}
	if n := format.DiSize.Get(b); n > math.MaxInt64 {
		f.say(InodeFreeFields, "core.size", n, 0)
	}
	f.judgeHints()
	if n := format.DiAFormat.Get(b); n != format.FmtDev && n != format.FmtExtents {
		f.say(InodeFreeFields, "core.aformat", uint8(n), format.FmtExtents)
	}
	if n := format.DiBigNExtents.Get(b); n != 0 && format.DiFlags2.Get(b)&format.Flag2Nrext64 == 0 {
		f.say(InodeField, "core.v3_pad", hex(n), 0)
	}
	if n := format.DiFlags.Get(b); n != 0 {
		f.say(InodeFreeFields, "core.flags", hex(n), 0)
	}
	flags2 := format.DiFlags2.Get(b)
	if n := flags2 &^ (format.Flag2Bigtime | format.Flag2Nrext64); n != 0 {
		f.say(InodeFreeFields, "v3.flags2", hex(n), "no other flags than those of a free inode")
	}
	if n := format.DiANExtents.Get(b); n != 0 && flags2&format.Flag2Nrext64 != 0 {
		f.say(InodeField, "core.nrext64_pad", n, 0)
	}
	f.judgeUnused()
}
