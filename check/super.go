package check

import (
	"bytes"
	"fmt"
	"math/bits"

	"github.com/cowfs/cowfs/format"
)

// primary judges the superblock of group 0.
func (w *worker) primary() {
	if w.copied {
		return
	}
	g, b, at := w.geo, w.sb, AtBlock(0, 0, 1)
	place := format.Place{AG: 0, Daddr: 0, Ino: format.NullIno}
	format.Judge(g, format.TypeSuperblock, b, place, func(e *format.CorruptError) { w.corrupt(SuperField, e, at) })
	w.padding(SuperPadding, format.Superblock, b, at)
	w.checkLSN(format.TypeSuperblock, b, at)
	w.stripe(SuperField, b, at)
	field := func(c *Code, name string, got, want any) {
		w.report(Finding{Code: c, Structure: "superblock", Field: name, Place: at, Got: text(got), Want: text(want)})
	}
	judgeSuper(g, b, func(name string, got, want any) { field(SuperField, name, got, want) })
	if u := format.SBMetaUUID.Get(b); g.Incompat&format.InMetaUUID == 0 && u != (format.UUID{}) {
		field(SuperUnused, "meta_uuid", u, "zero without META_UUID")
	}
	if g.Incompat&format.InNeedsRepair != 0 {
		field(SuperNeedsRepair, "features_incompat", g.Incompat, nil)
	}
}

// judgeSuper judges what format.Verify has no reason to refuse in a superblock, and Linux has.
func judgeSuper(g *format.Geometry, b []byte, say func(field string, got, want any)) {
	if got, want := format.SBBadFeat2.Get(b), format.SBFeatures2.Get(b); got != want {
		say("bad_features2", hex(got), hex(want))
	}
	align := uint32(0)
	if g.HasSparse() {
		align = clusterBlocks(g)
	}
	if got := format.SBSpInoAlign.Get(b); got != align {
		say("spino_align", got, align)
	}
	if format.SBRBlocks.Get(b) == 0 {
		if n := format.SBFRExtents.Get(b); n != 0 {
			say("frextents", n, 0)
		}
		if n := format.SBRExtsLog.Get(b); n != 0 {
			say("rextslog", n, 0)
		}
	} else if n, want := format.SBRExtsLog.Get(b), bits.Len64(format.SBRExtents.Get(b))-1; int(n) != want {
		say("rextslog", n, want)
	}
	if f := format.SBFlags.Get(b); f != 0 { // the volume can only be read
		say("flags", hex(uint16(f)), 0)
	}
	// Linux does not mount what has bits that it does not know.
	for _, f := range []struct {
		name       string
		got, known uint64
	}{
		{"versionnum", uint64(format.SBVersionNum.Get(b)), uint64(versionKnown)},
		{"features2", uint64(format.SBFeatures2.Get(b)), uint64(format.Feat2Mandatory)},
		{"qflags", uint64(format.SBQFlags.Get(b)), quotaFlags},
	} {
		if f.got&^f.known != 0 {
			say(f.name, hex(f.got), hex(f.got&f.known))
		}
	}
}

// quotaFlags are the bits of qflags that version 5 has: accounting, enforcement and a check done, for
// each of the three sorts of quotas.
const quotaFlags = 0x7cf

// versionKnown are the bits of versionnum that mean something in version 5.
const versionKnown = format.VersionMandatory | format.VersionAttr | format.VersionQuota | format.VersionDAlign | format.VersionSector | format.VersionASCIICI

// clusterBlocks is the size of a piece of a sparse chunk in blocks, as alignment in the
// superblock; 0 where a block holds more than that.
func clusterBlocks(g *format.Geometry) uint32 {
	const bytesAt256 = 8 << 10 // of a cluster of inodes of 256 bytes
	return uint32(bytesAt256 * (g.InodeSize / 256) >> g.BlockLog)
}

