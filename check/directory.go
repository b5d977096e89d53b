package check

import (
	"bytes"
	"fmt"

	"github.com/cowfs/cowfs/format"
)

// dirScan is a directory as it is looked at. What is kept of its entries are a sum that its index
// has to have too, and sums in the inodes that the entries lead to.
type dirScan struct {
	f *file

	partial bool       // entries could not be read
	subdirs uint32     // entries that lead to directories
	parent  format.Ino // what .. leads to
	dots    [2]bool    // . and .. were found
	index   uint64     // sum over the entries, less that over the index: zero
	entries uint64     // in blocks
	bests   []uint16   // by data block: length of its longest unused range
	twins   []dirTwin  // entries of the index that have the hash of others
	at      Place      // of the entry that is looked at

	tree hashTree
}

// dirTwin is an entry of the index that has the same hash as another.
type dirTwin struct {
	hash format.Hash
	addr uint32
}

// Lengths in bests that no block has.
const (
	bestNone    = format.DirNullDataOff // there is no such block
	bestUnknown = 0xfffe                // it can't be read
)

// run looks at the directory.
func (d *dirScan) run(f *file) {
	d.begin(f)
	if f.data.unreadable || f.data.partial {
		d.partial = true
	}
	switch {
	case f.data.unreadable:
	case format.DiFormat.Get(f.raw) == format.FmtLocal:
		d.short()
	default:
		d.blocks()
	}
	d.end()
}

func (d *dirScan) begin(f *file) {
	d.f = f
	d.partial, d.subdirs, d.parent, d.dots = false, 0, format.NullIno, [2]bool{}
	d.index, d.entries, d.bests, d.twins = 0, 0, d.bests[:0], d.twins[:0]
}

// end judges what follows from all entries, and remembers the directory.
func (d *dirScan) end() {
	f := d.f
	if d.partial {
		f.w.inodes.namesLost.Store(true)
		f.w.incomplete()
	}
	for i, name := range [...]string{".", ".."} {
		if !d.dots[i] && !d.partial {
			d.say(DirDots, d.at, "", "no entry "+name, name)
		}
	}
	n := format.DiNLink.Get(f.raw)
	if want := 2 + d.subdirs; n != want && n != 0 && !d.partial {
		f.say(LinkCount, "core.nlinkv2", n, want)
	}
	f.w.files.dirs = append(f.w.files.dirs, directory{f.ino, d.parent})
}

// say reports something about the directory.
func (d *dirScan) say(code *Code, at Place, field string, got, want any) {
	d.f.w.report(Finding{Code: code, Structure: "directory", Field: field, Place: at, Got: text(got), Want: text(want)})
}

// place is the directory as a whole.
func (d *dirScan) place() Place { return InInode(d.f.ino) }

// short looks at a directory in shortform.
func (d *dirScan) short() {
	data, _ := format.Forks(d.f.raw)
	d.at = d.place()
	b := data[:min(format.DiSize.Get(d.f.raw), uint64(len(data)))]
	parent, ok := format.DirSFParent(b)
	if !ok {
		d.partial = true
		return
	}
	d.dot(1, parent, format.FTDir)
	d.dots[0] = true
	off := format.DirSFSize(format.DirSFInoSize(b))
	first := off
	for range int(format.DirSFCount.Get(b)) {
		e := format.NextDirSF(b, off)
		if e == nil {
			d.partial = true
			return
		}
		d.at.Offset = int64(off)
		d.entry(e.Name(), e.Ino(), e.FType())
		for before := first; before < off; {
			o := format.NextDirSF(b, before)
			if len(o) == len(e) && d.sameName(o.Name(), e.Name()) {
				d.say(DirNameTwice, d.at, "", showName(e.Name()), "each name once")
				break
			}
			before += len(o)
		}
		off += len(e)
	}
}

// sameName reports whether a directory of the volume takes two names for one.
func (d *dirScan) sameName(a, b []byte) bool {
	if d.f.w.geo.HasASCIICI() {
		return len(a) == len(b) && foldName(a) == foldName(b)
	}
	return bytes.Equal(a, b)
}

// foldName is a name with A to Z in lower case.
func foldName(name []byte) string {
	b := bytes.Clone(name)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// showName shows a name, with what is no text in it escaped.
func showName(name []byte) string { return fmt.Sprintf("%q", name) }

// dot takes the entry . (0) or .. (1).
func (d *dirScan) dot(i int, ino format.Ino, t format.FType) {
	name := [...]string{".", ".."}[i]
	d.dots[i] = true
	if t != format.FTDir {
		d.say(EntryType, d.at, "filetype", t, format.FTDir)
	}
	if i == 1 {
		d.parent = ino
		if !d.f.w.geo.ValidIno(ino) {
			d.parent = format.NullIno
		}
		return
	}
	if ino != d.f.ino {
		d.say(DirDots, d.at, "inumber", ino, fmt.Sprintf("%d for the entry %s", d.f.ino, name))
	}
}

// entry takes an entry other than . and .. from their places. What is impossible about the entry
// itself was reported.
func (d *dirScan) entry(name []byte, ino format.Ino, t format.FType) {
	f, w := d.f, d.f.w
	if string(name) == "." || string(name) == ".." {
		d.say(DirDots, d.at, "name", showName(name), "that name at the beginning only")
		return
	}
	if t == format.FTDir {
		d.subdirs++
	}
	if !w.geo.ValidIno(ino) {
		return
	}
	s, ok := w.files.finder.find(&w.inodes, w.geo, ino)
	if w.files.look != nil {
		if ok {
			w.files.look.entry(f, s, name, ino, t)
		}
		return
	}
	if !ok {
		if no, _ := w.geo.SplitIno(ino); w.inodes.groups[no].known {
			w.report(Finding{Code: EntryNowhere, Structure: "directory", Field: "inumber", Place: d.at, Got: fmt.Sprint(ino), Want: "an inode that exists", Note: showName(name)})
		}
		return
	}
	if s.chunk.free>>s.index&1 != 0 {
		w.report(Finding{Code: EntryFree, Structure: "directory", Field: "inumber", Place: d.at, Got: fmt.Sprintf("%d, which is free", ino), Want: "an inode in use", Note: showName(name)})
	}
	sum := uint64(0)
	if w.geo.HasParent() {
		sum = w.keys.name(f.ino, format.DiGen.Get(f.raw), name)
	}
	s.node.claim(t, sum)
	if t == format.FTDir {
		w.files.edges = append(w.files.edges, edge{ino, f.ino})
	}
}
