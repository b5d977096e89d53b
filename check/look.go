package check

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cowfs/cowfs/format"
)

// look is a second look at names, for what sums don't tell. Its functions are called by several
// workers.
type look struct {
	// wants says whether an inode's attributes are of interest, and sees each inode in use.
	wants func(f *file) bool
	// entry sees each entry that leads to an inode which exists.
	entry func(f *file, s spot, name []byte, ino format.Ino, t format.FType)
	// parent sees the parent pointers of wanted inodes.
	parent func(f *file, name []byte, dir format.Ino, gen uint32)
}

// again makes a unit look a second time, and what it leaves for later too.
func (l *look) again(u unit) unit {
	return func(w *worker) {
		w.files.look, w.files.silent = l, true
		w.files.later = func(more unit) { w.add(l.again(more)) }
		u(w)
		w.files.look, w.files.silent, w.files.later = nil, false, nil
	}
}

// lookAgain looks a second time at an inode.
func (f *file) lookAgain() {
	l := f.w.files.look
	if f.isDir() && !f.data.unreadable {
		f.data.scan()
		f.dir.begin(f)
		f.dir.namesOnly()
	}
	if l.wants(f) {
		f.attr.scan()
		f.attrs.run(f)
	}
}

// namesOnly goes over the entries and not over the index.
func (d *dirScan) namesOnly() {
	g := d.f.w.geo
	if format.DiFormat.Get(d.f.raw) == format.FmtLocal {
		d.short()
		return
	}
	typ := format.TypeDirData
	if d.f.data.next <= format.FileOff(g.DirBlocks()) {
		typ = format.TypeDirBlock
	}
	d.dataBlocks(d.f.data.split(format.DirLeafSpace>>g.BlockLog), typ)
}

// link is a name of a suspect: an entry of a directory, or a parent pointer.
type link struct {
	ino, dir format.Ino
	gen      uint32
	pointer  bool
	ftype    format.FType
	name     string
}

// suspects are the inodes whose names don't agree, and what a second look finds about them.
type suspects struct {
	mu     sync.Mutex
	links  []link
	inodes []suspect
}

// suspect is what an inode says of its names.
type suspect struct {
	ino   format.Ino
	nlink uint32
	mode  uint16
	node  *node
}

// lookAtSuspects goes over all names once more and reports what is wrong with those of suspects. Then
// one of the workers goes on.
func (w *worker) lookAtSuspects(then unit) {
	all := &suspects{}
	keep := func(l link) {
		all.mu.Lock()
		defer all.mu.Unlock()
		all.links = append(all.links, l)
	}
	l := &look{
		wants: func(f *file) bool {
			if !f.node.has(stateSuspect) {
				return false
			}
			all.mu.Lock()
			defer all.mu.Unlock()
			all.inodes = append(all.inodes, suspect{f.ino, format.DiNLink.Get(f.raw), f.mode, f.node})
			return true
		},
		entry: func(f *file, s spot, name []byte, ino format.Ino, t format.FType) {
			if s.node.has(stateSuspect) {
				keep(link{ino: ino, dir: f.ino, gen: format.DiGen.Get(f.raw), ftype: t, name: string(name)})
			}
		},
		parent: func(f *file, name []byte, dir format.Ino, gen uint32) {
			keep(link{ino: f.ino, dir: dir, gen: gen, pointer: true, name: string(name)})
		},
	}
	w.lookAtAll(l, func(w *worker) {
		w.judgeNamesOf(all)
		then(w)
	})
}

// lookAtAll has all workers look at all names again; what comes then is done by one of them.
func (w *worker) lookAtAll(l *look, then unit) {
	units := w.chunkUnits()
	var left atomic.Int64
	var part func(u unit) unit
	part = func(u unit) unit {
		return l.again(func(w *worker) {
			w.files.later = func(more unit) {
				left.Add(1)
				w.add(part(more))
			}
			u(w)
			if left.Add(-1) == 0 && !w.stopped() {
				w.add(then)
			}
		})
	}
	left.Store(int64(len(units)))
	for _, u := range units {
		w.add(part(u))
	}
}

