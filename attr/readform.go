package attr

import "github.com/cowfs/cowfs/format"

// rawAttr is an attribute as it lies in a block or inode; name and value are views.
type rawAttr struct {
	hash   format.Hash // not set in shortform
	flags  format.AttrFlag
	name   []byte
	value  []byte
	size   int            // of the value
	remote format.FileOff // block where a remote value begins; 0: not remote
}

// ref copies what the block holds.
func (a *rawAttr) ref() Ref {
	r := Ref{Flags: a.flags & format.AttrNamespace, Name: string(a.name), Size: a.size, remote: a.remote}
	if a.remote == 0 {
		r.value = append([]byte{}, a.value...)
	}
	return r
}

// eachShort gives the attributes in shortform; visit returns false to stop. The inode was
// checked with all it holds.
func eachShort(b []byte, visit func(*rawAttr) bool) {
	count := int(format.AttrSFCount.Get(b))
	b = b[format.AttrSF.Size:]
	for range count {
		nameEnd := format.AttrSFEntry.Size + int(format.AttrSFNameLen.Get(b))
		a := rawAttr{flags: format.AttrSFFlags.Get(b), size: int(format.AttrSFValueLen.Get(b))}
		a.name, a.value = b[format.AttrSFEntry.Size:nameEnd], b[nameEnd:nameEnd+a.size]
		if !visit(&a) {
			return
		}
		b = b[nameEnd+a.size:]
	}
}

// eachLeaf gives the attributes of leaves from the first that can hold hash h, in order of hash.
func (r *Reader) eachLeaf(h format.Hash, visit func(*rawAttr) bool) error {
	for b, err := range r.tree().Leaves(h) {
		if err != nil {
			return err
		}
		for i := range int(format.AttrLeafCount.Get(b)) {
			a := leafAttr(b, i)
			if a.flags&format.AttrIncomplete == 0 && !visit(&a) {
				return nil
			}
		}
	}
	return nil
}

// leafAttr is attribute i of a checked leaf.
func leafAttr(b []byte, i int) rawAttr {
	e := b[format.AttrLeaf.Size+i*format.AttrEntry.Size:]
	a := rawAttr{hash: format.AttrEntryHash.Get(e), flags: format.AttrEntryFlags.Get(e)}
	n := b[format.AttrEntryNameIdx.Get(e):]
	if a.flags&format.AttrLocal != 0 {
		nameEnd := format.AttrLocalName.Size + int(format.AttrLocalNameLen.Get(n))
		a.size = int(format.AttrLocalValueLen.Get(n))
		a.name, a.value = n[format.AttrLocalName.Size:nameEnd], n[nameEnd:nameEnd+a.size]
		return a
	}
	nameEnd := format.AttrRemoteName.Size + int(format.AttrRemoteNameLen.Get(n))
	a.name, a.size = n[format.AttrRemoteName.Size:nameEnd], int(format.AttrRemoteValueLen.Get(n))
	a.remote = format.FileOff(format.AttrRemoteBlk.Get(n))
	return a
}
