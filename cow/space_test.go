package cow_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/cowfs/cowfs/cow"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/space"
)

// hoard takes blocks until no more than left can be promised, and returns what gives them back.
func (r *rig) hoard(left uint64) (giveBack func()) {
	r.t.Helper()
	must(r.t, r.store.Sync())
	var taken []space.Extent
	tx, err := r.store.Begin()
	must(r.t, err)
	for ag := 0; ; {
		n, err := r.groups.Available(tx)
		must(r.t, err)
		if n <= left {
			break
		}
		near := tx.Geo.FSB(format.AGNumber(ag), 0)
		x, err := r.groups.Alloc(tx, space.Request{Min: 1, Max: uint32(min(n-left, 10_000)), Near: near, Only: true, Owner: space.Owner{ID: format.OwnUnknown}})
		if errors.Is(err, space.ErrNoSpace) {
			ag++
			if ag == int(tx.Geo.AGCount) {
				break
			}
			continue
		}
		must(r.t, err)
		taken = append(taken, x)
	}
	must(r.t, tx.Commit())
	return func() {
		tx, err := r.store.Begin()
		must(r.t, err)
		for _, x := range taken {
			must(r.t, r.groups.Free(tx, x, space.Owner{ID: format.OwnUnknown}, true))
		}
		must(r.t, tx.Commit())
		must(r.t, r.store.Sync())
	}
}

// drain takes what hoard leaves to those who don't ask what can be promised.
func (r *rig) drain() (giveBack func()) {
	r.t.Helper()
	unknown := space.Owner{ID: format.OwnUnknown}
	var taken []space.Extent
	tx, err := r.store.Begin()
	must(r.t, err)
	for {
		x, err := r.groups.Alloc(tx, space.Request{Min: 1, Max: 4096, Owner: unknown})
		if err != nil {
			break
		}
		taken = append(taken, x)
	}
	must(r.t, tx.Commit())
	return func() {
		tx, err := r.store.Begin()
		must(r.t, err)
		for _, x := range taken {
			must(r.t, r.groups.Free(tx, x, unknown, true))
		}
		must(r.t, tx.Commit())
	}
}

// A write that there is no space for fails as a whole, whichever way it takes, and leaves files
// and counters as they were.
func TestNoSpace(t *testing.T) {
	const bs = 4096
	old := noise(1, 400*bs)
	r := newRig(t, mkfs.Config{Size: 512 << 20}, old, nil)
	giveBack := r.hoard(100)
	free := r.free()
	p := noise(2, 200*bs)
	for name, write := range map[string]func() (int, error){
		"buffered":  func() (int, error) { return r.f.Write(p, 10*bs) },
		"unaligned": func() (int, error) { return r.f.Write(p[5:], 10*bs+5) },
		"direct":    func() (int, error) { return r.f.WriteDirect(t.Context(), p, 10*bs) },
		"dax":       func() (int, error) { return r.f.WriteDAX(t.Context(), p, 10*bs) },
		"appended":  func() (int, error) { return r.f.WriteDirect(t.Context(), p, 1000*bs) },
		"hole":      func() (int, error) { return r.f.Write(p, 1000*bs) },
		"stage":     func() (int, error) { return r.f.Stage(t.Context(), p, 10*bs) },
		"reserve":   func() (int, error) { return 0, r.f.Reserve(10*bs, 200*bs) },
	} {
		n, err := write()
		if n != 0 || !errors.Is(err, space.ErrNoSpace) {
			t.Errorf("%s: %d bytes written, %v", name, n, err)
		}
		if s := r.eng.Stats(); s.Promised != 0 || s.Dirty != 0 {
			t.Errorf("%s: %+v", name, s)
		}
		if now := r.free(); now != free {
			t.Errorf("%s: %d blocks are free, want %d", name, now, free)
		}
		r.wants(r.f, name, old)
	}
	// What there is space for is written, and with so little of it at once.
	_, err := r.f.Write(p[:50*bs], 10*bs)
	must(t, err)
	if s := r.eng.Stats(); s.Dirty != 0 || s.Allocs == 0 {
		t.Errorf("with little space: %+v, want it written back", s)
	}
	giveBack()
	want := bytes.Clone(old)
	copy(want[10*bs:], p[:50*bs])
	r.close(want, old)
}

// When what was promised is gone all the same, what can't be written back stays dirty and reserved
// until it can.
func TestNoSpaceAtWriteback(t *testing.T) {
	const bs = 4096
	old := noise(1, 400*bs)
	r := newRig(t, mkfs.Config{Size: 512 << 20}, old, nil)
	p := noise(2, 200*bs)
	_, err := r.f.Write(p, 10*bs)
	must(t, err)
	promised := r.eng.Stats().Promised
	giveBack := r.hoard(0)
	giveRest := r.drain() // and of what is not for everybody
	var we *cow.WriteError
	if err := r.eng.Writeback(t.Context()); !errors.Is(err, space.ErrNoSpace) || !errors.As(err, &we) {
		t.Errorf("error %v", err)
	}
	if s := r.eng.Stats(); s.Promised != promised || s.Dirty != 200*bs {
		t.Errorf("%+v, want all %d blocks promised and all pages dirty", s, promised)
	}
	want := bytes.Clone(old)
	copy(want[10*bs:], p)
	r.wants(r.f, "f", want)
	giveRest()
	giveBack()
	must(t, r.store.Sync())
	must(t, r.eng.Writeback(t.Context()))
	r.close(want, old)
}

