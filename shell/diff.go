package shell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cowfs/cowfs/dir"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/volume"
)

// DifferenceDoc is something in which two images differ. The first image is the session's.
type DifferenceDoc struct {
	Type  string  `json:"type"`  // "difference"
	Where string  `json:"where"` // "superblock", "AGF", "AGI", "inode", "data", "attr", "entry", "xattr" or "contents"
	AG    *uint32 `json:"ag,omitempty"`
	Ino   *uint64 `json:"ino,omitempty"`
	What  string  `json:"what"`             // a field, or what the values are about
	First string  `json:"first,omitempty"`  // in the first image; left out: it is not there
	Other string  `json:"second,omitempty"` // in the second one
}

// String is the difference on one line.
func (d DifferenceDoc) String() string {
	at := d.Where
	if d.AG != nil {
		at = fmt.Sprintf("group %d: %s", *d.AG, d.Where)
	}
	if d.Ino != nil {
		at = fmt.Sprintf("inode %d", *d.Ino)
		if d.Where != "inode" {
			at += ": " + d.Where
		}
	}
	what := ""
	if d.What != "" {
		what = " " + d.What
	}
	switch {
	case d.First == "":
		return fmt.Sprintf("+ %s%s: %s", at, what, d.Other)
	case d.Other == "":
		return fmt.Sprintf("- %s%s: %s", at, what, d.First)
	}
	return fmt.Sprintf("~ %s%s: %s -> %s", at, what, d.First, d.Other)
}

// differ compares two volumes by what their structures say.
type differ struct {
	ctx      context.Context
	a, b     *volume.Volume
	contents bool // compare the bytes of files whose extents are the same, too
	report   func(DifferenceDoc) error
}

// unlike are fields that say when and by whom something was written, not what.
var unlike = []string{"crc", "lsn"}

// volumes compares everything.
func (d *differ) volumes() error {
	if err := d.table("superblock", nil, nil, format.Superblock, d.a.Superblock(), d.b.Superblock()); err != nil {
		return err
	}
	for ag := range format.AGNumber(min(d.a.Geo.AGCount, d.b.Geo.AGCount)) {
		for _, h := range []struct {
			name string
			t    *format.Struct
			read func(*volume.Volume, format.AGNumber) ([]byte, error)
		}{{"AGF", format.AGF, (*volume.Volume).AGF}, {"AGI", format.AGI, (*volume.Volume).AGI}} {
			a, errA := h.read(d.a, ag)
			b, errB := h.read(d.b, ag)
			if err := d.damaged(h.name, (*uint32)(&ag), nil, errA, errB); err != nil {
				return err
			}
			if a == nil || b == nil {
				continue
			}
			if err := d.table(h.name, (*uint32)(&ag), nil, h.t, a, b); err != nil {
				return err
			}
		}
	}
	return d.inodes()
}

// damaged reports errors that the images do not have in common.
func (d *differ) damaged(where string, ag *uint32, ino *uint64, a, b error) error {
	if err := d.ctx.Err(); err != nil {
		return err
	}
	var first, other string
	if a != nil {
		first = a.Error()
	}
	if b != nil {
		other = b.Error()
	}
	if first == other {
		return nil
	}
	return d.report(DifferenceDoc{"difference", where, ag, ino, "damage", or(first, "none"), or(other, "none")})
}

func or(s, none string) string {
	if s == "" {
		return none
	}
	return s
}

// table compares the fields of a structure, its parts left out.
func (d *differ) table(where string, ag *uint32, ino *uint64, t *format.Struct, a, b []byte) error {
	fixed := *t
	fixed.Parts = nil
	va, err := fixed.Decode(d.a.Geo, a)
	if err != nil {
		return err
	}
	vb, err := fixed.Decode(d.b.Geo, b)
	if err != nil {
		return err
	}
	return d.values(where, ag, ino, va, vb)
}

func (d *differ) values(where string, ag *uint32, ino *uint64, a, b format.Values) error {
	other := map[string]format.Value{}
	for _, v := range b {
		other[v.Name] = v
	}
	for _, v := range a {
		o, ok := other[v.Name]
		delete(other, v.Name)
		second := ""
		if ok {
			second = o.String()
		}
		last := v.Name[strings.LastIndexByte(v.Name, '.')+1:]
		if v.String() == second || slices.Contains(unlike, last) {
			continue
		}
		if err := d.report(DifferenceDoc{"difference", where, ag, ino, v.Name, v.String(), second}); err != nil {
			return err
		}
	}
	for _, v := range b {
		if _, ok := other[v.Name]; ok {
			if err := d.report(DifferenceDoc{"difference", where, ag, ino, v.Name, "", v.String()}); err != nil {
				return err
			}
		}
	}
	return nil
}

