package check

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/cowfs/cowfs/attr"
	"github.com/cowfs/cowfs/format"
)

// attrScan are the attributes of a file as they are looked at. Of parent pointers a sum is kept.
type attrScan struct {
	f       *file
	at      Place // of the attribute that is looked at
	partial bool  // attributes could not be read
	used    []span
	read    forkBlocks // of remote values
	value   []byte     // of one of them
	twins   attrTwins
	tree    hashTree
}

// span is a run of blocks of a fork.
type span struct {
	off   format.FileOff
	count int
}

// attribute is an attribute as it lies in an inode or a leaf; name and value are views.
type attribute struct {
	flags format.AttrFlag
	name  []byte
	value []byte // nil when it is remote
	size  int    // of the value
}

// run looks at the attributes.
func (a *attrScan) run(f *file) {
	a.f, a.partial, a.at = f, f.attr.unreadable || f.attr.partial, InInode(f.ino)
	a.used = a.used[:0]
	switch {
	case f.attr.unreadable || format.DiForkOff.Get(f.raw) == 0:
	case format.DiAFormat.Get(f.raw) == format.FmtLocal:
		a.short()
	case f.attr.count > 0:
		a.blocks()
	}
	if a.partial {
		f.node.set(stateNoParents)
		f.w.incomplete()
	}
}

// say reports something about an attribute.
func (a *attrScan) say(code *Code, at Place, field string, got, want any) {
	a.f.w.report(Finding{Code: code, Structure: "attributes", Field: field, Place: at, Got: text(got), Want: text(want)})
}

// short looks at attributes in shortform.
func (a *attrScan) short() {
	_, fork := format.Forks(a.f.raw)
	if len(fork) < format.AttrSF.Size {
		a.partial = true
		return
	}
	if fork[format.AttrSF.Size-1] != 0 {
		a.say(AttrPadding, a.at, "hdr.pad", fork[format.AttrSF.Size-1], 0)
	}
	b := fork[:min(int(format.AttrSFTotSize.Get(fork)), len(fork))]
	first := shortAttr{off: format.AttrSF.Size}
	e := first
	for range int(format.AttrSFCount.Get(fork)) {
		if !e.read(b) {
			a.partial = true
			return
		}
		a.entry(&e.attribute)
		if e.flags&format.AttrLocal != 0 {
			a.say(AttrFlags, a.at, "flags", hex(uint32(e.flags)), "no other flags than a namespace")
		}
		for o := first; o.off < e.off && o.read(b); o.off = o.end {
			if o.is(&e.attribute) {
				a.say(AttrTwice, a.at, "", e.attribute.String(), "each name once")
				break
			}
		}
		e.off = e.end
	}
}

// shortAttr is an attribute in shortform, from one byte up to another.
type shortAttr struct {
	attribute
	off, end int
}

// read reads the attribute at off; it returns false when that would leave b.
func (e *shortAttr) read(b []byte) bool {
	end, err := format.AttrSFEntryEnd(b, e.off)
	if err != nil {
		return false
	}
	p := b[e.off:end]
	n := int(format.AttrSFNameLen.Get(p))
	e.flags, e.size, e.end = format.AttrSFFlags.Get(p), int(format.AttrSFValueLen.Get(p)), end
	e.name, e.value = p[format.AttrSFEntry.Size:][:n], p[format.AttrSFEntry.Size+n:]
	return true
}

// is reports whether two attributes are one by name. A parent pointer's name has the directory in it.
func (e *attribute) is(o *attribute) bool {
	return len(e.name) == len(o.name) && (e.flags^o.flags)&(format.AttrNamespace|format.AttrIncomplete) == 0 && bytes.Equal(e.name, o.name) &&
		(e.flags&format.AttrParent == 0 || bytes.Equal(e.value, o.value))
}

// key orders attributes so that those which are one come together.
func (e *attribute) key() string {
	k := string([]byte{byte(e.flags & (format.AttrNamespace | format.AttrIncomplete))}) + string(e.name)
	if e.flags&format.AttrParent != 0 {
		k += "/" + string(e.value)
	}
	return k
}

// String shows namespace and name.
func (e *attribute) String() string {
	name := showName(e.name)
	switch e.flags & format.AttrNamespace {
	case format.AttrRoot:
		return "trusted " + name
	case format.AttrSecure:
		return "security " + name
	case format.AttrParent:
		return "parent pointer " + name
	}
	return name
}

