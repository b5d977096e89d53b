package repair

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/journal"
)

// A cure corrects what one finding is about, where it stands, with nothing else to be known.
type cure func(j *job, f check.Finding) error

// cures are the findings that a single field is the matter of.
var cures = map[string]cure{
	"agf.unused": zeroField, "agi.unused": zeroField, "quota.inode": zeroQuota, "inode.free-fields": clearFree,
	"btree.padding": zeroField, "inode.padding": zeroField, "super.unused": dropBits,
	"agi.hint": setField("null"), "unlinked.stale": setField("null"), "log.feature": setField("0"),
	"super.field": wantSuper, "inode.field": wantField, "symlink.block": mendLink, "symlink.target": cutTarget,
	"super.padding": zeroTail, "secondary.padding": copySuper, "secondary.field": copySuper, "secondary.unreadable": copySuper,
	"log.behind":  aheadOfLog,
	"inode.flags": dropFlags, "inode.reflink-stale": dropReflink, "inode.time": dropNanoseconds,
	"cow.pending-flag": pendingCow(false), "cow.pending-half": pendingCow(true),
	"inode.format": noAttrs, "inode.size": emptySize, "fork.place": linkAgain, "inode.special": mendOwn, "inode.crc": mendInode, "inode.identity": mendInode,
}

// curable reports whether a finding has a cure of its own.
func curable(f check.Finding) bool {
	switch f.Code {
	case check.InodeFormat, check.InodeSize, check.ForkPlace:
		return false // only sometimes
	}
	return cures[f.Code.Name] != nil
}

// cure applies all cures. It reports whether one has changed anything.
func (j *job) cure(report *check.Report) (changed bool, err error) {
	before := len(j.r.Actions)
	for _, f := range report.Findings {
		if c := cures[f.Code.Name]; c != nil {
			if err := c(j, f); err != nil {
				return false, fmt.Errorf("%s: %w", f.Code, err)
			}
		}
	}
	return len(j.r.Actions) > before, nil
}

// place finds the structure that a finding is about: its type and its first byte in the image.
func (j *job) place(f check.Finding) (t *format.BlockType, off int64, ok bool) {
	for _, t := range format.BlockTypes() {
		if t.Name != f.Structure {
			continue
		}
		sector := map[*format.BlockType]int{format.TypeSuperblock: 0, format.TypeAGF: 1, format.TypeAGI: 2, format.TypeAGFL: 3}
		if n, ok := sector[t]; ok {
			return t, j.geo.SectorOffset(f.Place.AG, n), f.Place.AG != format.NullAGNumber
		}
		if t == format.TypeInode {
			return t, j.geo.InoOffset(f.Place.Ino), f.Place.Ino != format.NullIno
		}
		ok := f.Place.AG != format.NullAGNumber && f.Place.Block != format.NullAGBlock
		if !ok {
			return t, 0, false
		}
		return t, j.geo.AGOffset(f.Place.AG, f.Place.Block), true
	}
	return nil, 0, false
}

// edit changes the structure that a finding is about and sets its checksum.
func (j *job) edit(f check.Finding, change func(t *format.BlockType, b []byte) error) error {
	t, off, ok := j.place(f)
	if !ok {
		return nil // something else will see to it, or nothing does
	}
	head := make([]byte, j.geo.BlockSize)
	if _, err := j.dev.ReadAt(head[:min(int64(len(head)), j.dev.Size()-off)], off); err != nil {
		return err
	}
	n := t.Len(j.geo, head)
	b := make([]byte, n)
	if _, err := j.dev.ReadAt(b, off); err != nil {
		return err
	}
	was := bytes.Clone(b)
	if err := change(t, b); err != nil {
		return err
	}
	if t.SetChecksum(b); bytes.Equal(was, b) {
		return nil
	}
	j.r.act(Action{What: "correct a field", AG: f.Place.AG, Ino: f.Place.Ino, Note: strings.TrimSpace(fmt.Sprintf("%s %s: was %s", f.Structure, f.Field, f.Got))})
	if _, err := j.dev.WriteAt(b, off); err != nil {
		return err
	}
	if t == format.TypeSuperblock && off == 0 {
		if g, err := soundSuper(b); err == nil {
			j.geo = g
		}
	}
	return nil
}

