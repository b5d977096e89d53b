package check

import (
	"fmt"
	"strings"

	"github.com/cowfs/cowfs/format"
)

// blocks looks at attributes that have blocks of their own.
func (a *attrScan) blocks() {
	f := a.f
	for _, m := range f.attr.maps {
		if m.End() > 1<<32 {
			at := InInode(f.ino)
			at.Offset = int64(m.Off << f.w.geo.BlockLog)
			a.say(ForkPlace, at, "", showMapping(m), "offsets below 2^32")
		}
	}
	a.tree = hashTree{
		fork: &f.attr, unit: 1, level: a.tree.level, blocks: a.tree.blocks,
		node: format.TypeAttrNode, leaf: format.TypeAttrLeaf, codes: &attrTreeCodes,
		judge: a.verify, visit: a.leaf,
	}
	if !a.tree.run() {
		a.partial = true
	}
	a.twins.end(a)
	for _, off := range a.tree.blocks {
		a.used = append(a.used, span{off, 1})
	}
	a.judgeUsed()
}

// attrTreeCodes are those of the hash tree of attributes.
var attrTreeCodes = treeCodes{pointer: AttrTree, level: AttrTree, key: AttrTreeKey, sibling: AttrTreeSibling, order: AttrHashOrder}

// verify judges a block by itself and reports whether what it holds can be read.
func (a *attrScan) verify(typ *format.BlockType, b []byte, at Place, start format.FSBlock) (ok bool) {
	w := a.f.w
	ok = true
	where := format.BlockOf(a.f.ino, w.geo.ToDaddr(start))
	if format.Verify(w.geo, typ, b, where) != nil {
		format.Judge(w.geo, typ, b, where, func(e *format.CorruptError) {
			code := attrCode(e.Field)
			ok = ok && code != AttrBlockMagic
			w.report(Finding{Code: code, Structure: typ.Name, Field: e.Field, Place: at, Got: e.Got, Want: e.Want})
		})
	}
	if ok {
		w.judgePads(AttrPadding, typ, b, at)
		w.checkLSN(typ, b, at)
	}
	return ok
}

// attrCode is the code for a field of an attribute block that is wrong.
func attrCode(field string) *Code {
	has := func(s string) bool { return strings.HasPrefix(field, s) }
	switch {
	case field == "" || field == "magic":
		return AttrBlockMagic
	case field == "crc":
		return AttrBlockCRC
	case field == "uuid" || field == "bno" || field == "owner":
		return AttrBlockIdentity
	case has("hdr.freemap"):
		return AttrFreeMap
	case has("nhdr"):
		return AttrTree
	case strings.HasSuffix(field, "hashval"):
		return AttrHashOrder
	case strings.HasSuffix(field, ".flags"):
		return AttrFlags
	}
	return AttrLayout
}

// leaf looks at a leaf.
func (a *attrScan) leaf(typ *format.BlockType, b []byte, at Place) (first, last format.Hash, ok bool) {
	count, start, damage := format.LayoutAttrLeaf(b)
	if damage != nil {
		a.partial = true
		return 0, 0, false
	}
	var used format.AttrUse
	lowest := len(b)
	for i := range count {
		e := b[format.AttrLeaf.Size+i*format.AttrEntry.Size:]
		a.at = at
		a.at.Offset += int64(format.AttrLeaf.Size + i*format.AttrEntry.Size)
		if e[format.AttrEntry.Size-1] != 0 {
			a.say(AttrPadding, a.at, indexed("entries", i)+".pad2", e[format.AttrEntry.Size-1], 0)
		}
		n, damage := format.FindAttrName(b, e, start, &used)
		if damage != nil {
			a.partial = true
			continue
		}
		lowest = min(lowest, n.Off)
		a.leafEntry(e, b[n.Off:n.Off+n.Size], i)
	}
	a.twins.hold()
	a.judgeRoom(b, count, lowest, &used, at)
	if count == 0 {
		if a.tree.met != nil {
			a.say(AttrLayout, at, "hdr.count", 0, "attributes in each leaf")
		}
		return 0, 0, false
	}
	hash := func(i int) format.Hash {
		return format.AttrEntryHash.Get(b[format.AttrLeaf.Size+i*format.AttrEntry.Size:])
	}
	return hash(0), hash(count - 1), true
}

// leafEntry looks at entry i of a leaf, whose name and, if it is local, value are in n.
func (a *attrScan) leafEntry(e, n []byte, i int) {
	at := attribute{flags: format.AttrEntryFlags.Get(e)}
	if at.flags&format.AttrLocal != 0 {
		at.size = int(format.AttrLocalValueLen.Get(n))
		end := format.AttrLocalName.Size + int(format.AttrLocalNameLen.Get(n))
		at.name, at.value = n[format.AttrLocalName.Size:end], n[end:end+at.size]
	} else {
		at.size = int(format.AttrRemoteValueLen.Get(n))
		at.name = n[format.AttrRemoteName.Size:][:format.AttrRemoteNameLen.Get(n)]
		if blk := format.FileOff(format.AttrRemoteBlk.Get(n)); at.flags&format.AttrIncomplete == 0 {
			at.value = a.remote(blk, &at)
		} else if blk != 0 && at.size > 0 {
			// What of an incomplete value has blocks is its own.
			if k := a.f.attr.mapped(blk, format.RemoteBlocks(a.f.w.geo.BlockSize, min(at.size, format.MaxAttrValue))); k > 0 {
				a.used = append(a.used, span{blk, k})
			}
		}
	}
	hash, want := format.AttrEntryHash.Get(e), format.NameHash(at.name)
	if at.flags&format.AttrParent != 0 && len(at.value) == format.ParentRec.Size {
		want = format.ParentHash(at.name, format.ParentIno.Get(at.value))
	}
	if hash != want {
		a.say(AttrHash, a.at, indexed("entries", i)+".hashval", hex(uint32(hash)), hex(uint32(want)))
	}
	a.twins.add(a, hash, &at)
	a.entry(&at)
}

