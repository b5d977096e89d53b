package check

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/space"
)

// TestJoinWatch compares the watch with looking at all pairs.
func TestJoinWatch(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	found := 0
	for range 300 {
		var l []space.Rmap
		for range 40 {
			start := rng.Uint32N(60)
			l = append(l, space.Rmap{
				Start: format.AGBlock(start), Count: 1 + rng.Uint32N(9),
				Owner: space.ForkOwner(format.Ino(rng.Uint32N(5)), false, format.FileOff(start+100*rng.Uint32N(2)), false),
			})
		}
		byBlock(l)
		l = slices.CompactFunc(l, func(a, b space.Rmap) bool { return a.Start == b.Start && a.Owner == b.Owner })
		keys := newKeys()
		j := joinWatch{keys: &keys}
		for i, r := range l {
			want := slices.ContainsFunc(l[:i], func(p space.Rmap) bool { return p.Joins(r) })
			if got := j.see(r); got != want {
				t.Fatalf("record %d of %v: continues: %v, want %v", i, l[:i+1], got, want)
			}
			if want {
				found++
			}
		}
	}
	if found < 100 {
		t.Errorf("only %d records that continue others", found)
	}
}

// TestSums makes sure that sums come to zero for what is the same, and for nothing else.
func TestSums(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	keys := newKeys()
	for range 1000 {
		whole := space.Rmap{
			Start: format.AGBlock(rng.Uint32N(1000)), Count: 2 + rng.Uint32N(100),
			Owner: space.ForkOwner(format.Ino(rng.Uint32N(3)), rng.IntN(2) == 0, format.FileOff(rng.Uint64N(2000)), false),
		}
		cut := whole.Start + format.AGBlock(1+rng.Uint32N(whole.Count-1))
		var pieces sum
		pieces.addOwner(&keys, whole, 1)
		pieces.addOwner(&keys, part(whole, cut, whole.End()), minus1)
		pieces.addOwner(&keys, part(whole, whole.Start, cut), minus1)
		if !pieces.zero() {
			t.Fatalf("%+v is not the sum of its parts at %d", whole, cut)
		}
		for _, other := range []space.Rmap{
			{Start: whole.Start + 1, Count: whole.Count, Owner: whole.At(1)},
			{Start: whole.Start, Count: whole.Count - 1, Owner: whole.Owner},
			{Start: whole.Start, Count: whole.Count, Owner: whole.At(1)},
			{Start: whole.Start, Count: whole.Count, Owner: space.Owner{ID: whole.ID + 1, Offset: whole.Offset}},
			{Start: whole.Start, Count: whole.Count, Owner: space.Owner{ID: whole.ID, Offset: whole.Offset ^ format.RmapAttrFork}},
		} {
			var s sum
			s.addOwner(&keys, whole, 1)
			s.addOwner(&keys, other, minus1)
			if s.zero() {
				t.Errorf("%+v and %+v give the same sum", whole, other)
			}
		}
	}
}

// TestTouches compares the search with looking at all runs.
func TestTouches(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		var l runs
		for range rng.IntN(20) {
			start := format.AGBlock(rng.Uint32N(200))
			l = append(l, run{start, start + 1 + format.AGBlock(rng.Uint32N(6))})
		}
		l = joined(l)
		hint := rng.IntN(25)
		for range 50 {
			start := format.AGBlock(rng.Uint32N(210))
			end := start + 1 + format.AGBlock(rng.Uint32N(5))
			want := slices.ContainsFunc(l, func(r run) bool { return r.start < end && start < r.end })
			if got := l.touchesNear(start, end, &hint); got != want {
				t.Fatalf("%v touches %d to %d: %v, want %v", l, start, end, got, want)
			}
		}
	}
}
