package refcount

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cowfs/cowfs/format"
)

// normal makes the records of a domain from the number of owners of each block.
func normal(refs []uint32, least uint32) (l list) {
	for b, n := range refs {
		l.add(format.AGBlock(b), format.AGBlock(b+1), n, least)
	}
	return l
}

// near returns the records that touch the blocks from start up to end or their neighbours, where
// they begin in the list, and how many they are.
func near(l list, start, end format.AGBlock) (at int, part []Record) {
	for i, r := range l {
		if r.End() >= start && r.Start <= end {
			if part == nil {
				at = i
			}
			part = append(part, r)
		} else if r.End() < start {
			at = i + 1
		}
	}
	return at, part
}

// TestAdjust changes random ranges and compares with the numbers block by block.
func TestAdjust(t *testing.T) {
	const seed, size = 5, 60
	rng := rand.New(rand.NewPCG(seed, seed))
	t.Logf("seed %d", seed)
	refs := make([]uint32, size)
	records := list{}
	start := func() {
		for b := range refs {
			refs[b] = 1
		}
		records = nil
	}
	start()
	for i := range 50_000 {
		if i%500 == 0 {
			start()
			if rng.IntN(2) == 0 {
				for b := 20; b < 40; b++ {
					refs[b] = math.MaxUint32 - rng.Uint32N(3)
				}
				records = normal(refs, 2)
			}
		}
		lo := format.AGBlock(1 + rng.IntN(size-2))
		hi := lo + 1 + format.AGBlock(rng.IntN(size-1-int(lo)))
		delta := 1 - 2*rng.IntN(2)
		at, old := near(records, lo, hi)
		now, gone := adjust(old, lo, hi, delta)
		wantGone := list{}
		for b := lo; b < hi; b++ {
			if refs[b] == math.MaxUint32 {
				continue
			}
			refs[b] += uint32(delta)
			if refs[b] == 0 {
				wantGone.add(b, b+1, 0, 0)
				refs[b] = 1 // somebody takes it again
			}
		}
		records = slices.Replace(records, at, at+len(old), now...)
		if want := normal(refs, 2); !slices.Equal(records, want) {
			t.Fatalf("step %d: %d to %d by %d: got %v, want %v", i, lo, hi, delta, records, want)
		}
		if !slices.Equal(gone, wantGone) {
			t.Fatalf("step %d: %d to %d: %v are gone, want %v", i, lo, hi, gone, wantGone)
		}
	}
}

// TestStage does the same for the other domain.
func TestStage(t *testing.T) {
	const seed, size = 6, 40
	rng := rand.New(rand.NewPCG(seed, seed))
	t.Logf("seed %d", seed)
	refs := make([]uint32, size)
	records := list{}
	for i := range 50_000 {
		lo := format.AGBlock(1 + rng.IntN(size-2))
		hi := lo + 1 + format.AGBlock(rng.IntN(min(6, size-1-int(lo))))
		change, to := stage, uint32(1)
		if rng.IntN(2) == 0 {
			change, to = unstage, 0
		}
		at, old := near(records, lo, hi)
		now, ok := change(old, lo, hi)
		want := true
		for b := lo; b < hi; b++ {
			want = want && refs[b] != to
		}
		if ok != want {
			t.Fatalf("step %d: %d to %d to %d: got %v, want %v", i, lo, hi, to, ok, want)
		}
		if !ok {
			continue
		}
		for b := lo; b < hi; b++ {
			refs[b] = to
		}
		records = slices.Replace(records, at, at+len(old), now...)
		if want := normal(refs, 1); !slices.Equal(records, want) {
			t.Fatalf("step %d: got %v, want %v", i, records, want)
		}
	}
}

func TestRecordBytes(t *testing.T) {
	b := make([]byte, format.RefcountRec.Size)
	for _, cow := range []bool{false, true} {
		want := Record{0x18, 10, 2}
		want.Put(b, cow)
		got, gotCow := Unpack(b)
		if got != want || gotCow != cow {
			t.Errorf("got %v, %v", got, gotCow)
		}
		if start := format.RefcStart.Get(b); cow && start != 0x80000018 || !cow && start != 0x18 {
			t.Errorf("start is %#x", start)
		}
	}
}