// next is an inode of one of the volumes, or why there is none.
type next struct {
	i   *inode.Inode
	err error
}

// usedInodes are the numbers of the inodes in use of a group.
func usedInodes(v *volume.Volume, ag format.AGNumber) (map[format.Ino]bool, error) {
	out := map[format.Ino]bool{}
	for c, err := range v.Chunks(ag) {
		if err != nil {
			return out, err
		}
		for i := range format.AGIno(format.InodesPerChunk) {
			if c.Used>>i&1 != 0 {
				out[v.Geo.Ino(ag, c.Start+i)] = true
			}
		}
	}
	return out, nil
}

func (d *differ) inodes() error {
	for ag := range format.AGNumber(max(d.a.Geo.AGCount, d.b.Geo.AGCount)) {
		var sets [2]map[format.Ino]bool
		var errs [2]error
		for k, v := range []*volume.Volume{d.a, d.b} {
			if uint32(ag) < v.Geo.AGCount {
				sets[k], errs[k] = usedInodes(v, ag)
			}
		}
		if err := d.damaged("inobt", (*uint32)(&ag), nil, errs[0], errs[1]); err != nil {
			return err
		}
		all := maps.Clone(sets[0])
		if all == nil {
			all = map[format.Ino]bool{}
		}
		maps.Copy(all, sets[1])
		for _, ino := range slices.Sorted(maps.Keys(all)) {
			if err := d.inode(ino, sets[0][ino], sets[1][ino]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *differ) inode(ino format.Ino, inA, inB bool) error {
	if err := d.ctx.Err(); err != nil {
		return err
	}
	var a, b next
	if inA {
		a.i, a.err = d.a.Inode(ino)
	}
	if inB {
		b.i, b.err = d.b.Inode(ino)
	}
	n := uint64(ino)
	switch {
	case !inA:
		return d.report(DifferenceDoc{"difference", "inode", nil, &n, "", "", describe(b)})
	case !inB:
		return d.report(DifferenceDoc{"difference", "inode", nil, &n, "", describe(a), ""})
	case a.err != nil || b.err != nil:
		return d.damaged("inode", nil, &n, a.err, b.err)
	}
	if err := d.table("inode", nil, &n, format.Dinode, a.i.Raw, b.i.Raw); err != nil {
		return err
	}
	for _, which := range []inode.Which{inode.Data, inode.Attr} {
		if err := d.fork(&n, which, a.i, b.i); err != nil {
			return err
		}
	}
	if a.i.IsDir() && b.i.IsDir() {
		if err := d.entries(&n, a.i, b.i); err != nil {
			return err
		}
	}
	if d.contents && a.i.IsRegular() && b.i.IsRegular() {
		if err := d.bytes(&n, a.i, b.i); err != nil {
			return err
		}
	}
	return d.attrs(&n, a.i, b.i)
}

// describe says what an inode is that only one image has.
func describe(n next) string {
	if n.err != nil {
		return n.err.Error()
	}
	return fmt.Sprintf("%v of %d bytes, %d links", format.FTypeOf(n.i.Mode()), n.i.Size(), n.i.NLink())
}

// fork compares the mappings of a fork. A fork in local format has none: what it holds is
// compared as entries, attributes, or here.
func (d *differ) fork(ino *uint64, which inode.Which, a, b *inode.Inode) error {
	name := [...]string{"data", "attr"}[which]
	ma, errA := mappings(a, which)
	mb, errB := mappings(b, which)
	if err := d.damaged(name, nil, ino, errA, errB); err != nil || errA != nil || errB != nil {
		return err
	}
	show := func(m format.Mapping) string {
		state := ""
		if m.Unwritten {
			state = ", unwritten"
		}
		return fmt.Sprintf("%d blocks at %d%s", m.Count, m.Start, state)
	}
	for len(ma) > 0 || len(mb) > 0 {
		doc := DifferenceDoc{Type: "difference", Where: name, Ino: ino}
		switch {
		case len(mb) == 0 || len(ma) > 0 && ma[0].Off < mb[0].Off:
			doc.What, doc.First = fmt.Sprintf("offset %d", ma[0].Off), show(ma[0])
			ma = ma[1:]
		case len(ma) == 0 || mb[0].Off < ma[0].Off:
			doc.What, doc.Other = fmt.Sprintf("offset %d", mb[0].Off), show(mb[0])
			mb = mb[1:]
		default:
			doc.What, doc.First, doc.Other = fmt.Sprintf("offset %d", ma[0].Off), show(ma[0]), show(mb[0])
			ma, mb = ma[1:], mb[1:]
		}
		if doc.First != doc.Other {
			if err := d.report(doc); err != nil {
				return err
			}
		}
	}
	if a.IsLink() && b.IsLink() && which == inode.Data {
		ta, errA := a.Target()
		tb, errB := b.Target()
		if err := d.damaged("target", nil, ino, errA, errB); err != nil || ta == tb {
			return err
		}
		return d.report(DifferenceDoc{"difference", "target", nil, ino, "", ta, tb})
	}
	return nil
}

func mappings(i *inode.Inode, which inode.Which) ([]format.Mapping, error) {
	fork, err := i.Fork(which)
	if err != nil || fork.Format != format.FmtExtents && fork.Format != format.FmtBtree {
		return nil, err
	}
	var out []format.Mapping
	for m, err := range fork.All() {
		if err != nil {
			return out, err
		}
		out = append(out, m)
	}
	return out, nil
}

// pairs compares two sets of named things.
func (d *differ) pairs(where string, ino *uint64, a, b map[string]string) error {
	all := maps.Clone(a)
	maps.Copy(all, b)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if a[name] == b[name] {
			continue
		}
		if err := d.report(DifferenceDoc{"difference", where, nil, ino, fmt.Sprintf("%q", name), a[name], b[name]}); err != nil {
			return err
		}
	}
	return nil
}

func (d *differ) entries(ino *uint64, a, b *inode.Inode) error {
	ea, errA := entryMap(a)
	eb, errB := entryMap(b)
	if err := d.damaged("entry", nil, ino, errA, errB); err != nil {
		return err
	}
	return d.pairs("entry", ino, ea, eb)
}

func entryMap(i *inode.Inode) (map[string]string, error) {
	out := map[string]string{}
	open, err := dir.Open(i)
	if err != nil {
		return out, err
	}
	if up, err := open.Parent(); err == nil {
		out[".."] = fmt.Sprintf("inode %d", up)
	}
	for e, err := range open.Entries() {
		if err != nil {
			return out, err
		}
		out[e.Name] = fmt.Sprintf("inode %d, %v", e.Ino, e.Type)
	}
	return out, nil
}

func (d *differ) attrs(ino *uint64, a, b *inode.Inode) error {
	xa, errA := attrMap(d.a, a)
	xb, errB := attrMap(d.b, b)
	if err := d.damaged("xattr", nil, ino, errA, errB); err != nil {
		return err
	}
	return d.pairs("xattr", ino, xa, xb)
}

// attrMap lists attributes, parent pointers too, by namespace and name.
func attrMap(v *volume.Volume, i *inode.Inode) (map[string]string, error) {
	out := map[string]string{}
	r, err := v.Attrs(i)
	if err != nil {
		return out, err
	}
	for a, err := range r.All() {
		if err != nil {
			return out, err
		}
		value, err := r.Value(a)
		if err != nil {
			return out, err
		}
		name := a.Name
		switch {
		case a.Flags&format.AttrParent != 0:
			name = "parent:" + name
		case a.Flags&format.AttrRoot != 0:
			name = "root:" + name
		case a.Flags&format.AttrSecure != 0:
			name = "secure:" + name
		}
		if a.Flags&format.AttrParent != 0 { // several may have one name
			name = fmt.Sprintf("%s in %x", name, value)
		}
		out[name] = shorten(showValue(value), 64)
	}
	return out, nil
}

// bytes compares the contents of two files.
func (d *differ) bytes(ino *uint64, a, b *inode.Inode) error {
	fa, errA := d.a.FileOf("", a)
	fb, errB := d.b.FileOf("", b)
	if errA != nil || errB != nil {
		return errors.Join(errA, errB)
	}
	defer fa.Close()
	defer fb.Close()
	pa, pb := make([]byte, 1<<20), make([]byte, 1<<20)
	size := min(a.Size(), b.Size())
	for off := int64(0); off < size; off += int64(len(pa)) {
		if err := d.ctx.Err(); err != nil {
			return err
		}
		n := min(int64(len(pa)), size-off)
		_, errA := fa.ReadAt(pa[:n], off)
		_, errB := fb.ReadAt(pb[:n], off)
		if err := d.damaged("contents", nil, ino, errA, errB); err != nil || errA != nil || errB != nil {
			return err
		}
		if bytes.Equal(pa[:n], pb[:n]) {
			continue
		}
		at := 0
		for pa[at] == pb[at] {
			at++
		}
		return d.report(DifferenceDoc{"difference", "contents", nil, ino, fmt.Sprintf("byte %d", off+int64(at)), fmt.Sprintf("%#02x", pa[at]), fmt.Sprintf("%#02x", pb[at])})
	}
	return nil
}
