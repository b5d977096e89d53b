package cow

import (
	"errors"
	"strings"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/space"
)

// Kind says what there is for a range of a file.
type Kind uint8

// The kinds.
const (
	Hole      Kind = iota // nothing
	Delalloc              // blocks are promised
	Unwritten             // blocks, which read as zeroes
	Mapped                // blocks with data
)

// String names the kind.
func (k Kind) String() string { return [...]string{"hole", "delalloc", "unwritten", "mapped"}[k] }

// Flags say more of a mapping.
type Flags uint8

// The flags.
const (
	New    Flags = 1 << iota // reserved by this call
	Shared                   // the data fork's blocks belong to other files too
	Merged                   // what was reserved has become one extent with its neighbour
	Cow                      // it is the CoW fork's
)

// String lists the flags.
func (f Flags) String() string {
	var list []string
	for i, name := range [...]string{"new", "shared", "merged", "cow"} {
		if f&(1<<i) != 0 {
			list = append(list, name)
		}
	}
	return strings.Join(list, ",")
}

// Purpose says what a mapping is wanted for.
type Purpose uint8

// The purposes.
const (
	ForRead   Purpose = iota // the data fork as it is
	ForWrite                 // a buffered write, which needs blocks reserved
	ForDirect                // a write to blocks that are allocated next
	ForStage                 // a write to the CoW fork, whatever the data fork has
)

// Iomap says where a range of a file lies, and where the data come from that a write to a part
// of a block leaves as they are.
type Iomap struct {
	Off, End format.FileOff // the last is the one behind it
	Kind     Kind
	Flags    Flags
	Start    format.FSBlock // of Unwritten and Mapped
	// Source is where the range is read from: Mapped, or Hole for what reads as zeroes.
	Source      Kind
	SourceStart format.FSBlock
	// Cookie goes with the state of the forks that the mapping was made from; see File.Valid.
	Cookie uint64

	reserved span // by this call, with what the hint adds
}

// span is a range of a file, in blocks.
type span struct{ off, end format.FileOff }

func (s span) blocks() uint64 { return uint64(s.end - s.off) }

// Begin returns a mapping that begins at block off and ends at end at the latest. It reserves
// what the purpose asks for:
//
//   - Where the CoW fork has an extent, that is where the write goes.
//   - Else, where the data fork has a hole, or blocks of this file alone, the data fork is.
//   - Else the CoW fork gets a reservation as far as the write and the shared blocks go, rounded
//     out to the file's CoW extent size hint.
//
// The caller goes on at the mapping's end, and calls End when it does not write all of it. When the
// forks have changed since, the mapping must not be used: Valid tells.
func (f *File) Begin(off, end format.FileOff, p Purpose) (m Iomap, err error) {
	err = f.eng.look(func(c *change) error {
		m, err = f.begin(c, off, end, p)
		return err
	})
	return m, err
}

// Valid reports whether the forks are still as they were for the mapping.
func (f *File) Valid(m Iomap) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.valid(m)
}

// valid is Valid for one who holds mu, or the transaction.
func (f *File) valid(m Iomap) bool {
	if f.seq != m.Cookie {
		f.eng.counters.stale.Add(1)
		return false
	}
	return true
}

func (f *File) begin(c *change, off, end format.FileOff, p Purpose) (Iomap, error) {
	ed, err := c.edit(f)
	if err != nil {
		return Iomap{}, err
	}
	m, err := f.mapping(c, ed, off, end, p)
	m.Cookie = f.seq
	return m, err
}

// mapping is begin without the cookie.
func (f *File) mapping(c *change, ed *inode.Editor, off, end format.FileOff, p Purpose) (Iomap, error) {
	m := Iomap{Off: off, End: min(end, format.MaxFileOff)}
	if err := m.lookup(ed.Fork(inode.Data)); err != nil || p == ForRead {
		return m, err
	}
	x, ok := f.cow.from(off)
	switch {
	case ok && x.Off <= off:
		m.staged(x)
		return m, nil
	case ok:
		m.End = min(m.End, x.Off)
	}
	switch {
	case p == ForStage:
		return m, f.reserveCow(c, ed, &m)
	case m.Kind == Hole:
		return m, f.fillHole(c, ed, &m, p)
	}
	if err := f.findShared(c, ed, &m); err != nil || m.Flags&Shared == 0 || p != ForWrite {
		return m, err
	}
	return m, f.reserveCow(c, ed, &m)
}

// lookup makes m what the data fork has from its beginning on.
func (m *Iomap) lookup(fork *inode.ForkEditor) error {
	x, ok, err := fork.From(m.Off)
	switch {
	case err != nil || !ok:
		return err
	case x.Off > m.Off:
		m.End = min(m.End, x.Off)
		return nil
	}
	m.Kind, m.Start, m.End = Unwritten, x.Start+format.FSBlock(m.Off-x.Off), min(m.End, x.End())
	if !x.Unwritten {
		m.Kind = Mapped
		m.Source, m.SourceStart = Mapped, m.Start
	}
	return nil
}

