package check

import (
	"bytes"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/volume"
)

// Each group has a copy of the superblock. Where most of them agree against the primary one, it is this
// one that is wrong, and all that follows from it would be: the image is checked with what they say.

// outvote corrects the primary superblock, as far as this run sees it, by its copies, if it is intact.
func (c *checker) outvote() error {
	sb := make([]byte, min(format.MaxSectorSize, c.dev.Size()))
	if _, err := c.dev.ReadAt(sb, 0); err != nil || !intact(sb) {
		return nil // which is told when the volume is opened
	}
	sb = sb[:format.SBSectSize.Get(sb)]
	copies := c.copies(sb)
	if len(copies) < 2 {
		return nil
	}
	g, err := format.GeometryOf(forMe(copies[0]))
	if err != nil {
		return nil
	}
	now := c.elect(g, sb, copies)
	if bytes.Equal(now, sb) {
		return nil
	}
	c.reportVotes(g, sb, now)
	format.SetChecksum(now, format.SBCRC)
	over := device.NewOverlay(c.dev)
	_, err = over.WriteAt(now, 0)
	c.dev = over
	return err
}

// elect returns the superblock with what most copies have.
func (c *checker) elect(g *format.Geometry, sb []byte, copies [][]byte) []byte {
	now, mine := bytes.Clone(sb), lasting(sb)
	var theirs [][]byte
	for _, b := range copies {
		theirs = append(theirs, lasting(b))
	}
	fields, err := format.Superblock.Decode(g, copies[0])
	if err != nil {
		return now
	}
	grown := volume.Grown(c.dev, sb, copies[0])
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
		copy(now[f.Off:end], copies[i][f.Off:end])
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

// copies reads some intact copies of a superblock: those of the first groups and, as only they know
// the root directory, that of the group in the middle and of the last one.
func (c *checker) copies(sb []byte) [][]byte {
	size := groupSize(sb)
	list := c.copiesAt(size, len(sb))
	switch {
	case len(list) > 0:
		// Where groups begin may be what is wrong.
		if theirs := groupSize(list[0]); theirs != size {
			list = c.copiesAt(theirs, len(sb))
		}
	case format.SBAGCount.Get(sb) > 1:
		if first, _, err := volume.SearchSuperblock(c.dev); err == nil {
			list = c.copiesAt(groupSize(first), len(sb))
		}
	}
	return list
}

// groupSize is how long a superblock says that groups are, in bytes.
func groupSize(sb []byte) int64 {
	return int64(format.SBAGBlocks.Get(sb)) << format.SBBlockLog.Get(sb)
}

// copiesAt is copies for groups of so many bytes.
func (c *checker) copiesAt(group int64, n int) (list [][]byte) {
	if group <= 0 {
		return nil
	}
	seen := map[int64]bool{0: true}
	add := func(no int64) {
		if seen[no] || no > c.dev.Size()/group {
			return
		}
		seen[no] = true
		if b := c.copyAt(no*group, n); b != nil {
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
func (c *checker) copyAt(off int64, n int) []byte {
	if off > c.dev.Size()-int64(n) {
		return nil
	}
	b := make([]byte, n)
	if _, err := c.dev.ReadAt(b, off); err != nil || !intact(b) {
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

// reportVotes reports the fields in which a superblock was corrected.
func (c *checker) reportVotes(g *format.Geometry, was, now []byte) {
	before, err1 := format.Superblock.All(g, was)
	after, err2 := format.Superblock.All(g, now)
	if err1 != nil || err2 != nil {
		return
	}
	for i, v := range after {
		if end := v.Off + v.Size; !bytes.Equal(was[v.Off:end], now[v.Off:end]) {
			c.report(Finding{
				Code: SuperField, Structure: "superblock", Field: v.Name, Place: AtBlock(0, 0, 1),
				Got: before[i].String(), Want: v.String(), Note: "as most copies have it",
			})
		}
	}
}