// entry judges one attribute. Its value is nil when it is remote and could not be read.
func (a *attrScan) entry(e *attribute) {
	w := a.f.w
	say := func(code *Code, field string, got, want any) {
		w.report(Finding{Code: code, Structure: "attributes", Field: field, Place: a.at, Got: text(got), Want: text(want), Note: e.String()})
	}
	if bytes.IndexByte(e.name, 0) >= 0 {
		say(AttrName, "name", showName(e.name), "no NUL")
	}
	if e.flags&format.AttrIncomplete != 0 {
		say(AttrIncomplete, "flags", "incomplete", "a complete attribute")
		return
	}
	switch {
	case e.flags&format.AttrParent != 0:
		a.parent(e, say)
	case e.flags&format.AttrNamespace == format.AttrRoot && isACL(e.name) && len(e.value) == e.size:
		if err := attr.CheckACL(e.value); err != nil {
			say(AttrACL, "value", err, "an ACL")
		}
	}
}

func isACL(name []byte) bool {
	return string(name) == format.AttrACLAccess || string(name) == format.AttrACLDefault
}

// parent takes a parent pointer.
func (a *attrScan) parent(e *attribute, say func(code *Code, field string, got, want any)) {
	w, f := a.f.w, a.f
	if !w.geo.HasParent() {
		say(AttrFlags, "flags", e.flags, "no parent pointer on a volume without them")
		return
	}
	if len(e.value) != format.ParentRec.Size || e.size != format.ParentRec.Size {
		say(ParentShape, "valuelen", e.size, format.ParentRec.Size)
		return
	}
	dir, gen := format.ParentIno.Get(e.value), format.ParentGen.Get(e.value)
	switch {
	case !w.geo.ValidIno(dir):
		say(ParentShape, "parent_dir.inumber", dir, "an inode of the volume")
	case len(e.name) == 0 || bytes.IndexByte(e.name, '/') >= 0:
		say(ParentShape, "name", showName(e.name), "a name that an entry can have")
	}
	if w.files.look != nil {
		w.files.look.parent(f, e.name, dir, gen)
		return
	}
	atomic.AddUint64(&f.node.sum, -w.keys.name(dir, gen, e.name))
}

// attrTwins finds attributes of the same name among those with the same hash, which come one
// after the other, perhaps in several leaves.
type attrTwins struct {
	hash format.Hash
	last attribute // of that hash, with views into a leaf
	any  bool
	keys []string // of all with that hash, when there are several
}

// add takes the next attribute.
func (t *attrTwins) add(a *attrScan, h format.Hash, e *attribute) {
	switch {
	case !t.any || h != t.hash:
		t.end(a)
	case len(t.keys) == 0:
		t.keys = append(t.keys, t.last.key(), e.key())
	default:
		t.keys = append(t.keys, e.key())
	}
	t.hash, t.last, t.any = h, *e, true
}

// hold makes t outlast the leaf.
func (t *attrTwins) hold() {
	t.last.name, t.last.value = bytes.Clone(t.last.name), bytes.Clone(t.last.value)
}

// end compares all with the same hash.
func (t *attrTwins) end(a *attrScan) {
	slices.Sort(t.keys)
	for i := 1; i < len(t.keys); i++ {
		if t.keys[i] == t.keys[i-1] {
			name, _, _ := strings.Cut(t.keys[i][1:], "/")
			a.say(AttrTwice, InInode(a.f.ino), "", showName([]byte(name)), "each name once")
		}
	}
	*t = attrTwins{keys: t.keys[:0]}
}

// judgeUsed judges whether the blocks of the attribute fork are in use, each for one thing.
func (a *attrScan) judgeUsed() {
	f, g := a.f, a.f.w.geo
	slices.SortFunc(a.used, func(x, y span) int { return cmp.Compare(x.off, y.off) })
	place := func(off format.FileOff) Place {
		p := InInode(f.ino)
		p.Offset = int64(off << g.BlockLog)
		return p
	}
	end := format.FileOff(0)
	for _, s := range a.used {
		if s.off < end {
			a.say(AttrOverlap, place(s.off), "", fmt.Sprintf("%d blocks from %d on", s.count, s.off), fmt.Sprintf("nothing below %d, which has another use", end))
		}
		end = max(end, s.off+format.FileOff(s.count))
	}
	if a.partial {
		return
	}
	i := 0
	for _, m := range f.attr.maps {
		for off := m.Off; off < m.End(); {
			for i < len(a.used) && a.used[i].off+format.FileOff(a.used[i].count) <= off {
				i++
			}
			if i < len(a.used) && a.used[i].off <= off {
				off = a.used[i].off + format.FileOff(a.used[i].count)
				continue
			}
			stop := m.End()
			if i < len(a.used) {
				stop = min(stop, a.used[i].off)
			}
			a.say(AttrLost, place(off), "", fmt.Sprintf("%d blocks that nothing leads to", stop-off), "blocks in use only")
			off = stop
		}
	}
}