// staged makes m what the CoW fork has.
func (m *Iomap) staged(x Extent) {
	m.End = min(m.End, x.End)
	x = x.part(m.Off, m.End)
	m.Kind, m.Start, m.Flags = [...]Kind{Delalloc, Unwritten, Mapped}[x.State], x.Start, Cow
	if x.State == Written {
		m.Source, m.SourceStart = Mapped, x.Start
	}
}

// fillHole makes m what is reserved for a hole, and reserves it for a buffered write.
func (f *File) fillHole(c *change, ed *inode.Editor, m *Iomap, p Purpose) error {
	x, ok := f.data.from(m.Off)
	switch {
	case ok && x.Off <= m.Off:
		m.Kind, m.End = Delalloc, min(m.End, x.End)
		return nil
	case ok:
		m.End = min(m.End, x.Off)
	}
	if p != ForWrite {
		return nil
	}
	var in span // the hole
	var err error
	if in.off, in.end, err = holeAround(ed.Fork(inode.Data), m.Off); err != nil {
		return err
	}
	m.Kind = Delalloc
	return f.reserve(c, &f.data, m, in, extSize(ed))
}

// holeAround is the hole of a fork that a block lies in.
func holeAround(fork *inode.ForkEditor, at format.FileOff) (off, end format.FileOff, err error) {
	left, hasLeft, err := fork.Before(at)
	if err != nil {
		return 0, 0, err
	}
	right, hasRight, err := fork.From(at)
	end = format.MaxFileOff
	if hasRight {
		end = right.Off
	}
	if hasLeft {
		off = left.End()
	}
	return off, end, err
}

// findShared cuts m down to blocks that are shared or not, all alike.
func (f *File) findShared(c *change, ed *inode.Editor, m *Iomap) error {
	if format.DiFlags2.Get(ed.Raw())&format.Flag2Reflink == 0 {
		return nil
	}
	s, err := f.eng.counts.FindShared(c.Tx, space.Extent{Start: m.Start, Count: uint32(m.End - m.Off)})
	switch {
	case err != nil || s.Count == 0:
		return err
	case s.Start > m.Start:
		m.End = m.Off + format.FileOff(s.Start-m.Start)
		return nil
	}
	m.Flags |= Shared
	m.End = m.Off + format.FileOff(s.Count)
	return nil
}

func (f *File) reserveCow(c *change, ed *inode.Editor, m *Iomap) error {
	if !f.eng.geo.HasReflink() {
		return errReflink
	}
	m.Kind, m.Start = Delalloc, 0
	m.Flags |= Cow
	return f.reserve(c, &f.cow, m, span{0, format.MaxFileOff}, cowExtSize(ed))
}

// extSize and cowExtSize are the hints of a file, in blocks.
func extSize(ed *inode.Editor) format.FileOff {
	if format.DiFlags.Get(ed.Raw())&format.FlagExtSize == 0 {
		return 1
	}
	return max(1, format.FileOff(format.DiExtSize.Get(ed.Raw())))
}

func cowExtSize(ed *inode.Editor) format.FileOff {
	if format.DiFlags2.Get(ed.Raw())&format.Flag2CowExtSize == 0 {
		return 1
	}
	return max(1, format.FileOff(format.DiCowExtSize.Get(ed.Raw())))
}

// reserve reserves m in a fork, rounded out to a hint as far as the fork is empty there and the
// file goes. When there is not enough space for that it does without the hint.
func (f *File) reserve(c *change, fork *extents, m *Iomap, in span, hint format.FileOff) error {
	s := f.roundOut(fork, span{m.Off, m.End}, in, hint)
	err := f.afford(c, s.blocks())
	if exact := (span{m.Off, m.End}); errors.Is(err, space.ErrNoSpace) && s != exact {
		s = exact
		err = f.afford(c, s.blocks())
	}
	if err != nil {
		return err
	}
	m.Flags |= New
	m.reserved = s
	f.update(func() {
		if fork.put(Extent{Off: s.off, End: s.end}) {
			m.Flags |= Merged
		}
	})
	return nil
}

func (f *File) roundOut(fork *extents, s, in span, hint format.FileOff) span {
	if hint <= 1 {
		return s
	}
	bs := uint64(f.eng.geo.BlockSize)
	last := max(s.end, format.FileOff((f.Size()+bs-1)/bs))
	out := span{max(in.off, s.off/hint*hint), min(in.end, last, (s.end+hint-1)/hint*hint)}
	for _, x := range fork.in(out.off, out.end) {
		if x.End <= s.off {
			out.off = x.End
		} else {
			out.end = x.Off
			break
		}
	}
	return out
}
