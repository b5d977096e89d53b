package cow_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/cowfs/cowfs/cow"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/txn"
)

// inTx runs f in a transaction, which is cancelled when it fails.
func (r *rig) inTx(f func(tx *txn.Tx) error) error {
	tx, err := r.store.Begin()
	must(r.t, err)
	if err := f(tx); err != nil {
		tx.Cancel()
		return err
	}
	return tx.Commit()
}

// clone tries to clone the first block of one file to the end of another.
func (r *rig) clone(src, dst *cow.File) error {
	return r.inTx(func(tx *txn.Tx) error {
		a, err := inode.Edit(tx, r.groups, src.Ino)
		must(r.t, err)
		b, err := inode.Edit(tx, r.groups, dst.Ino)
		must(r.t, err)
		s := &cow.Sharer{Tx: tx, Groups: r.groups, Counts: r.counts}
		return s.Clone(a, b, &cow.Range{Src: 0, Dst: 1000, Count: 1})
	})
}

// Files in the realtime section can't be written to, staged, or share blocks.
func TestRefusesRealtime(t *testing.T) {
	r := newRig(t, mkfs.Config{Size: 512 << 20}, noise(1, 40960), nil)
	must(t, r.inTx(func(tx *txn.Tx) error {
		e, err := inode.Edit(tx, r.groups, r.f.Ino)
		must(t, err)
		b := e.Modify()
		format.DiFlags.Put(b, format.DiFlags.Get(b)|format.FlagRealtime)
		return nil
	}))
	r.eng.Forget(r.f.Ino)
	_, open := r.eng.Open(r.f.Ino)
	for what, err := range map[string]error{
		"open":       open,
		"clone of":   r.clone(r.f, r.g),
		"clone onto": r.clone(r.g, r.f),
		"CoW fork": r.inTx(func(tx *txn.Tx) error {
			e, err := inode.Edit(tx, r.groups, r.f.Ino)
			must(t, err)
			_, err = r.eng.Forks().Open(tx, e)
			return err
		}),
	} {
		if !errors.Is(err, format.ErrUnsupported) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A volume without reflink has no CoW forks; writes to it go on as ever.
func TestRefusesWithoutReflink(t *testing.T) {
	old := noise(1, 40960)
	r := newRig(t, mkfs.Config{Size: 512 << 20, Reflink: mkfs.Off}, old, nil)
	_, stage := r.f.Stage(t.Context(), old, 0)
	for what, err := range map[string]error{"stage": stage, "reserve": r.f.Reserve(0, 4096), "clone": r.clone(r.f, r.g)} {
		if !errors.Is(err, format.ErrUnsupported) {
			t.Errorf("%s: %v", what, err)
		}
	}
	want := append(noise(2, 4096), old[4096:]...)
	_, err := r.f.Write(want[:4096], 0)
	must(t, err)
	r.close(want, nil)
}

// Files of different volumes don't share blocks.
func TestRefusesOtherVolume(t *testing.T) {
	old := noise(1, 40960)
	r, other := newRig(t, mkfs.Config{Size: 512 << 20}, old, nil), newRig(t, mkfs.Config{Size: 512 << 20}, old, nil)
	tx, err := r.store.Begin()
	must(t, err)
	theirs, err := other.store.Begin()
	must(t, err)
	a, err := inode.Edit(theirs, other.groups, other.f.Ino)
	must(t, err)
	b, err := inode.Edit(tx, r.groups, r.g.Ino)
	must(t, err)
	s := &cow.Sharer{Tx: tx, Groups: r.groups, Counts: r.counts}
	if err := s.Clone(a, b, &cow.Range{Dst: 1000, Count: 1}); !errors.Is(err, cow.ErrRange) {
		t.Errorf("a clone between volumes: %v", err)
	}
	if err := s.Clone(b, a, &cow.Range{Dst: 1000, Count: 1}); !errors.Is(err, cow.ErrRange) {
		t.Errorf("a clone to another volume: %v", err)
	}
	tx.Cancel()
	theirs.Cancel()
	r.wants(r.g, "g", old)
	must(t, r.store.Close())
	must(t, other.store.Close())
}

// With no free block left at all: what is staged can be written out and dropped, and is not lost
// when it can't be made part of the file.
func TestNoSpaceAtStages(t *testing.T) {
	const bs = 4096
	old, p := noise(1, 400*bs), noise(2, 100*bs)
	r := newRig(t, mkfs.Config{Size: 512 << 20}, old, nil)
	must(t, r.f.Reserve(10*bs, 100*bs))
	must(t, r.f.Allocate(10*bs, 100*bs))
	_, err := r.f.Write(p, 10*bs)
	must(t, err)
	giveBack := r.hoard(0)
	must(t, r.f.WriteOut(t.Context(), 10*bs, 100*bs))
	want := bytes.Clone(old)
	switch err := r.f.Remap(10*bs, 50*bs); {
	case err == nil:
		copy(want[10*bs:60*bs], p)
	case !errors.Is(err, space.ErrNoSpace):
		t.Errorf("remap: %v", err)
	}
	r.wants(r.f, "f", want)
	staged := make([]byte, len(p))
	_, err = r.f.ReadAt(staged, 10*bs, true)
	must(t, err)
	if !bytes.Equal(staged, p) {
		t.Error("what is staged is another")
	}
	must(t, r.f.Cancel(80*bs, 30*bs))
	for what, write := range map[string]func() (int, error){
		"direct": func() (int, error) { return r.f.WriteDirect(t.Context(), p, 200*bs) },
		"dax":    func() (int, error) { return r.f.WriteDAX(t.Context(), p, 200*bs) },
		"stage":  func() (int, error) { return r.f.Stage(t.Context(), p, 200*bs) },
	} {
		if n, err := write(); !errors.Is(err, space.ErrNoSpace) {
			t.Errorf("%s: %d bytes, %v", what, n, err)
		}
		r.wants(r.f, what, want)
	}
	giveBack()
	must(t, r.f.Remap(0, int64(len(old))))
	copy(want[10*bs:80*bs], p)
	r.wants(r.f, "f in the end", want)
	r.close(want, old)
}