// features names what the volume has and this package does not judge.
func (w *worker) features() {
	b, at := w.sb, AtBlock(0, 0, 1)
	unchecked := func(c *Code, field string, got any) {
		w.incomplete()
		w.report(Finding{Code: c, Structure: "superblock", Field: field, Place: at, Got: text(got)})
	}
	if n := format.SBRBlocks.Get(b); n != 0 {
		unchecked(UncheckedRealtime, "rblocks", n)
	}
	if w.geo.Version&format.VersionQuota != 0 {
		unchecked(UncheckedQuota, "qflags", hex(format.SBQFlags.Get(b)))
	}
	if f := w.geo.ROCompat &^ format.ROKnown; f != 0 {
		unchecked(UncheckedFeature, "features_ro_compat", f)
	}
	if f := format.SBCompat.Get(b); f != 0 {
		unchecked(UncheckedFeature, "features_compat", hex(f))
	}
	if want := int64(w.geo.DBlocks) << w.geo.BlockLog; w.dev.Size() < want {
		w.incomplete()
		w.report(Finding{
			Code: DeviceShort, Structure: "superblock", Field: "dblocks", Place: NullPlace,
			Got: fmt.Sprintf("%d bytes", w.dev.Size()), Want: fmt.Sprintf("%d bytes", want),
		})
	}
}

// secondary compares the superblock of another group with the primary one. What only the primary
// one keeps up to date may differ: counters, the state of quotas, the stripe that the volume was
// last mounted with, the label, and bits that a mount sets.
func (w *worker) secondary(no format.AGNumber, b []byte) {
	at := w.sectorPlace(no, 0)
	place := format.Place{AG: no, Daddr: format.Daddr(w.geo.SectorOffset(no, 0) >> format.BasicBlockLog), Ino: format.NullIno}
	readable, told := true, map[string]bool{}
	if format.Verify(w.geo, format.TypeSuperblock, b, place) != nil {
		format.Judge(w.geo, format.TypeSuperblock, b, place, func(e *format.CorruptError) {
			switch {
			case unreadable(e):
				readable = false
				w.corrupt(SecondaryUnreadable, e, at)
			case readable:
				told[e.Field] = true
				w.report(Finding{Code: SecondaryField, Structure: "superblock", Field: e.Field, Place: at, Got: e.Got, Want: e.Want})
			}
		})
	}
	if !readable {
		return
	}
	w.padding(SecondaryPadding, format.Superblock, b, at)
	w.checkLSN(format.TypeSuperblock, b, at)
	w.stripe(SecondaryField, b, at)
	zero := func(field string, got uint64) {
		if got != 0 {
			w.report(Finding{Code: SecondaryField, Structure: "superblock", Field: field, Place: at, Got: hex(got), Want: "0"})
		}
	}
	zero("flags", uint64(format.SBFlags.Get(b)))
	if w.geo.Version&format.VersionQuota == 0 {
		zero("qflags", uint64(format.SBQFlags.Get(b)))
	} else {
		zero("qflags", uint64(format.SBQFlags.Get(b)&^quotaFlags))
	}
	zero("features_ro_compat", uint64(format.SBROCompat.Get(b)&format.ROPendingCow&^format.SBROCompat.Get(w.sb)))
	zero("features_log_incompat", uint64(format.SBLogIncompat.Get(b)&^format.SBLogIncompat.Get(w.sb)))
	for _, q := range format.Quotas {
		// Growing a volume copies them from the primary one.
		if got := q.Ino.Get(b); got != format.NullIno && got != q.Ino.Get(w.sb) {
			zero(q.Name, uint64(got))
		}
	}
	if format.SBRBlocks.Get(b) == 0 {
		zero("frextents", format.SBFRExtents.Get(b))
	}
	w.stale(b, at)
	if bytes.Equal(lasting(w.sb), lasting(b)) {
		return
	}
	got, err1 := format.Superblock.Decode(w.geo, lasting(b))
	want, err2 := format.Superblock.Decode(w.geo, lasting(w.sb))
	if err1 != nil || err2 != nil {
		return // padding that differs, which is reported
	}
	// With other features, a superblock has other fields, too.
	values := map[string]string{}
	for _, v := range want {
		values[v.Name] = v.String()
	}
	for _, v := range got {
		if w2, ok := values[v.Name]; ok && v.String() != w2 && !told[v.Name] {
			w.report(Finding{Code: SecondaryField, Structure: "superblock", Field: v.Name, Place: at, Got: v.String(), Want: w2})
		}
	}
}

