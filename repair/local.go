package repair

import (
	"bytes"
	"strings"

	"github.com/cowfs/cowfs/attr"
	"github.com/cowfs/cowfs/dir"
	"github.com/cowfs/cowfs/format"
)

// mendLocal makes what lies in the inode instead of a data fork readable, and loses as little of
// it as can be.
func (m *mender) mendLocal() bool {
	data, _ := format.Forks(m.b)
	size := min(int(min(format.DiSize.Get(m.b), uint64(len(data)))), len(data))
	if format.DiMode.Get(m.b)&format.ModeType == format.ModeLink {
		n := bytes.IndexByte(data[:size], 0)
		if n <= 0 {
			return false
		}
		m.report.lost(m.ino, int64(n), int64(size-n), "the target ends early")
		format.DiSize.Put(m.b, uint64(n))
		return true
	}
	return m.mendShortDir(data, size)
}

// mendShortDir writes a directory in shortform anew with those of its entries that make sense.
// Its parent may be wrong; that is found out with the names.
func (m *mender) mendShortDir(data []byte, size int) bool {
	if size < format.DirSFSize(4) {
		return false
	}
	best := m.shortEntries(data[:size])
	// A wrong count of large inode numbers makes nonsense of all entries.
	other := bytes.Clone(data[:size])
	if format.DirSFI8Count.Get(other) == 0 {
		format.DirSFI8Count.Put(other, 1)
	} else {
		format.DirSFI8Count.Put(other, 0)
	}
	src := data[:size]
	if list := m.shortEntries(other); len(list) > len(best) {
		best, src = list, other
	}
	parent, ok := format.DirSFParent(src)
	if !ok || !m.geo.ValidIno(parent) {
		parent = m.geo.RootIno
	}
	b := dir.ShortBytes(best, parent)
	if len(b) > len(data) {
		return false
	}
	clear(data)
	copy(data, b)
	format.DiSize.Put(m.b, uint64(len(b)))
	return true
}

// shortEntries lists the entries that make sense.
func (m *mender) shortEntries(b []byte) (list []dir.Entry) {
	have := map[string]bool{}
	off := format.DirSFSize(format.DirSFInoSize(b))
	for range format.DirSFCount.Get(b) {
		e := format.NextDirSF(b, off)
		if e == nil {
			break
		}
		off += len(e)
		name := string(e.Name())
		if name == "" || strings.ContainsAny(name, "/\x00") || name == "." || name == ".." || !m.geo.ValidIno(e.Ino()) || have[name] {
			continue
		}
		have[name] = true
		t := e.FType()
		if t > format.FTWhiteout {
			t = format.FTUnknown
		}
		list = append(list, dir.Entry{Name: name, Ino: e.Ino(), Type: t})
	}
	return list
}

// mendAttrs makes the attribute fork one that can be read. Where it starts, and its format, are
// guessed again when they can't be right.
func (m *mender) mendAttrs(field string) bool {
	b := m.b
	switch {
	case strings.HasPrefix(field, "a.bmx"), strings.HasPrefix(field, "a.bmbt"):
		m.forks = true
		return m.emptyFork(true)
	case field == "core.forkoff", field == "core.aformat":
		if m.guessAttrs() {
			return true
		}
		m.report.lost(m.ino, -1, 0, "its attributes, as nothing tells where they start")
		m.dropAttrs()
		return true
	}
	_, fork := format.Forks(b)
	list := m.shortAttrs(fork)
	if len(list) == 0 {
		m.report.lost(m.ino, -1, 0, "its attributes")
		m.dropAttrs()
		return true
	}
	if n, ok := attr.ShortSize(list); !ok || n > len(fork) {
		return false
	}
	clear(fork)
	attr.PutShort(fork, list)
	return true
}

// dropAttrs takes the attribute fork away.
func (m *mender) dropAttrs() {
	data, _ := format.NExtents(m.b)
	format.PutNExtents(m.b, data, 0)
	format.DiForkOff.Put(m.b, 0)
	format.DiAFormat.Put(m.b, format.FmtExtents)
}

// guessAttrs tries all places where an attribute fork can start, and its formats, and takes the
// first with which both forks make sense. It reports false when none does.
func (m *mender) guessAttrs() bool {
	b := m.b
	off, f := format.DiForkOff.Get(b), format.DiAFormat.Get(b)
	_, attrs := format.NExtents(b)
	formats := []format.ForkFormat{f, format.FmtLocal, format.FmtExtents, format.FmtBtree}
	try := func(at uint8, f format.ForkFormat) bool {
		format.DiForkOff.Put(b, at)
		format.DiAFormat.Put(b, f)
		_, fork := format.Forks(b)
		if f == format.FmtLocal && (len(fork) < format.AttrSF.Size || format.AttrSFCount.Get(fork) == 0) {
			return false
		}
		e := m.fault()
		if e == nil {
			return true
		}
		switch e.Field {
		case "core.forkoff", "core.aformat", "core.naextents", "core.nextents":
			return false
		}
		return !strings.HasPrefix(e.Field, "a.") && !strings.HasPrefix(e.Field, "u3.")
	}
	if off != 0 {
		for _, f := range formats {
			if try(off, f) {
				return true
			}
		}
	}
	for at := 1; at < m.geo.LiteralSize()/8; at++ {
		if try(uint8(at), format.FmtLocal) || attrs > 0 && (try(uint8(at), format.FmtExtents) || try(uint8(at), format.FmtBtree)) {
			return true
		}
	}
	format.DiForkOff.Put(b, off)
	format.DiAFormat.Put(b, f)
	return false
}

// shortAttrs lists the attributes in shortform that make sense.
func (m *mender) shortAttrs(fork []byte) (list []attr.Attr) {
	off := format.AttrSF.Size
	for range 255 {
		end, err := format.AttrSFEntryEnd(fork, off)
		if err != nil {
			break
		}
		e := fork[off:end]
		off = end
		n := int(format.AttrSFNameLen.Get(e))
		if n == 0 {
			break
		}
		name := e[format.AttrSFEntry.Size:][:n]
		a := attr.Attr{Flags: format.AttrSFFlags.Get(e), Name: string(name), Value: bytes.Clone(e[format.AttrSFEntry.Size+n:])}
		if a.Flags.Valid() && a.Flags&format.AttrIncomplete == 0 {
			list = append(list, a)
		}
	}
	return list
}
