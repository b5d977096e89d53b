package check

import (
	"fmt"
	"slices"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/refcount"
	"github.com/cowfs/cowfs/space"
)

// domains finds records of refcountbt that are in the wrong domain: staged blocks that a file
// has, and records of one owner where rmapbt or a CoW fork says that the blocks are staged. It
// takes them for what they should be, so that nothing else is reported about them.
func (j *judgement) domains() {
	e := j.evidence
	var files, cow runs
	for _, r := range e.owners {
		if r.ID != format.OwnCow {
			files = append(files, run{r.Start, r.End()})
		}
	}
	files = joined(files)
	for _, r := range e.rmaps {
		if r.ID == format.OwnCow {
			cow = append(cow, run{r.Start, r.End()})
		}
	}
	cow = joined(append(cow, e.forks...))
	e.staged = slices.DeleteFunc(e.staged, func(r run) bool {
		if !files.touches(r.start, r.end) {
			return false
		}
		j.wrongDomain(r, "staged", "of a file")
		j.swapped = append(j.swapped, r)
		return true
	})
	e.owners = slices.DeleteFunc(e.owners, func(o space.Rmap) bool {
		return o.ID == format.OwnCow && j.swapped.touches(o.Start, o.End())
	})
	e.shared = slices.DeleteFunc(e.shared, func(r refcount.Record) bool {
		if r.Refs > 1 || !cow.touches(r.Start, r.End()) {
			return false
		}
		j.wrongDomain(run{r.Start, r.End()}, "shared", "staged")
		e.staged = append(e.staged, run{r.Start, r.End()})
		e.owners = append(e.owners, space.Rmap{Start: r.Start, Count: r.Count, Owner: space.Owner{ID: format.OwnCow}})
		return true
	})
	e.staged = joined(e.staged)
	// What CoW forks have is theirs, whether it is recorded or not.
	if !e.noRefs {
		j.unstaged = without(e.forks, e.staged)
	}
	for _, r := range j.unstaged {
		e.owners = append(e.owners, space.Rmap{Start: r.start, Count: uint32(r.end - r.start), Owner: space.Owner{ID: format.OwnCow}})
	}
}

func (j *judgement) wrongDomain(r run, got, want string) {
	j.w.report(Finding{
		Code: RefcountWrongDomain, Structure: "refcountbt", Place: AtBlock(j.g.no, r.start, uint32(r.end-r.start)), Got: got, Want: want,
	})
}

// judgeRefcounts compares refcountbt with the number of owners.
func (j *judgement) judgeRefcounts() {
	if !j.w.has(refcountbt) || j.noRefs {
		return
	}
	at := j.window.lo // all before is judged
	for _, r := range j.shared {
		j.unrecorded(at, r.Start)
		j.recorded(max(at, r.Start), r)
		at = max(at, r.End())
	}
	j.unrecorded(at, j.window.hi)
	for _, o := range j.owners {
		if format.OwnerIsInode(o.ID) && j.missing.touches(o.Start, o.End()) {
			j.w.wantReflink(format.Ino(o.ID))
		}
	}
}

// wantReflink reports that a file shares blocks, as only its owners tell, and does not say so.
func (w *worker) wantReflink(ino format.Ino) {
	if _, seen := w.flagless.LoadOrStore(ino, true); seen {
		return
	}
	b := make([]byte, w.geo.InodeSize)
	if !w.read(b, w.geo.InoOffset(ino), InInode(ino)) || format.Verify(w.geo, format.TypeInode, b, format.InInode(ino)) != nil {
		return
	}
	if format.DiMode.Get(b)&format.ModeType == format.ModeReg && format.DiFlags2.Get(b)&format.Flag2Reflink == 0 {
		w.report(reflinkMissing(ino))
	}
}

// reflinkMissing is the finding about a file that shares blocks and does not say so.
func reflinkMissing(ino format.Ino) Finding {
	return Finding{
		Code: InodeReflinkMissing, Structure: format.TypeInode.Name, Field: "v3.flags2", Place: InInode(ino),
		Got: "no reflink flag", Want: "reflink, for shared blocks",
	}
}