// stale judges what a copy of the superblock has from the time when it was made. It may be older
// than the primary superblock, but not impossible.
func (w *worker) stale(b []byte, at Place) {
	report := func(field string, got any, want string) {
		w.report(Finding{Code: SecondaryField, Structure: "superblock", Field: field, Place: at, Got: text(got), Want: want})
	}
	most := func(field string, got, most uint64) {
		if got > most {
			report(field, got, fmt.Sprintf("%d at most", most))
		}
	}
	most("inprogress", uint64(format.SBInProgress.Get(b)), 1) // mkfs.xfs leaves 1
	most("fdblocks", format.SBFDBlocks.Get(b), w.geo.DBlocks)
	most("icount", format.SBICount.Get(b), w.geo.DBlocks<<w.geo.InoPBLog)
	most("ifree", format.SBIFree.Get(b), format.SBICount.Get(b))
	for _, i := range [...]struct {
		name string
		ino  format.U64[format.Ino]
	}{{"rbmino", format.SBRbmIno}, {"rsumino", format.SBRsumIno}} {
		if got, want := i.ino.Get(b), i.ino.Get(w.sb); got != want && got != format.NullIno && got != 0 {
			report(i.name, got, fmt.Sprintf("null or %d", want))
		}
	}
}

// stripe judges whether a superblock's stripe unit and width go together.
func (w *worker) stripe(code *Code, b []byte, at Place) {
	unit, width := format.SBUnit.Get(b), format.SBWidth.Get(b)
	if unit == 0 && width != 0 || unit != 0 && (width == 0 || width%unit != 0) {
		w.report(Finding{Code: code, Structure: "superblock", Field: "width", Place: at, Got: text(width), Want: fmt.Sprintf("a multiple of the unit, %d", unit)})
	}
}

// lasting returns a copy of a superblock's fields with those zero that may differ in other groups.
func lasting(sb []byte) []byte {
	b := bytes.Clone(sb[:format.Superblock.Size])
	for _, f := range [...]format.U64[uint64]{
		format.SBICount, format.SBIFree, format.SBFDBlocks, format.SBFRExtents,
		format.U64[uint64](format.SBRbmIno), format.U64[uint64](format.SBRsumIno),
		format.U64[uint64](format.SBUQuotIno), format.U64[uint64](format.SBGQuotIno), format.U64[uint64](format.SBPQuotIno),
		format.U64[uint64](format.SBRootIno), // judged by format: null or the same
		format.U64[uint64](format.SBLSN),
	} {
		f.Put(b, 0)
	}
	format.SBVersionNum.Put(b, format.SBVersionNum.Get(b)&^(format.VersionAttr|format.VersionQuota|format.VersionDAlign))
	format.SBROCompat.Put(b, format.SBROCompat.Get(b)&^format.ROPendingCow)
	format.SBIncompat.Put(b, format.SBIncompat.Get(b)&^format.InNeedsRepair)
	format.SBUnit.Put(b, 0)
	format.SBWidth.Put(b, 0)
	format.SBInProgress.Put(b, 0)
	format.SBQFlags.Put(b, 0)
	format.SBFlags.Put(b, 0)
	format.SBIMaxPct.Put(b, 0)
	format.SBLogIncompat.Put(b, 0)
	format.SBFName.Put(b, nil)
	format.SBCRC.Put(b, 0)
	return b
}