// judgeRoom judges the header's account of a leaf's space: lowest is where the first name lies,
// used has all names.
func (a *attrScan) judgeRoom(b []byte, count, lowest int, used *format.AttrUse, at Place) {
	first, holes := int(format.AttrLeafFirstUsed.Get(b)), format.AttrLeafHoles.Get(b)
	if first == 0 {
		first = format.MaxBlockSize
	}
	// With holes, Linux leaves it where the lowest name was before it went.
	if count > 0 && holes == 0 && first != lowest {
		a.say(AttrLayout, at, "hdr.firstused", first, lowest)
	}
	if holes > 1 {
		a.say(AttrLayout, at, "hdr.holes", holes, "0 or 1")
	}
	end := format.AttrLeaf.Size + count*format.AttrEntry.Size
	used.Take(0, end)
	mapped := 0
	for i := range format.AttrFreeMap {
		base, size := format.AttrLeafFree(i)
		o, n := int(base.Get(b)), int(size.Get(b))
		if n == 0 || o%4 != 0 || n%4 != 0 || o+n > len(b) {
			continue // nothing, or it was reported
		}
		mapped += n
		if !used.Take(o, n) {
			a.say(AttrFreeMap, at, fmt.Sprintf("hdr.freemap[%d]", i), fmt.Sprintf("bytes %d to %d", o, o+n), "bytes that nothing else has")
		}
	}
	if free := len(b) - end - int(format.AttrLeafUsedBytes.Get(b)); holes == 0 && count > 0 && mapped != free {
		a.say(AttrFreeMap, at, "hdr.freemap", fmt.Sprintf("%d bytes", mapped), fmt.Sprintf("all %d free bytes, as there are no holes", free))
	}
}

// remote looks at the value of an attribute that has blocks of its own. It returns the value if
// somebody will look at it, else nil.
func (a *attrScan) remote(blk format.FileOff, e *attribute) (value []byte) {
	f, g := a.f, a.f.w.geo
	size := min(e.size, format.MaxAttrValue)
	n := format.RemoteBlocks(g.BlockSize, size)
	place := func(i int) Place {
		p := InInode(f.ino)
		p.Offset = int64((blk + format.FileOff(i)) << g.BlockLog)
		return p
	}
	if size == 0 {
		a.say(AttrRemoteLength, a.at, "valuelen", 0, "a value that needs blocks")
		return nil
	}
	if format.AttrLocalSize(len(e.name), size) <= format.AttrLocalMax(g.BlockSize) {
		a.say(AttrRemoteSmall, a.at, "valuelen", size, "a value that has no room in the leaf")
	}
	keep := e.flags&format.AttrNamespace == format.AttrRoot && isACL(e.name)
	a.value = a.value[:0]
	if k := f.attr.mapped(blk, n); k < n {
		a.say(AttrRemoteMissing, place(k), "", "no block", fmt.Sprintf("%d blocks for a value of %d bytes", n, size))
		n = k
	}
	if n > 0 {
		a.used = append(a.used, span{blk, n})
	}
	a.read.have = 0
	for i := range n {
		b, start, ok := a.read.block(&f.attr, blk+format.FileOff(i), 1, n-i)
		if !ok {
			return nil
		}
		a.judgeRemote(b, f.attr.placeOf(blk+format.FileOff(i), start, 1), start, i*format.RemotePayload(g.BlockSize), size)
		if keep {
			a.value = append(a.value, b[format.AttrRmt.Size:][:min(format.RemotePayload(g.BlockSize), size-len(a.value))]...)
		}
	}
	if keep && len(a.value) == e.size {
		return a.value
	}
	return nil
}

// judgeRemote judges a block of a remote value of size bytes, whose part from byte off it holds.
func (a *attrScan) judgeRemote(b []byte, at Place, start format.FSBlock, off, size int) {
	w := a.f.w
	where := format.BlockOf(a.f.ino, w.geo.ToDaddr(start))
	say := func(field string, got, want any) {
		w.report(Finding{Code: AttrRemoteHeader, Structure: format.TypeAttrRmt.Name, Field: field, Place: at, Got: text(got), Want: text(want)})
	}
	ok := true
	if format.Verify(w.geo, format.TypeAttrRmt, b, where) != nil {
		format.Judge(w.geo, format.TypeAttrRmt, b, where, func(e *format.CorruptError) {
			ok = ok && e.Field != "magic" && e.Field != "bytes" && e.Field != "offset"
			say(e.Field, e.Got, e.Want)
		})
	}
	if !ok {
		return
	}
	n := min(format.RemotePayload(w.geo.BlockSize), size-off)
	if got := int(format.RemoteOffset.Get(b)); got != off {
		say("offset", got, off)
	}
	if got := int(format.RemoteBytes.Get(b)); got != n {
		say("bytes", got, n)
	}
	if got := format.RemoteLSN.Get(b); got != format.RemoteLSNValue {
		say("lsn", hex(uint64(got)), hex(uint64(format.RemoteLSNValue)))
	}
}