func zeroField(j *job, f check.Finding) error {
	return j.edit(f, func(t *format.BlockType, b []byte) error {
		v, err := t.Table.Get(j.geo, b, f.Field)
		if err != nil {
			return nil // bytes that are no field: the structure is written anew
		}
		clear(b[v.Off : v.Off+v.Size])
		if t == format.TypeInode && !j.geo.HasCowForks() {
			format.DiCowRoot.Put(b, 0) // padding, while there are no such forks
		}
		return nil
	})
}

// zeroQuota makes the superblock name no quota inode where it names something else, or nothing, and
// speak of no such quotas.
func zeroQuota(j *job, f check.Finding) error {
	if f.Structure != format.TypeSuperblock.Name {
		return nil
	}
	f.Place = check.AtBlock(0, 0, 1)
	return j.edit(f, func(t *format.BlockType, b []byte) error {
		if err := t.Table.Set(j.geo, b, f.Field, "0"); err != nil {
			return err
		}
		flags := format.SBQFlags.Get(b)
		for _, q := range format.Quotas {
			if q.Name == f.Field {
				flags &^= q.Flags
			}
		}
		if len(specials(b)) == 2 { // no quotas are left
			flags = 0
			format.SBVersionNum.Put(b, format.SBVersionNum.Get(b)&^format.VersionQuota)
		}
		format.SBQFlags.Put(b, flags)
		return nil
	})
}

// emptySize takes the size from an inode that should have none.
func emptySize(j *job, f check.Finding) error {
	if f.Want != "0" {
		return nil
	}
	return wantField(j, f)
}

func setField(value string) cure {
	return func(j *job, f check.Finding) error {
		return j.edit(f, func(t *format.BlockType, b []byte) error { return t.Table.Set(j.geo, b, f.Field, value) })
	}
}

// wantField sets a field to what the finding wants, if that is a value.
func wantField(j *job, f check.Finding) error {
	if f.Want == "0" {
		return zeroField(j, f) // padding, too
	}
	return j.edit(f, func(t *format.BlockType, b []byte) error {
		if err := t.Table.Set(j.geo, b, f.Field, f.Want); err != nil && t == format.TypeInode && f.Field == "core.nlinkv2" {
			format.DiNLink.Put(b, 1) // only a bound is wanted; names tell the number
		}
		return nil
	})
}

// dropBits clears the bits that a finding names in a field of the superblock: all of a number.
func dropBits(j *job, f check.Finding) error {
	bits, err := strconv.ParseUint(f.Got, 0, 64)
	if err != nil {
		return zeroField(j, f)
	}
	return j.edit(f, func(t *format.BlockType, b []byte) error {
		v, err := t.Table.Get(j.geo, b, f.Field)
		if err != nil || v.Size > 8 {
			return nil
		}
		for i := range v.Size {
			b[v.Off+v.Size-1-i] &^= byte(bits >> (8 * i))
		}
		return nil
	})
}

// wantSuper sets a field of the superblock to what the finding wants; if that is no value, to what
// most copies have, or else to 0.
func wantSuper(j *job, f check.Finding) error {
	return j.edit(f, func(t *format.BlockType, b []byte) error {
		if t.Table.Set(j.geo, b, f.Field, f.Want) == nil {
			return nil
		}
		copies, err := soundCopies(j.dev, j.geo)
		if err != nil {
			return err
		}
		names := []string{f.Field}
		if strings.HasSuffix(f.Field, "features2") {
			names = []string{"features2", "bad_features2"} // which are the same
		}
		for _, name := range names {
			v, err := t.Table.Get(j.geo, b, name)
			if err != nil {
				return nil
			}
			mine := b[v.Off : v.Off+v.Size]
			switch most := mostVotes(copies, v); {
			case most != nil && !bytes.Equal(most, mine):
				copy(mine, most)
			case len(names) == 1 && v.String() == f.Got: // and not corrected for another finding
				clear(mine)
			}
		}
		return nil
	})
}

