package check

import (
	"bytes"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/volume"
)

// Each group has a copy of the superblock. Where most of them agree against the primary one, it is this
// one that is wrong, and all that follows from it would be: the image is checked with what they say.

// Elect returns the primary superblock of a device, a sector, as most of its copies have it, and the
// fields that are not as they were: none if the superblock is not intact, which is another matter, or
// if there are no two copies to be believed. Counters and all that only the primary superblock keeps
// up to date are not asked for.
func Elect(dev device.Device) (now []byte, changed []Elected) {
	sb := make([]byte, min(format.MaxSectorSize, dev.Size()))
	if _, err := dev.ReadAt(sb, 0); err != nil || !intact(sb) {
		return nil, nil
	}
	sb = sb[:format.SBSectSize.Get(sb)]
	copies := copiesOf(dev, sb)
	if len(copies) < 2 {
		return nil, nil
	}
	g, err := format.GeometryOf(forMe(copies[0]))
	if err != nil {
		return nil, nil
	}
	now = elect(dev, g, sb, copies)
	changed = differences(g, sb, now)
	format.SetChecksum(now, format.SBCRC)
	return now, changed
}

// Elected is a field of the superblock that was corrected.
type Elected struct{ Field, Got, Want string }

// outvote corrects the primary superblock by its copies, as far as this run sees it.
func (c *checker) outvote() error {
	now, changed := Elect(c.dev)
	if len(changed) == 0 {
		return nil
	}
	for _, f := range changed {
		c.report(Finding{
			Code: SuperField, Structure: "superblock", Field: f.Field, Place: AtBlock(0, 0, 1),
			Got: f.Got, Want: f.Want, Note: "as most copies have it",
		})
	}
	over := device.NewOverlay(c.dev)
	_, err := over.WriteAt(now, 0)
	c.dev = over
	return err
}

// elect returns the superblock with what most copies have.
func elect(dev device.Device, g *format.Geometry, sb []byte, copies [][]byte) []byte {
	now, mine := bytes.Clone(sb), lasting(sb)
	var theirs [][]byte
	for _, b := range copies {
		theirs = append(theirs, lasting(b))
	}
	fields, err := format.Superblock.Decode(g, copies[0])
	if err != nil {
		return now
	}
	grown := volume.Grown(dev, sb, copies[0])
	impossible := make([]map[string]bool, len(copies)) // fields of each
	for i, b := range copies {
		impossible[i] = map[string]bool{}
		judgeSuper(g, b, func(field string, _, _ any) { impossible[i][field] = true })
	}
	for _, f := range fields {
		end := f.Off + f.Size
		if end > len(mine) {
			break // padding behind the fields
		}
		i := mostHave(theirs, f.Off, end)
		if i < 0 || bytes.Equal(theirs[i][f.Off:end], mine[f.Off:end]) || impossible[i][f.Name] || grown && volume.Grows(f.Name) {
			continue
		}
		for k := f.Off; k < end; k++ {
			now[k] = theirs[i][k] | (sb[k] ^ mine[k]) // with the bits that only the primary one has
		}
	}
	if root := mostRoots(copies); root != format.NullIno {
		format.SBRootIno.Put(now, root)
	}
	return now
}

// intact reports whether a superblock's magic number and checksum are right.
func intact(sb []byte) bool {
	if len(sb) < format.Superblock.Size || format.SBMagicNum.Get(sb) != format.SBMagic {
		return false
	}
	n := int(format.SBSectSize.Get(sb))
	return n >= format.MinSectorSize && n <= len(sb) && format.ChecksumOK(sb[:n], format.SBCRC)
}

// copiesOf reads some intact copies of a superblock: those of the first groups and, as only they know
// the root directory, that of the group in the middle and of the last one.
func copiesOf(dev device.Device, sb []byte) [][]byte {
	size := groupSize(sb)
	list := copiesAt(dev, size, len(sb))
	switch {
	case len(list) > 0:
		// Where groups begin may be what is wrong.
		if theirs := groupSize(list[0]); theirs != size {
			list = copiesAt(dev, theirs, len(sb))
		}
	case format.SBAGCount.Get(sb) > 1:
		if first, _, err := volume.SearchSuperblock(dev); err == nil {
			list = copiesAt(dev, groupSize(first), len(sb))
		}
	}
	return list
}

// groupSize is how long a superblock says that groups are, in bytes.
func groupSize(sb []byte) int64 {
	return int64(format.SBAGBlocks.Get(sb)) << format.SBBlockLog.Get(sb)
}

// copiesAt is copiesOf for groups of so many bytes.
func copiesAt(dev device.Device, group int64, n int) (list [][]byte) {
	if group <= 0 {
		return nil
	}
	seen := map[int64]bool{0: true}
	add := func(no int64) {
		if seen[no] || no > dev.Size()/group {
			return
		}
		seen[no] = true
		if b := copyAt(dev, no*group, n); b != nil {
			list = append(list, b)
		}
	}
	for no := range int64(4) {
		add(no)
	}
	if len(list) > 0 {
		last := int64(format.SBAGCount.Get(list[0])) - 1
		add(max(last, 0) / 2)
		add(max(last, 0))
	}
	return list
}

// copyAt reads a copy of the superblock, of n bytes, at byte off; nil if it is not intact.
func copyAt(dev device.Device, off int64, n int) []byte {
	if off > dev.Size()-int64(n) {
		return nil
	}
	b := make([]byte, n)
	if _, err := dev.ReadAt(b, off); err != nil || !intact(b) {
		return nil
	}
	return b
}

// forMe is a copy of a superblock as it would be in group 0: it does not say that the volume is being
// made.
func forMe(sb []byte) []byte {
	b := bytes.Clone(sb)
	format.SBInProgress.Put(b, 0)
	format.SetChecksum(b, format.SBCRC)
	return b
}

// mostHave returns which of the copies has the same bytes as most others, more of them than have
// something else, the primary superblock among these; -1 if there is none.
func mostHave(copies [][]byte, from, to int) int {
	for i, a := range copies {
		n := 0
		for _, b := range copies {
			if bytes.Equal(a[from:to], b[from:to]) {
				n++
			}
		}
		if 2*n > len(copies)+1 {
			return i
		}
	}
	return -1
}

// mostRoots is the root directory that all copies name which name one, if there are several.
func mostRoots(copies [][]byte) format.Ino {
	root, n := format.NullIno, 0
	for _, b := range copies {
		switch ino := format.SBRootIno.Get(b); {
		case ino == format.NullIno || ino == 0:
		case n > 0 && ino != root:
			return format.NullIno
		default:
			root, n = ino, n+1
		}
	}
	if n < 2 {
		return format.NullIno
	}
	return root
}

// differences lists the fields in which a superblock was corrected.
func differences(g *format.Geometry, was, now []byte) (list []Elected) {
	before, err1 := format.Superblock.All(g, was)
	after, err2 := format.Superblock.All(g, now)
	if err1 != nil || err2 != nil {
		return nil
	}
	for i, v := range after {
		if end := v.Off + v.Size; !bytes.Equal(was[v.Off:end], now[v.Off:end]) {
			list = append(list, Elected{v.Name, before[i].String(), v.String()})
		}
	}
	return list
}
