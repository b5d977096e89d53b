package repair

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/format"
)

// Action is one thing that a repair did, or would do.
type Action struct {
	What string // what was mended, e.g. "rebuild the free space trees"
	AG   format.AGNumber
	Ino  format.Ino // of the file that it is about, else format.NullIno
	Note string     // details: the field, a name, both values
}

// Loss is a part of a file that could not be saved, or a name.
type Loss struct {
	Ino    format.Ino
	Path   string // as far as it is known
	Offset int64  // bytes, -1 when it is not about a range
	Length int64
	Why    string
	name   string // in the directory Ino, when it is that which was lost
}

// Result tells what a repair has found and done.
type Result struct {
	Before *check.Report // nil when the image could not be checked as it was
	After  *check.Report
	// Rounds is how often the image was checked and mended.
	Rounds  int
	Actions []Action
	Losses  []Loss
	// Pages is the number of pages of 4096 bytes that changed, Undo the file to take that back.
	Pages int
	Undo  string

	mu sync.Mutex
}

// Mended reports whether anything was changed.
func (r *Result) Mended() bool { return r.Pages > 0 }

func (r *Result) act(a Action) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Actions = append(r.Actions, a)
}

// group notes what was done to a group, inode what was done to an inode.
func (r *Result) group(ag format.AGNumber, what, note string) {
	r.act(Action{What: what, AG: ag, Ino: format.NullIno, Note: note})
}

func (r *Result) inode(ino format.Ino, what, note string) {
	r.act(Action{What: what, AG: format.NullAGNumber, Ino: ino, Note: note})
}

// lost notes what a file has lost. Length 0 with offset -1 stands for the whole of it.
func (r *Result) lost(ino format.Ino, off, n int64, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Losses = append(r.Losses, Loss{Ino: ino, Offset: off, Length: n, Why: why})
}

// lostName notes that a directory has lost a name, and foundName that it has come back: with what it
// led to before it was damaged.
func (r *Result) lostName(dir format.Ino, name string, to format.Ino) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Losses = append(r.Losses, Loss{Ino: dir, Offset: -1, Why: fmt.Sprintf("the name %q, which led to inode %d", name, to), name: name})
}

func (r *Result) foundName(dir format.Ino, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Losses = slices.DeleteFunc(r.Losses, func(l Loss) bool { return l.Ino == dir && l.name == name })
}

// sort puts what goroutines have added in order.
func (r *Result) sort() {
	slices.SortStableFunc(r.Losses, func(a, b Loss) int {
		return cmp.Or(cmp.Compare(a.Ino, b.Ino), cmp.Compare(a.Offset, b.Offset))
	})
}