// zeroTail clears the padding in a superblock and the bytes behind it.
func zeroTail(j *job, f check.Finding) error {
	f.Structure = format.TypeSuperblock.Name
	return j.edit(f, func(t *format.BlockType, b []byte) error {
		clear(b[format.Superblock.Size:])
		if v, err := t.Table.Get(j.geo, b, "pad"); err == nil {
			clear(b[v.Off : v.Off+v.Size])
		}
		return nil
	})
}

// copySuper writes a copy of the superblock anew. What only copies have, that they say where the
// root is or don't, stays if the old one is sound.
func copySuper(j *job, f check.Finding) error {
	if f.Place.AG == format.NullAGNumber || f.Place.AG == 0 {
		return nil
	}
	sb, old := make([]byte, j.geo.SectSize), make([]byte, j.geo.SectSize)
	if _, err := j.dev.ReadAt(sb, 0); err != nil {
		return err
	}
	off := j.geo.SectorOffset(f.Place.AG, 0)
	if _, err := j.dev.ReadAt(old, off); err != nil {
		return err
	}
	clear(sb[format.Superblock.Size:])
	format.SBInProgress.Put(sb, 1)
	format.SBICount.Put(sb, 0)
	format.SBIFree.Put(sb, 0)
	format.SBLSN.Put(sb, 0)
	format.SBRbmIno.Put(sb, format.NullIno)
	format.SBRsumIno.Put(sb, format.NullIno)
	if last := j.geo.AGCount - 1; uint32(f.Place.AG) != last && uint32(f.Place.AG) != last/2 {
		format.SBRootIno.Put(sb, format.NullIno)
	}
	format.SetChecksum(sb, format.SBCRC)
	j.r.group(f.Place.AG, "write a copy of the superblock anew", "")
	_, err := j.dev.WriteAt(sb, off)
	return err
}

// nearCycles is how far an LSN may be ahead of the log to be believed.
const nearCycles = 1 << 16

// aheadOfLog deals with structures that are newer than the log. Many of them say that the log was
// replaced: it starts anew behind them. A single absurd one is wrong itself.
func aheadOfLog(j *job, f check.Finding) error {
	t, off, ok := j.place(f)
	if !ok {
		return nil
	}
	b := make([]byte, t.Table.Size)
	if _, err := j.dev.ReadAt(b, off); err != nil {
		return err
	}
	lsn := t.LSN.Get(b)
	if lsn>>32 < nearCycles && !strings.HasPrefix(f.Note, "1 ") {
		j.r.group(j.geo.AG(j.geo.LogStart), "start the log anew", "structures are newer than it: "+f.Note)
		return journal.Discard(j.dev, j.geo, lsn)
	}
	return j.edit(f, func(t *format.BlockType, b []byte) error {
		t.LSN.Put(b, 0)
		return nil
	})
}

// dropFlags takes away the flags of an inode that its type or the volume does not have.
func dropFlags(j *job, f check.Finding) error {
	return j.edit(f, func(_ *format.BlockType, b []byte) error {
		switch f.Field {
		case "core.flags":
			format.DiFlags.Put(b, possibleFlags(b))
		case "v3.flags2":
			format.DiFlags2.Put(b, possibleFlags2(j.geo, b))
		case "core.extsize":
			format.DiExtSize.Put(b, 0)
			format.DiFlags.Put(b, format.DiFlags.Get(b)&^(format.FlagExtSize|format.FlagExtSzInherit))
		case "v3.cowextsize":
			format.DiCowExtSize.Put(b, 0)
			format.DiFlags2.Put(b, format.DiFlags2.Get(b)&^format.Flag2CowExtSize)
		}
		return nil
	})
}

