package cow_test

import (
	"bytes"
	"testing"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/mkfs"
)

// A mapping that has changed between being looked up and being used is looked up again: what a
// buffered write keeps of a block comes from where the file has it then.
func TestStaleWrite(t *testing.T) {
	const bs = 4096
	old, other := noise(1, 10*bs), noise(2, bs)
	r := newRig(t, mkfs.Config{Size: 512 << 20}, old, nil)
	once := false
	r.eng.SetPause(func(where string) {
		if where != "write" || once {
			return
		}
		once = true
		_, err := r.f.WriteDirect(t.Context(), other, 3*bs)
		must(t, err)
	})
	_, err := r.f.Write([]byte("hello"), 3*bs+100)
	must(t, err)
	if s := r.eng.Stats(); s.Stale == 0 || !once {
		t.Errorf("nothing was stale: %+v", s)
	}
	want := bytes.Clone(old)
	copy(want[3*bs:], other)
	copy(want[3*bs+100:], "hello")
	r.wants(r.f, "f", want)
	r.close(want, old)
}

// The same for a direct write: between the lookup and the write the blocks have become another
// file's, which must not be written to.
func TestStaleDirect(t *testing.T) {
	const bs = 4096
	r := newStale(t)
	once := false
	r.eng.SetPause(func(where string) {
		if where == "direct" && !once {
			once = true
			r.swap()
		}
	})
	_, err := r.f.WriteDirect(t.Context(), r.theirs, 0)
	must(t, err)
	if s := r.eng.Stats(); s.Stale == 0 || !once {
		t.Errorf("nothing was stale: %+v", s)
	}
	f, g := append(bytes.Clone(r.theirs), r.old[4*bs:]...), append(bytes.Clone(r.mine), r.old[4*bs:]...)
	r.wants(r.f, "f", f)
	r.wants(r.g, "g", g)
	r.close(f, g)
}

// Without a second look the write of TestStaleDirect goes to the other file: the race is there, and
// nothing else than the cookie catches it.
func TestStaleDirectUnnoticed(t *testing.T) {
	r := newStale(t)
	r.eng.SetPause(func(where string) {
		if where == "direct" {
			r.f.Unnoticed(r.swap)
		}
	})
	_, err := r.f.WriteDirect(t.Context(), r.theirs, 0)
	must(t, err)
	if g := r.read(r.g)[:len(r.theirs)]; !bytes.Equal(g, r.theirs) {
		t.Error("the other file is not damaged, so that TestStaleDirect shows nothing")
	}
	if f := r.read(r.f)[:len(r.theirs)]; bytes.Equal(f, r.theirs) {
		t.Error("the file has what was written to it all the same")
	}
}

// stale is a rig where the first blocks of f are f's own.
type stale struct {
	*rig
	old, mine, theirs []byte // in both files before; in f's own blocks; to be written
	blocks            format.Mapping
}

func newStale(t *testing.T) *stale {
	const bs = 4096
	s := &stale{old: noise(1, 10*bs), mine: noise(2, 4*bs), theirs: noise(3, 4*bs)}
	s.rig = newRig(t, mkfs.Config{Size: 512 << 20}, s.old, nil)
	_, err := s.f.WriteDirect(t.Context(), s.mine, 0)
	must(t, err)
	s.blocks = s.extents(s.f)[0]
	return s
}

// swap exchanges the first four blocks of the two files.
func (s *stale) swap() {
	tx, err := s.store.Begin()
	must(s.t, err)
	e, err := inode.Edit(tx, s.groups, s.f.Ino)
	must(s.t, err)
	h, err := inode.Edit(tx, s.groups, s.g.Ino)
	must(s.t, err)
	whole, _, err := h.Fork(inode.Data).From(0)
	must(s.t, err)
	a, b := s.blocks.Part(0, 4), whole.Part(0, 4)
	must(s.t, e.Fork(inode.Data).Detach(a))
	must(s.t, h.Fork(inode.Data).Detach(b))
	must(s.t, e.Fork(inode.Data).Attach(b))
	must(s.t, h.Fork(inode.Data).Attach(a))
	must(s.t, tx.Commit())
	s.f.Changed()
	s.g.Changed()
}
