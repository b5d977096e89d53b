package repair

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
)

// scan goes over the inodes of a group.
type scan struct {
	*model
	a      *groupModel
	claims [][]claim // by group
}

// chunk reads the inodes of a chunk, mends what is wrong with them by themselves, and notes what
// they own. The chunk's free bits then say what the inodes do.
func (s *scan) chunk(c *chunk) error {
	first := s.geo.Ino(s.a.no, c.start)
	for i := 0; i < format.InodesPerChunk; i += inodesPerHole {
		if !c.exists(i) {
			c.free |= (1<<inodesPerHole - 1) << i
			continue
		}
		run := make([]byte, inodesPerHole<<s.geo.InodeLog)
		at := s.geo.InoOffset(first + format.Ino(i))
		if _, err := s.dev.ReadAt(run, at); err != nil {
			return err
		}
		changed := false
		for k := range inodesPerHole {
			b := run[k<<s.geo.InodeLog:][:s.geo.InodeSize]
			used := c.free>>(i+k)&1 == 0
			did := s.inode(first+format.Ino(i+k), b, used)
			changed = changed || did
			c.free &^= 1 << (i + k)
			if format.DiMode.Get(b) == 0 {
				c.free |= 1 << (i + k)
			}
		}
		if changed {
			if _, err := s.dev.WriteAt(run, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// inode mends one inode in b and claims what it has. used says that the inode trees take it for
// one in use. It reports whether b has changed.
func (s *scan) inode(ino format.Ino, b []byte, used bool) (changed bool) {
	wrongMagic := !format.TypeInode.Is(b)
	if wrongMagic && format.DiIno.Get(b) == ino && format.DiUUID.Get(b) == s.geo.MetaUUID {
		format.DiMagic.Put(b, format.DinodeMagic) // all else says that it is one
	}
	if s.renews(ino, b) {
		return true
	}
	if !format.TypeInode.Is(b) {
		if used && s.relive(ino, b) {
			return true
		}
		if used {
			s.report.lost(ino, -1, 0, "the inode is overwritten")
		}
		s.report.inode(ino, "make a free inode", "it was overwritten")
		s.clear(ino, b)
		return true
	}
	if format.DiMode.Get(b) != 0 && !used && format.DiNLink.Get(b) == 0 {
		s.report.inode(ino, "make a free inode", "it has a mode, and the inode trees and its names say that it is free")
		s.clear(ino, b)
		return true
	}
	if format.DiMode.Get(b) == 0 && leftover(b) {
		if changed = s.revive(ino, b); format.DiMode.Get(b) == 0 {
			return changed
		}
		wrongMagic = true // it has changed already
	}
	m := mender{scan: s, ino: ino, b: b, was: b}
	if format.Verify(s.geo, format.TypeInode, b, format.InInode(ino)) != nil {
		m.was = bytes.Clone(b)
	}
	if !m.run() {
		if s.isOwn(ino) {
			s.renew(ino, b, m.last)
			return true
		}
		s.report.lost(ino, -1, 0, "the inode can't be mended: "+m.last)
		s.report.inode(ino, "free a hopeless inode", m.last)
		s.clear(ino, b)
		return true
	}
	if format.DiMode.Get(b) == 0 {
		return m.changed || wrongMagic
	}
	f := forks{scan: s, ino: ino, b: b, was: m.was}
	f.run(m.forks)
	return m.changed || f.changed || wrongMagic
}

// leftover reports whether a free inode has what only one in use can have.
func leftover(b []byte) bool {
	data, attrs := format.NExtents(b)
	return format.DiNLink.Get(b) != 0 || format.DiNBlocks.Get(b) != 0 || data != 0 || attrs != 0 || format.DiForkOff.Get(b) != 0
}

// revivedMode is the permissions of an inode that lost its own.
const revivedMode = 0o600

// revive makes an inode that says it is free, and has names and blocks, what its data fork says
// it was. Else it becomes a free one.
func (s *scan) revive(ino format.Ino, b []byte) (changed bool) {
	format.DiMode.Put(b, revivedMode)
	m := mender{scan: s, ino: ino, b: b, was: bytes.Clone(b)}
	if format.DiNLink.Get(b) != 0 && m.guessType() {
		s.report.inode(ino, "bring back an inode that said it was free", "its permissions are lost")
		return true
	}
	s.report.inode(ino, "make a free inode", "it had what only one in use has")
	s.clear(ino, b)
	return true
}

// clear makes b a free inode.
func (s *scan) clear(ino format.Ino, b []byte) {
	gen := uint32(0)
	if format.TypeInode.Is(b) {
		gen = format.DiGen.Get(b) + 1
	}
	clear(b)
	inode.PutFree(s.geo, b, ino)
	format.DiGen.Put(b, gen)
	inode.Seal(b)
}

// mender makes one inode what format.Verify lets pass.
type mender struct {
	*scan
	ino     format.Ino
	b       []byte
	was     []byte // before anything was mended
	changed bool
	last    string // the last fault
	forks   bool   // the forks in b are not what their counts say
}

// maxFaults is how many faults of one inode are mended before it is given up.
const maxFaults = 64

// run mends one fault after the other. It reports false when that leads nowhere.
func (m *mender) run() bool {
	bad := !format.ChecksumOK(m.b, format.DiCRC)
	for range maxFaults {
		inode.Seal(m.b)
		err := format.Verify(m.geo, format.TypeInode, m.b, format.InInode(m.ino))
		if err == nil {
			if bad {
				m.did("crc", "wrong", "right")
			}
			return true
		}
		e, ok := err.(*format.CorruptError)
		if !ok {
			return false
		}
		m.last = e.Field + ": got " + e.Got
		if !m.mend(e) {
			return false
		}
		m.did(e.Field, e.Got, e.Want)
	}
	return false
}

func (m *mender) did(field, got, want string) {
	m.changed = true
	note := fmt.Sprintf("%s: was %s", field, got)
	if want != "" {
		note += ", should be " + want
	}
	m.report.inode(m.ino, "mend an inode", note)
}

// mend makes the field of a fault what it can be.
func (m *mender) mend(e *format.CorruptError) bool {
	b := m.b
	switch f := e.Field; {
	case f == "uuid", f == "owner", f == "v3.inumber":
		format.DiUUID.Put(b, m.geo.MetaUUID)
		format.DiIno.Put(b, m.ino)
	case f == "core.version":
		format.DiVersion.Put(b, format.DinodeVersion)
	case f == "core.mode":
		return m.guessType()
	case f == "core.format":
		return m.guessFormat()
	case f == "core.size":
		return m.guessSize()
	case f == "v3.flags2":
		m.dropFlags2()
	case f == "core.nrext64_pad":
		format.DiANExtents.Put(b, 0)
	case f == "core.v3_pad":
		format.DiBigNExtents.Put(b, 0)
	case f == "v3.cowroot":
		format.DiCowRoot.Put(b, 0)
	case f == "core.flags", f == "core.extsize":
		format.DiFlags.Put(b, format.DiFlags.Get(b)&^(format.FlagExtSize|format.FlagExtSzInherit))
		format.DiExtSize.Put(b, 0)
	case f == "v3.cowextsize":
		format.DiFlags2.Put(b, format.DiFlags2.Get(b)&^format.Flag2CowExtSize)
		format.DiCowExtSize.Put(b, 0)
	case f == "core.nblocks":
		data, attr := format.NExtents(b)
		format.DiNBlocks.Put(b, data+uint64(attr)) // the right number comes with the forks
	case f == "core.nextents", f == "core.naextents":
		return m.recount(f == "core.naextents")
	case f == "core.forkoff", f == "core.aformat", strings.HasPrefix(f, "a."):
		return m.mendAttrs(f)
	case strings.HasPrefix(f, "u3.bmx"), strings.HasPrefix(f, "u3.bmbt"):
		m.forks = true
		return m.emptyFork(false)
	case strings.HasPrefix(f, "u3.sfdir"), strings.HasPrefix(f, "u3.symlink"):
		return m.mendLocal()
	default:
		return false
	}
	return true
}