// possibleFlags is the flags of an inode less those that its type can't have. Without a realtime
// section, which a volume that is repaired doesn't have, there are none of that.
func possibleFlags(b []byte) format.DiFlag {
	f := format.DiFlags.Get(b) & format.FlagsKnown &^ (format.FlagRealtime | format.FlagRtInherit | format.FlagNewRtBm)
	mode := format.DiMode.Get(b) & format.ModeType
	if mode != format.ModeDir {
		f &^= format.FlagsOfDirs
	}
	if mode != format.ModeReg {
		f &^= format.FlagsOfReg
	}
	return f
}

// possibleFlags2 is the flags2 of an inode less those that its type and the volume's features don't
// allow.
func possibleFlags2(g *format.Geometry, b []byte) format.DiFlag2 {
	f := format.DiFlags2.Get(b) & format.Flags2Known
	mode := format.DiMode.Get(b) & format.ModeType
	if !g.HasBigtime() {
		f &^= format.Flag2Bigtime
	}
	if !g.HasNrext64() {
		f &^= format.Flag2Nrext64
	}
	if mode != format.ModeReg && mode != format.ModeDir {
		f &^= format.Flag2DAX
	}
	if !g.HasReflink() || mode != format.ModeReg || format.DiFlags.Get(b)&format.FlagRealtime != 0 {
		f &^= format.Flag2Reflink
	}
	if !g.HasReflink() || mode != format.ModeReg && mode != format.ModeDir || format.DiCowExtSize.Get(b) == 0 {
		f &^= format.Flag2CowExtSize
	}
	return f
}

// clearFree makes a free inode one with nothing in it but its generation.
func clearFree(j *job, f check.Finding) error {
	return j.edit(f, func(_ *format.BlockType, b []byte) error {
		if format.DiMode.Get(b) != 0 {
			return nil
		}
		if leftover(b) {
			s := &scan{model: &model{geo: j.geo, dev: j.dev, report: j.r}}
			s.revive(f.Place.Ino, b) // it may be one that was in use
			return nil
		}
		gen := format.DiGen.Get(b)
		clear(b)
		inode.PutFree(j.geo, b, f.Place.Ino)
		format.DiGen.Put(b, gen)
		return nil
	})
}

func dropReflink(j *job, f check.Finding) error {
	return j.edit(f, func(_ *format.BlockType, b []byte) error {
		format.DiFlags2.Put(b, format.DiFlags2.Get(b)&^format.Flag2Reflink)
		return nil
	})
}

// dropNanoseconds rounds a time down that has too many of them.
func dropNanoseconds(j *job, f check.Finding) error {
	return j.edit(f, func(t *format.BlockType, b []byte) error {
		v, err := t.Table.Get(j.geo, b, f.Field)
		if err == nil && v.Size == 8 {
			clear(b[v.Off+4 : v.Off+8])
		}
		return nil
	})
}

// mendLink corrects what a block of a symbolic link says of itself. A link whose target is lost is
// given up, and with it its names.
func mendLink(j *job, f check.Finding) error {
	switch f.Field {
	case "crc", "uuid", "owner", "bno", "offset":
		return wantField(j, f)
	}
	return j.giveUpLink(f.Place.Ino)
}

// linkAgain makes a symbolic link of what says that it is a directory, and has the target of a link.
func linkAgain(j *job, f check.Finding) error {
	i, err := inode.Source{Geo: j.geo, Dev: j.dev}.Read(f.Place.Ino)
	if err != nil || !i.IsDir() {
		return nil
	}
	fork, err := i.Fork(inode.Data)
	if err != nil {
		return nil
	}
	b := make([]byte, j.geo.BlockSize) // the first one
	for m, err := range fork.All() {
		if err == nil {
			_, err = j.dev.ReadAt(b, j.geo.Offset(m.Start))
		}
		if err != nil {
			return nil
		}
		break
	}
	if !format.TypeSymlink.Is(b) {
		return nil
	}
	f.Structure, f.Field, f.Got = format.TypeInode.Name, "core.mode", "that of a directory"
	return j.edit(f, func(_ *format.BlockType, b []byte) error {
		format.DiMode.Put(b, format.DiMode.Get(b)&^format.ModeType|format.ModeLink)
		return nil
	})
}