// With a hint, writes to a part of an extent reserve all of it; one write beside them goes out along
// with them, though its own block is not shared. What nobody writes to is given up.
func TestCowExtSize(t *testing.T) {
	const bs = 4096
	old := noise(1, 64*bs)
	r := newRig(t, mkfs.Config{Size: 512 << 20}, old, nil)
	must(t, r.hint(16))
	own := noise(2, 2*bs)
	_, err := r.f.WriteDirect(t.Context(), own, 20*bs) // these are f's own now
	must(t, err)
	must(t, r.f.Trim())
	_, err = r.f.Write(noise(3, bs), 17*bs)
	must(t, err)
	if x := r.f.Extents(); len(x) != 1 || x[0].Off != 16 || x[0].End != 32 {
		t.Errorf("reserved: %v, want blocks 16 to 32", x)
	}
	_, err = r.f.Write(noise(4, bs), 20*bs)
	must(t, err)
	before := r.eng.Stats()
	must(t, r.eng.Writeback(t.Context()))
	s := r.eng.Stats()
	if s.Allocs-before.Allocs != 1 || s.Remaps-before.Remaps != 2 {
		t.Errorf("%d allocations and %d remaps, want 1 and 2", s.Allocs-before.Allocs, s.Remaps-before.Remaps)
	}
	start := map[format.FileOff]format.FSBlock{}
	for _, m := range r.extents(r.f) {
		for i := range format.FileOff(m.Count) {
			start[m.Off+i] = m.Start + format.FSBlock(i)
		}
	}
	if start[20] != start[17]+3 {
		t.Errorf("blocks 17 and 20 lie at %d and %d, want them in one extent", start[17], start[20])
	}
	want := bytes.Clone(old)
	copy(want[20*bs:], own)
	copy(want[17*bs:], noise(3, bs))
	copy(want[20*bs:], noise(4, bs))
	r.wants(r.f, "f", want)
	r.close(want, old)
}

// A direct write for which there is just enough space is made, and one that would take what others
// were promised is not.
func TestDirectKeepsPromises(t *testing.T) {
	const bs = 4096
	old := noise(1, 400*bs)
	r := newRig(t, mkfs.Config{Size: 512 << 20}, old, nil)
	giveBack := r.hoard(2000)
	r.eng.Budget = 1 << 30
	tx, err := r.store.Begin()
	must(t, err)
	n, err := r.groups.Available(tx)
	must(t, err)
	tx.Cancel()
	p := noise(2, int(n)*bs)
	if _, err := r.f.WriteDirect(t.Context(), p[:(n-50)*bs], 1000*bs); err != nil {
		t.Errorf("with %d blocks left: %v", n, err)
	}
	_, err = r.g.Write(p[:20*bs], 0)
	must(t, err)
	done, err := r.f.WriteDirect(t.Context(), p[:60*bs], 0)
	if done == 60*bs || !errors.Is(err, space.ErrNoSpace) {
		t.Errorf("more than there is: %d bytes written, %v", done, err)
	}
	must(t, r.eng.Writeback(t.Context()))
	giveBack()
	f := append(append(bytes.Clone(old), make([]byte, 600*bs)...), p[:(n-50)*bs]...)
	copy(f, p[:done])
	r.wants(r.f, "f", f)
	r.close(f, append(bytes.Clone(p[:20*bs]), old[20*bs:]...))
}

// Where free space is in pieces each extent takes one call of the allocator, and all is written.
func TestFragmentedSpace(t *testing.T) {
	const bs, piece, blocks = 4096, 8, 4000
	old := noise(1, 400*bs)
	r := newRig(t, mkfs.Config{Size: 512 << 20}, old, nil)
	unknown := space.Owner{ID: format.OwnUnknown}
	tx, err := r.store.Begin()
	must(t, err)
	x, err := r.groups.Alloc(tx, space.Request{Min: 30_000, Max: 30_000, Owner: unknown})
	must(t, err)
	must(t, tx.Commit())
	giveBack := r.hoard(0)
	giveRest := r.drain()
	free := func(first uint32) { // every other piece from there on
		tx, err := r.store.Begin()
		must(t, err)
		for at := first; at < x.Count; at += 2 * piece {
			must(t, r.groups.Free(tx, space.Extent{Start: x.Start + format.FSBlock(at), Count: piece}, unknown, true))
		}
		must(t, tx.Commit())
	}
	free(0)
	must(t, r.store.Sync())
	before := r.eng.Stats()
	p := noise(2, blocks*bs)
	_, err = r.f.Write(p, 10*bs)
	must(t, err)
	must(t, r.eng.Writeback(t.Context()))
	extents := uint64(0)
	for _, m := range r.extents(r.f) {
		if m.Off >= 10 && m.Off < 10+blocks {
			extents++
		}
	}
	s := r.eng.Stats()
	// Shared blocks and the hole behind them are asked for apart, and may end up in one extent.
	if calls := s.Allocs - before.Allocs; calls < extents || calls > extents+1 || extents < blocks/piece/4 || s.Promised != 0 {
		t.Errorf("%d calls for %d extents, %+v", calls, extents, s)
	}
	free(piece)
	giveRest()
	giveBack()
	want := append(bytes.Clone(old[:10*bs]), p...)
	r.wants(r.f, "f", want)
	r.close(want, old)
}