// unrecorded judges blocks from start up to end, which are in no record.
func (j *judgement) unrecorded(start, end format.AGBlock) {
	for i := j.at(start); i < len(j.uses) && j.uses[i].start < end; i++ {
		u := j.uses[i]
		lo, hi := max(u.start, start), min(u.end, end)
		if u.n > 1 && !u.alone && lo < hi && !j.swapped.touches(lo, hi) {
			j.refcount(RefcountMissing, lo, hi, "none", owners(u.n), u.a)
			j.missing = append(j.missing, run{lo, hi})
		}
	}
}

// recorded judges the blocks of a record from a block on.
func (j *judgement) recorded(at format.AGBlock, r refcount.Record) {
	for i := j.at(at); at < r.End(); i++ {
		u := use{start: r.End(), end: r.End()}
		if i < len(j.uses) {
			u = j.uses[i]
		}
		if lo := min(u.start, r.End()); at < lo { // nobody has these
			if j.whole {
				j.refcount(RefcountStray, at, lo, owners(r.Refs), owners(0), space.Owner{ID: format.OwnNull})
			}
			at = lo
		}
		hi := min(u.end, r.End())
		switch {
		case at >= hi || u.alone && u.n > 1: // a cross-link, which is reported
		case u.n == 1 && (j.whole || u.alone):
			j.refcount(RefcountStray, at, hi, owners(r.Refs), owners(1), u.a)
		case u.n > r.Refs:
			j.refcount(RefcountTooLow, at, hi, owners(r.Refs), owners(u.n), u.a)
		case u.n < r.Refs && j.whole:
			j.refcount(RefcountTooHigh, at, hi, owners(r.Refs), owners(u.n), u.a)
		}
		at = max(at, hi)
	}
}

func owners(n uint32) string {
	if n == 1 {
		return "1 owner"
	}
	return fmt.Sprintf("%d owners", n)
}

func (j *judgement) refcount(c *Code, start, end format.AGBlock, got, want string, o space.Owner) {
	p := AtBlock(j.g.no, start, uint32(end-start))
	if format.OwnerIsInode(o.ID) {
		p.Ino = format.Ino(o.ID)
	}
	j.w.report(Finding{Code: c, Structure: "refcountbt", Place: p, Got: got, Want: want})
}

// judgeStaging compares what refcountbt says is staged with CoW forks.
func (j *judgement) judgeStaging() {
	if !j.w.has(refcountbt) || j.noRefs {
		return
	}
	if !j.w.geo.HasCowForks() || !j.open {
		for _, r := range without(j.staged, j.forks) {
			j.w.report(Finding{Code: CowLeaked, Structure: "refcountbt", Place: AtBlock(j.g.no, r.start, uint32(r.end-r.start)), Got: "staged"})
		}
	}
	for _, r := range j.unstaged {
		j.w.report(Finding{Code: CowUnstaged, Structure: "refcountbt", Place: AtBlock(j.g.no, r.start, uint32(r.end-r.start)), Got: "not staged"})
	}
}

// without returns the blocks of a that are not in b.
func without(a, b runs) (out runs) {
	k := 0
	for _, r := range a {
		at := r.start
		for k < len(b) && b[k].end <= at {
			k++
		}
		for i := k; i < len(b) && b[i].start < r.end; i++ {
			if at < b[i].start {
				out = append(out, run{at, b[i].start})
			}
			at = max(at, b[i].end)
		}
		if at < r.end {
			out = append(out, run{at, r.end})
		}
	}
	return out
}

// pendingFlag judges whether the superblock is right about staged writes: it has two flags that say
// that there are some.
func (w *worker) pendingFlag() {
	if w.copied {
		return
	}
	pending := w.geo.ROCompat&format.ROPendingCow != 0
	say := func(c *Code, field, got, want string) {
		w.report(Finding{Code: c, Structure: "superblock", Field: field, Place: AtBlock(0, 0, 1), Got: got, Want: want})
	}
	if log := format.SBLogIncompat.Get(w.sb)&format.LogPendingCow != 0; log != pending {
		say(CowPendingHalf, "features_log_incompat", fmt.Sprintf("PENDING_COW: %v", log), fmt.Sprintf("%v, as in features_ro_compat", pending))
	}
	if !pending || w.anyLost() {
		return
	}
	for _, o := range w.workers {
		for i := range o.sums {
			if o.sums[i].forks > 0 {
				return
			}
		}
	}
	say(CowPendingFlag, "features_ro_compat", w.geo.ROCompat.String(), "")
}
