package check

import (
	"fmt"

	"github.com/cowfs/cowfs/format"
)

// judgeUnlinked goes over a group's lists of inodes that have no names and were still open.
func (w *worker) judgeUnlinked(no format.AGNumber) {
	g := &w.groups[no]
	if !g.agi.known || w.stopped() {
		return
	}
	agi := make([]byte, w.geo.SectSize)
	if !w.read(agi, w.geo.SectorOffset(no, 2), w.sectorPlace(no, 2)) {
		return
	}
	for bucket := range format.AGIBuckets {
		at := w.sectorPlace(no, 2)
		field, structure := fmt.Sprintf("unlinked[%d]", bucket), format.TypeAGI.Name
		for next := format.AGIUnlinked.At(bucket).Get(agi); next != format.NullAGIno; {
			s, ok := w.judgeListed(no, bucket, next, Finding{Structure: structure, Field: field, Place: at})
			if !ok {
				break
			}
			ino := w.geo.Ino(no, next)
			at, structure, field = InInode(ino), format.TypeInode.Name, "next_unlinked"
			raw := make([]byte, w.geo.InodeSize)
			if s.node.has(stateBad) || !w.read(raw, w.geo.InoOffset(ino), at) {
				w.incomplete()
				break
			}
			next = format.DiNextUnlinked.Get(raw)
			switch nlink := format.DiNLink.Get(raw); {
			case format.DiMode.Get(raw) == 0:
				w.report(Finding{Code: UnlinkedFree, Structure: structure, Field: "core.mode", Place: at, Got: "a free inode", Want: "one in use"})
			case nlink != 0:
				w.report(Finding{Code: UnlinkedNamed, Structure: structure, Field: "core.nlinkv2", Place: at, Got: fmt.Sprint(nlink), Want: "0"})
			default:
				w.report(Finding{Code: UnlinkedPending, Structure: structure, Place: at})
			}
		}
	}
}

// judgeListed judges the link to an inode of a list; f says where that link is. ok is false when
// the list can't be followed.
func (w *worker) judgeListed(no format.AGNumber, bucket int, i format.AGIno, f Finding) (s spot, ok bool) {
	f.Got = fmt.Sprint(i)
	say := func(code *Code, want string) {
		f.Code, f.Want = code, want
		w.report(f)
	}
	group := &w.inodes.groups[no]
	if s, ok = group.spot(i); !ok {
		if group.known {
			say(UnlinkedPointer, "an inode of the group")
		}
		return s, false
	}
	if s.node.has(stateListed) {
		say(UnlinkedTwice, "an inode that is on no list yet")
		return s, false
	}
	s.node.set(stateListed)
	if i%format.AGIBuckets != format.AGIno(bucket) {
		say(UnlinkedBucket, fmt.Sprintf("an inode of list %d", bucket))
	}
	return s, true
}

// judgeNameless judges an inode that has no names, or a place on a list of those.
func (w *worker) judgeNameless(ino format.Ino, n *node) {
	if n.state&stateListed != 0 {
		return // judged with the list
	}
	if n.state&stateNameless != 0 && n.links == 0 {
		w.report(Finding{Code: UnlinkedLost, Structure: format.TypeInode.Name, Field: "core.nlinkv2", Place: InInode(ino), Got: "0", Want: "names, or a place on a list of inodes without"})
	}
	if n.state&stateNext != 0 {
		w.report(Finding{Code: UnlinkedStale, Structure: format.TypeInode.Name, Field: "next_unlinked", Place: InInode(ino), Got: "an inode", Want: "null"})
	}
}
