package repair

import (
	"github.com/cowfs/cowfs/format"
)

// guessType finds out what an inode is whose type is none: by what its data fork holds.
func (m *mender) guessType() bool {
	b := m.b
	perm := format.DiMode.Get(b) &^ format.ModeType
	data, _ := format.Forks(b)
	size := format.DiSize.Get(b)
	try := []uint16{format.ModeReg, format.ModeDir, format.ModeLink}
	switch format.DiFormat.Get(b) {
	case format.FmtDev:
		return false // one of five, and nothing tells which
	case format.FmtLocal:
		try = []uint16{format.ModeDir, format.ModeLink}
	case format.FmtExtents:
		if t := m.typeOfFirstBlock(data); t != 0 {
			try = []uint16{t}
		}
	}
	if size > uint64(len(data)) && format.DiFormat.Get(b) == format.FmtLocal {
		return false
	}
	for _, t := range try {
		format.DiMode.Put(b, t|perm)
		if e := m.fault(); e == nil || !dataField(e.Field) && e.Field != "core.mode" {
			return true
		}
	}
	return false
}

// dataField reports whether a fault is about the data fork or depends on the file's type.
func dataField(f string) bool {
	return f == "core.format" || f == "core.size" || len(f) > 3 && f[:3] == "u3."
}

// typeOfFirstBlock looks at the block that the first mapping starts with.
func (m *mender) typeOfFirstBlock(data []byte) uint16 {
	if n, _ := format.NExtents(m.b); n == 0 || len(data) < format.BmbtRec.Size {
		return format.ModeReg
	}
	first := format.UnpackMapping(data)
	p := make([]byte, m.geo.BlockSize)
	if first.Off != 0 || !m.geo.Allocatable(first.Start, 1) {
		return format.ModeReg
	}
	if _, err := m.dev.ReadAt(p, m.geo.Offset(first.Start)); err != nil {
		return format.ModeReg
	}
	for _, t := range [...]*format.BlockType{format.TypeDirBlock, format.TypeDirData} {
		if t.Is(p) && format.DirOwner.Get(p) == m.ino {
			return format.ModeDir
		}
	}
	if format.TypeSymlink.Is(p) && format.RemoteOwner.Get(p) == m.ino {
		return format.ModeLink
	}
	return format.ModeReg
}

// fault is the first fault of the inode as it is now.
func (m *mender) fault() *format.CorruptError {
	format.SetChecksum(m.b, format.DiCRC)
	err := format.Verify(m.geo, format.TypeInode, m.b, format.InInode(m.ino))
	e, _ := err.(*format.CorruptError)
	return e
}

// guessFormat finds a format with which the data fork makes sense.
func (m *mender) guessFormat() bool {
	b := m.b
	try := []format.ForkFormat{format.FmtExtents, format.FmtBtree, format.FmtLocal}
	switch format.DiMode.Get(b) & format.ModeType {
	case format.ModeChar, format.ModeBlk, format.ModeFIFO, format.ModeSock:
		mode := format.DiMode.Get(b)
		if format.DiSize.Get(b) != 0 && m.guessType() {
			return true // it has content, so the type is what is wrong
		}
		format.DiMode.Put(b, mode)
		format.DiFormat.Put(b, format.FmtDev)
		return true
	case format.ModeReg:
		try = try[:2]
	}
	if n, _ := format.NExtents(b); n == 0 && len(try) == 3 {
		try[0], try[2] = try[2], try[0] // most likely in the inode
	}
	for _, f := range try {
		format.DiFormat.Put(b, f)
		if e := m.fault(); e == nil || !dataField(e.Field) && e.Field != "core.nextents" {
			return true
		}
	}
	format.DiFormat.Put(b, format.FmtExtents)
	m.forks = true
	return m.emptyFork(false)
}

