package space

import (
	"math/rand/v2"
	"testing"

	"github.com/cowfs/cowfs/format"
)

// TestFit compares with trying every place there is.
func TestFit(t *testing.T) {
	const seed = 3
	rng := rand.New(rand.NewPCG(seed, seed))
	t.Logf("seed %d", seed)
	for range 20_000 {
		free := run{format.AGBlock(1 + rng.Uint32N(40)), 1 + rng.Uint32N(40)}
		w := want{min: 1 + rng.Uint32N(6), align: 1 + rng.Uint32N(8), lo: format.AGBlock(rng.Uint32N(30)), hi: format.AGBlock(40 + rng.Uint32N(60)), near: format.NullAGBlock}
		w.max = w.min + rng.Uint32N(10)
		if rng.IntN(2) == 0 {
			w.near = format.AGBlock(rng.Uint32N(90))
		}
		busy := map[format.AGBlock]bool{}
		if rng.IntN(2) == 0 {
			for range rng.IntN(10) {
				busy[format.AGBlock(rng.Uint32N(90))] = true
			}
		}
		isBusy := func(r run) bool {
			for b := r.start; b < r.end(); b++ {
				if busy[b] {
					return true
				}
			}
			return false
		}
		w.busy = isBusy
		longest, closest, blocked := uint32(0), uint32(1<<31), false
		for n := w.min; n <= w.max; n++ {
			for b := max(free.start, w.lo); b+format.AGBlock(n) <= min(free.end(), w.hi); b++ {
				r := run{b, n}
				if uint32(b)%w.align != 0 {
					continue
				}
				if isBusy(r) {
					blocked = true
					continue
				}
				if n > longest {
					longest, closest = n, 1<<31
				}
				closest = min(closest, distance(r, w.near))
			}
		}
		got := w.fit(free)
		if got.count != longest {
			t.Fatalf("%+v in %v, busy %v: got %v, want %d blocks", w, free, busy, got, longest)
		}
		if got.count == 0 {
			if blocked && !w.found {
				t.Fatalf("%+v in %v, busy %v: not said to be busy", w, free, busy)
			}
			continue
		}
		if isBusy(got) || uint32(got.start)%w.align != 0 || got.start < max(free.start, w.lo) || got.end() > min(free.end(), w.hi) {
			t.Fatalf("%+v in %v, busy %v: got %v", w, free, busy, got)
		}
		// Where something is busy, the first stretch that is long enough will do. A place behind
		// near is better than one around it, so alignment may cost some distance.
		if w.near != format.NullAGBlock && len(busy) == 0 {
			if d := distance(got, w.near); d >= closest+w.align {
				t.Fatalf("%+v in %v: got %v, %d off; %d is possible", w, free, got, d, closest)
			}
		}
	}
}

// A long stretch with busy blocks everywhere must not take long.
func TestFitAsksLittle(t *testing.T) {
	asked := 0
	w := want{min: 8, max: 8, align: 1, hi: 1 << 30, near: format.NullAGBlock, busy: func(run) bool { asked++; return true }}
	if got := w.fit(run{1, 1 << 29}); got.count != 0 || !w.found {
		t.Errorf("got %v", got)
	}
	if asked > maxAsked {
		t.Errorf("asked %d times", asked)
	}
}

func TestJoins(t *testing.T) {
	data, attr := ForkOwner(7, false, 100, false), ForkOwner(7, true, 100, false)
	for _, tt := range []struct {
		name string
		a, b Rmap
		want bool
	}{
		{"file goes on", Rmap{10, 5, data}, Rmap{15, 1, ForkOwner(7, false, 105, false)}, true},
		{"gap in the blocks", Rmap{10, 5, data}, Rmap{16, 1, ForkOwner(7, false, 105, false)}, false},
		{"gap in the file", Rmap{10, 5, data}, Rmap{15, 1, ForkOwner(7, false, 106, false)}, false},
		{"unwritten", Rmap{10, 5, data}, Rmap{15, 1, ForkOwner(7, false, 105, true)}, false},
		{"both unwritten", Rmap{10, 5, ForkOwner(7, false, 100, true)}, Rmap{15, 1, ForkOwner(7, false, 105, true)}, true},
		{"other fork", Rmap{10, 5, data}, Rmap{15, 1, ForkOwner(7, true, 105, false)}, false},
		{"attribute fork", Rmap{10, 5, attr}, Rmap{15, 1, ForkOwner(7, true, 105, false)}, true},
		{"other inode", Rmap{10, 5, data}, Rmap{15, 1, ForkOwner(8, false, 105, false)}, false},
		{"tree of a fork", Rmap{10, 5, BmbtOwner(7, false)}, Rmap{15, 1, BmbtOwner(7, false)}, true},
		{"trees of two forks", Rmap{10, 5, BmbtOwner(7, false)}, Rmap{15, 1, BmbtOwner(7, true)}, false},
		{"no inode", Rmap{10, 5, Owner{ID: format.OwnAG}}, Rmap{15, 1, Owner{ID: format.OwnAG}}, true},
	} {
		if got := tt.a.Joins(tt.b); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestRmapBytes(t *testing.T) {
	b := make([]byte, format.RmapRec.Size)
	for _, r := range []Rmap{
		{5, 7, ForkOwner(131, false, 1<<53, true)}, {1, 1, ForkOwner(131, true, 3, false)}, {1 << 20, 1 << 21, BmbtOwner(1<<40, true)}, {9, 4, Owner{ID: format.OwnCow}},
	} {
		r.Put(b)
		if got := UnpackRmap(b); got != r {
			t.Errorf("got %+v, want %+v", got, r)
		}
	}
}

// TestMinFreelist checks the lengths against those that mkfs.xfs and the kernel keep.
func TestMinFreelist(t *testing.T) {
	for _, tt := range []struct {
		h              heights
		bno, cnt, rmap int
		want           uint32
	}{
		{heights{5, 9}, 1, 1, 1, 6},
		{heights{5, 0}, 1, 1, 0, 4},
		{heights{1, 5}, 1, 1, 1, 2},
		{heights{5, 9}, 2, 2, 3, 4 + 4 + 6},
		{heights{2, 3}, 2, 2, 3, 2 + 2 + 4},
	} {
		if got := tt.h.minFreelist(tt.bno, tt.cnt, tt.rmap); got != tt.want {
			t.Errorf("%+v with %d, %d, %d levels: got %d, want %d", tt.h, tt.bno, tt.cnt, tt.rmap, got, tt.want)
		}
	}
}
