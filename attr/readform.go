package attr

import (
	"bytes"
	"fmt"
	"math/bits"

	"github.com/cowfs/cowfs/format"
)

// eachShort gives the attributes in shortform; visit returns false to stop.
func (r *Reader) eachShort(visit func(*rawAttr) bool) error {
	const name = "shortform attributes"
	b := r.fork.Local
	if len(b) < format.AttrSF.Size {
		return r.corrupt(0, name, "size", len(b), fmt.Sprintf("at least %d", format.AttrSF.Size))
	}
	total := int(format.AttrSFTotSize.Get(b))
	if total < format.AttrSF.Size || total > len(b) {
		return r.corrupt(0, name, "totsize", total, fmt.Sprintf("%d to %d", format.AttrSF.Size, len(b)))
	}
	count := int(format.AttrSFCount.Get(b))
	b = b[format.AttrSF.Size:total]
	for i := range count {
		n := format.AttrSFEntry.Size
		if len(b) >= n {
			n += int(format.AttrSFNameLen.Get(b)) + int(format.AttrSFValueLen.Get(b))
		}
		if n > len(b) || format.AttrSFNameLen.Get(b) == 0 {
			return r.corrupt(0, name, fmt.Sprintf("entry %d", i), fmt.Sprintf("%d bytes left", len(b)), "a name and value that fit")
		}
		value := format.AttrSFEntry.Size + int(format.AttrSFNameLen.Get(b))
		a := rawAttr{flags: format.AttrSFFlags.Get(b), name: b[format.AttrSFEntry.Size:value], value: b[value:n], size: n - value}
		if more, err := r.give(0, name, &a, visit); err != nil || !more {
			return err
		}
		b = b[n:]
	}
	if len(b) != 0 {
		return r.corrupt(0, name, "totsize", fmt.Sprintf("%d bytes behind the last entry", len(b)), "none")
	}
	return nil
}

// eachLeaf gives the attributes of leaves from the first that can hold hash h.
func (r *Reader) eachLeaf(h format.Hash, visit func(*rawAttr) bool) error {
	for b, err := range r.tree().Leaves(h) {
		if err != nil {
			return err
		}
		leaf, err := r.leaf(b)
		if err != nil {
			return err
		}
		if more, err := leaf.each(visit); err != nil || !more {
			return err
		}
	}
	return nil
}

// leaf is a block with attributes whose header is checked.
type leaf struct {
	r     *Reader
	daddr format.Daddr
	b     []byte
	count int
}

func (r *Reader) leaf(b []byte) (*leaf, error) {
	l := &leaf{r: r, daddr: format.DaBno.Get(b), b: b, count: int(format.AttrLeafCount.Get(b))}
	if most := (len(b) - format.AttrLeaf.Size) / format.AttrEntry.Size; l.count > most {
		return nil, l.corrupt("count", l.count, fmt.Sprintf("at most %d", most))
	}
	return l, nil
}

// each gives the leaf's attributes in order of hash.
func (l *leaf) each(visit func(*rawAttr) bool) (more bool, err error) {
	var last format.Hash
	for i := range l.count {
		a, err := l.attr(i)
		if err != nil {
			return false, err
		}
		if a.hash < last {
			return false, l.corrupt(fmt.Sprintf("entry %d: hashval", i), fmt.Sprintf("%#x", a.hash), fmt.Sprintf("at least %#x", last))
		}
		last = a.hash
		if more, err := l.r.give(l.daddr, "attribute leaf", &a, visit); err != nil || !more {
			return false, err
		}
	}
	return true, nil
}

// attr checks and returns attribute i of the leaf.
func (l *leaf) attr(i int) (a rawAttr, err error) {
	e := l.b[format.AttrLeaf.Size+i*format.AttrEntry.Size:]
	a.hash, a.flags = format.AttrEntryHash.Get(e), format.AttrEntryFlags.Get(e)
	at := int(format.AttrEntryNameIdx.Get(e))
	bad := func(field string, got any) error {
		return l.corrupt(fmt.Sprintf("entry %d: %s", i, field), got, "what fits the block")
	}
	if at < format.AttrLeaf.Size+l.count*format.AttrEntry.Size || at+format.AttrRemoteName.Size > len(l.b) && a.flags&format.AttrLocal == 0 ||
		at+format.AttrLocalName.Size > len(l.b) {
		return a, bad("nameidx", at)
	}
	n := l.b[at:]
	if a.flags&format.AttrLocal != 0 {
		name := format.AttrLocalName.Size + int(format.AttrLocalNameLen.Get(n))
		a.size = int(format.AttrLocalValueLen.Get(n))
		if name == format.AttrLocalName.Size || name+a.size > len(n) {
			return a, bad("name", fmt.Sprintf("%d bytes and a value of %d", name-format.AttrLocalName.Size, a.size))
		}
		a.name, a.value = n[format.AttrLocalName.Size:name], n[name:name+a.size]
		return a, nil
	}
	name := format.AttrRemoteName.Size + int(format.AttrRemoteNameLen.Get(n))
	if name == format.AttrRemoteName.Size || name > len(n) {
		return a, bad("name", fmt.Sprintf("%d bytes", name-format.AttrRemoteName.Size))
	}
	a.name = n[format.AttrRemoteName.Size:name]
	a.remote = format.FileOff(format.AttrRemoteBlk.Get(n))
	size := format.AttrRemoteValueLen.Get(n)
	if a.flags&format.AttrIncomplete == 0 && (size > format.MaxAttrValue || a.remote == 0) {
		return a, l.corrupt(fmt.Sprintf("entry %d: value", i), fmt.Sprintf("%d bytes at block %d", size, a.remote), fmt.Sprintf("up to %d bytes behind the first block", format.MaxAttrValue))
	}
	a.size = int(size)
	return a, nil
}

func (l *leaf) corrupt(field string, got, want any) error {
	return l.r.corrupt(l.daddr, "attribute leaf", field, got, want)
}

// give passes a on, with nothing but its namespace in the flags, if it is there for readers.
func (r *Reader) give(daddr format.Daddr, structure string, a *rawAttr, visit func(*rawAttr) bool) (more bool, err error) {
	if a.flags&format.AttrIncomplete != 0 {
		return true, nil
	}
	a.flags &= format.AttrNamespace
	if bits.OnesCount8(uint8(a.flags)) > 1 {
		return false, r.corrupt(daddr, structure, fmt.Sprintf("flags of %q", a.name), fmt.Sprintf("%#x", uint8(a.flags)), "one namespace")
	}
	if bytes.IndexByte(a.name, 0) >= 0 {
		return false, r.corrupt(daddr, structure, "name", fmt.Sprintf("%q", a.name), "a name without NUL")
	}
	return visit(a), nil
}