// guessSize gives an inode a size that its data fork bears out.
func (m *mender) guessSize() bool {
	b := m.b
	data, _ := format.Forks(b)
	local := format.DiFormat.Get(b) == format.FmtLocal
	switch format.DiMode.Get(b) & format.ModeType {
	case format.ModeDir:
		if local {
			n := shortDirSize(data)
			format.DiSize.Put(b, uint64(n))
			return n > 0
		}
		format.DiSize.Put(b, max(m.endOfMappings(format.DirLeafSpace), uint64(m.geo.DirBlockSize)))
	case format.ModeLink:
		if local {
			n := 0
			for n < len(data) && data[n] != 0 {
				n++
			}
			format.DiSize.Put(b, uint64(n))
			return n > 0
		}
		format.DiSize.Put(b, format.MaxSymlinkLen)
	default:
		format.DiSize.Put(b, m.endOfMappings(1<<62))
	}
	return true
}

// endOfMappings is the end of the last mapping of the data fork that begins below a limit, both
// in bytes.
func (m *mender) endOfMappings(limit uint64) (end uint64) {
	f := forks{scan: m.scan, ino: m.ino, b: m.b, was: m.b}
	fork, kind, n := formatOf(m.b, false)
	var maps []format.Mapping
	switch kind {
	case format.FmtExtents:
		maps, _ = f.inInode(fork, min(n, uint64(len(fork)/format.BmbtRec.Size)), false)
	case format.FmtBtree:
		maps, _, _ = f.inTree(fork, false)
	}
	for _, x := range maps {
		if at := uint64(x.Off) << m.geo.BlockLog; at < limit {
			end = uint64(x.End()) << m.geo.BlockLog
		}
	}
	return end
}

// shortDirSize is the size of the shortform directory that data starts with, 0 when there is
// none.
func shortDirSize(data []byte) int {
	if _, ok := format.DirSFParent(data); !ok {
		return 0
	}
	off := format.DirSFSize(format.DirSFInoSize(data))
	for range int(format.DirSFCount.Get(data)) {
		e := format.NextDirSF(data, off)
		if e == nil {
			break
		}
		off += len(e)
	}
	return off
}

// dropFlags2 keeps the flags that the volume's features and the file's type allow.
func (m *mender) dropFlags2() {
	f := possibleFlags2(m.geo, m.b)
	if f&format.Flag2CowExtSize == 0 {
		format.DiCowExtSize.Put(m.b, 0)
	}
	format.DiFlags2.Put(m.b, f)
}

// recount makes the number of mappings of a fork what the fork can have. The mappings that can
// be read tell the right number afterwards.
func (m *mender) recount(attr bool) bool {
	data, attrs := format.NExtents(m.b)
	dataFork, attrFork := format.Forks(m.b)
	fork, f := dataFork, format.DiFormat.Get(m.b)
	if attr {
		fork, f = attrFork, format.DiAFormat.Get(m.b)
	}
	n := uint64(0)
	switch f {
	case format.FmtExtents:
		n = m.soundMappings(fork)
	case format.FmtBtree:
		n = uint64(len(fork)/format.BmbtRec.Size) + 1
	}
	m.forks = m.forks || f != format.FmtLocal
	if attr {
		attrs = uint32(n)
	} else {
		data = n
	}
	format.PutNExtents(m.b, data, attrs)
	return true
}

// soundMappings is the number of mappings at the start of a fork that make sense.
func (m *mender) soundMappings(fork []byte) (n uint64) {
	var next format.FileOff
	for at := 0; at+format.BmbtRec.Size <= len(fork); at += format.BmbtRec.Size {
		x := format.UnpackMapping(fork[at:])
		if field, _ := format.CheckMapping(m.geo, x, next, false, false); field != "" {
			break
		}
		next = x.End()
		n++
	}
	return n
}

// emptyFork takes all mappings out of a fork; what could be read of them comes back later.
func (m *mender) emptyFork(attr bool) bool {
	data, attrs := format.NExtents(m.b)
	if attr {
		attrs = 0
		format.DiAFormat.Put(m.b, format.FmtExtents)
	} else {
		data = 0
		format.DiFormat.Put(m.b, format.FmtExtents)
	}
	format.PutNExtents(m.b, data, attrs)
	return true
}