// giveUpLink makes the inode of a symbolic link a free one.
func (j *job) giveUpLink(ino format.Ino) error {
	if ino == format.NullIno {
		return nil
	}
	b := make([]byte, j.geo.InodeSize)
	off := j.geo.InoOffset(ino)
	if _, err := j.dev.ReadAt(b, off); err != nil || format.DiMode.Get(b) == 0 {
		return err
	}
	s := &scan{model: &model{geo: j.geo, dev: j.dev, report: j.r}}
	s.clear(ino, b)
	j.r.lost(ino, -1, 0, "the target of a symbolic link")
	j.r.inode(ino, "give up a symbolic link", "its target is lost")
	_, err := j.dev.WriteAt(b, off)
	return err
}

// cutTarget ends the target of a symbolic link before the first byte that can't be part of one. A
// link of which nothing is left is given up.
func cutTarget(j *job, f check.Finding) error {
	n := 0
	cut := func(target []byte) {
		if n = bytes.IndexByte(target, 0); n > 0 {
			clear(target[n:])
		}
	}
	inBlock := f.Structure == format.TypeSymlink.Name
	err := j.edit(f, func(_ *format.BlockType, b []byte) error {
		if inBlock {
			cut(b[format.Symlink.Size:])
			format.RemoteBytes.Put(b, uint32(max(n, 1)))
			return nil
		}
		data, _ := format.Forks(b)
		if cut(data[:min(uint64(len(data)), format.DiSize.Get(b))]); n > 0 {
			format.DiSize.Put(b, uint64(n))
		}
		return nil
	})
	switch {
	case err != nil || n < 0:
		return err
	case n == 0:
		return j.giveUpLink(f.Place.Ino)
	}
	j.r.lost(f.Place.Ino, int64(n), 0, "the rest of its target")
	if !inBlock {
		return nil
	}
	f.Structure = format.TypeInode.Name
	return j.edit(f, func(_ *format.BlockType, b []byte) error {
		format.DiSize.Put(b, uint64(n))
		return nil
	})
}

// mendInode makes an inode sound by itself, when only what it says of itself is wrong.
func mendInode(j *job, f check.Finding) error {
	if f.Place.Ino == format.NullIno {
		return nil
	}
	b := make([]byte, j.geo.InodeSize)
	off := j.geo.InoOffset(f.Place.Ino)
	if _, err := j.dev.ReadAt(b, off); err != nil {
		return err
	}
	m := mender{scan: &scan{model: &model{geo: j.geo, dev: j.dev, report: j.r}}, ino: f.Place.Ino, b: b, was: bytes.Clone(b)}
	if !m.run() || !m.changed || m.forks {
		return nil // its turn comes with the groups
	}
	_, err := j.dev.WriteAt(b, off)
	return err
}

// pendingCow makes both flags say whether inodes have CoW forks on disk. When it is not known it is
// said that they have: the next check tells if none has.
func pendingCow(pending bool) cure {
	return func(j *job, f check.Finding) error {
		f.Structure, f.Place = format.TypeSuperblock.Name, check.AtBlock(0, 0, 1)
		return j.edit(f, func(_ *format.BlockType, b []byte) error {
			ro, log := format.SBROCompat.Get(b)&^format.ROPendingCow, format.SBLogIncompat.Get(b)&^format.LogPendingCow
			if pending {
				ro, log = ro|format.ROPendingCow, log|format.LogPendingCow
			}
			format.SBROCompat.Put(b, ro)
			format.SBLogIncompat.Put(b, log)
			return nil
		})
	}
}

// noAttrs gives an inode without attributes the format that such a fork has. Other faults of formats
// are mended with the forks.
func noAttrs(j *job, f check.Finding) error {
	if f.Field != "core.aformat" {
		return nil
	}
	return j.edit(f, func(_ *format.BlockType, b []byte) error {
		if format.DiForkOff.Get(b) == 0 {
			format.DiAFormat.Put(b, format.FmtExtents)
		}
		return nil
	})
}