// judgeNamesOf reports what is wrong with the names of inodes.
func (w *worker) judgeNamesOf(all *suspects) {
	slices.SortFunc(all.inodes, func(a, b suspect) int { return cmp.Compare(a.ino, b.ino) })
	slices.SortFunc(all.links, func(a, b link) int {
		p := 0
		if a.pointer != b.pointer {
			p = 1
			if b.pointer {
				p = -1
			}
		}
		return cmp.Or(cmp.Compare(a.ino, b.ino), p, cmp.Compare(a.dir, b.dir), cmp.Compare(a.name, b.name), cmp.Compare(a.gen, b.gen))
	})
	links := all.links
	for i := range all.inodes {
		s := &all.inodes[i]
		for len(links) > 0 && links[0].ino < s.ino {
			w.report(entryFinding(EntryFree, &links[0], "inumber", fmt.Sprintf("%d, which is free", links[0].ino), "an inode in use"))
			links = links[1:]
		}
		n := 0
		for n < len(links) && links[n].ino == s.ino {
			n++
		}
		entries := links[:n]
		for len(entries) > 0 && entries[len(entries)-1].pointer {
			entries = entries[:len(entries)-1]
		}
		w.judgeEntries(s, entries)
		if w.geo.HasParent() && s.node.state&stateNoParents == 0 {
			w.judgePointers(s, entries, links[len(entries):n])
		}
		links = links[n:]
	}
	for i := range links {
		w.report(entryFinding(EntryFree, &links[i], "inumber", fmt.Sprintf("%d, which is free", links[i].ino), "an inode in use"))
	}
}

// entryFinding is a finding about an entry of a directory.
func entryFinding(code *Code, l *link, field, got, want string) Finding {
	return Finding{Code: code, Structure: "directory", Field: field, Place: InInode(l.dir), Got: got, Want: want, Note: showName([]byte(l.name))}
}

// judgeEntries holds the entries that lead to an inode against its type and number of links.
func (w *worker) judgeEntries(s *suspect, entries []link) {
	typ := format.FTypeOf(s.mode)
	for i := range entries {
		if e := &entries[i]; e.ftype != typ {
			w.report(entryFinding(EntryType, e, "filetype", e.ftype.String(), fmt.Sprintf("%v, the type of inode %d", typ, s.ino)))
		}
	}
	lost := w.inodes.namesLost.Load()
	say := func(code *Code, got, want string) {
		w.report(Finding{Code: code, Structure: format.TypeInode.Name, Field: "core.nlinkv2", Place: InInode(s.ino), Got: got, Want: want})
	}
	n := uint32(len(entries))
	switch hidden := s.node.state&stateHidden != 0; {
	case hidden && n > 0:
		for i := range entries {
			w.report(entryFinding(EntryHidden, &entries[i], "inumber", fmt.Sprint(s.ino), "an inode that may have names"))
		}
	case hidden, n == 0 && lost:
	case typ == format.FTDir && n > 1:
		for i := range entries[1:] {
			w.report(entryFinding(DirTwoNames, &entries[i+1], "inumber", fmt.Sprint(s.ino), fmt.Sprintf("a directory that has no name yet; it is %s in directory %d", showName([]byte(entries[0].name)), entries[0].dir)))
		}
	case n == 0 && s.nlink > 0 && typ == format.FTDir:
		say(DirDisconnected, "no name", "one")
	case n == 0 && s.nlink > 0:
		say(InodeUnreferenced, "no name", fmt.Sprintf("%d", s.nlink))
	case typ != format.FTDir && n != s.nlink && (n > s.nlink || !lost), typ == format.FTDir && s.nlink == 0 && n > 0:
		say(LinkCount, fmt.Sprint(s.nlink), fmt.Sprint(n))
	}
}

// judgePointers compares entries that lead to an inode with its parent pointers, both in order of
// directory and name.
func (w *worker) judgePointers(s *suspect, entries, pointers []link) {
	say := func(code *Code, l *link, got, want string) {
		w.report(Finding{
			Code: code, Structure: "attributes", Field: "parent_dir", Place: InInode(s.ino), Got: got, Want: want,
			Note: fmt.Sprintf("%s in directory %d", showName([]byte(l.name)), l.dir),
		})
	}
	if s.node.state&stateHidden != 0 && s.ino != w.geo.RootIno {
		entries = nil
	}
	lost := w.inodes.namesLost.Load()
	i, j := 0, 0
	for i < len(entries) || j < len(pointers) {
		c := 0
		switch {
		case i == len(entries):
			c = 1
		case j == len(pointers):
			c = -1
		default:
			c = cmp.Or(cmp.Compare(entries[i].dir, pointers[j].dir), cmp.Compare(entries[i].name, pointers[j].name))
		}
		switch {
		case c < 0:
			say(ParentMissing, &entries[i], "no parent pointer", "one for each name")
			i++
		case c > 0:
			if !lost {
				say(ParentStray, &pointers[j], "a parent pointer", "no name")
			}
			j++
		default:
			if entries[i].gen != pointers[j].gen {
				say(ParentGeneration, &pointers[j], fmt.Sprint(pointers[j].gen), fmt.Sprint(entries[i].gen))
			}
			i++
			j++
		}
	}
}
