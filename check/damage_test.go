package check_test

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/damage"
	"github.com/cowfs/cowfs/internal/oracle"
)

var (
	damageImages = flag.String("images", "1-100000", "of TestRandomDamage with COWFS_SOAK=1, the images FROM-TO")
	damageAsk    = flag.Int64("ask", 25, "of so many images of TestRandomDamage, one is shown to xfs_repair")
)

// TestRandomDamage changes bytes at random, most of them in metadata. The check has to end, and
// to find what xfs_repair finds; that is asked of some of the images.
func TestRandomDamage(t *testing.T) {
	from, to := int64(1), int64(1000)
	var s *specimen
	if oracle.Soaking() {
		if _, err := fmt.Sscanf(*damageImages, "%d-%d", &from, &to); err != nil {
			t.Fatalf("-images %s: %v", *damageImages, err)
		}
		s = newSpecimen(t, "rich", damage.Rich(t, "-b", "size=1k"))
	} else {
		s = newSpecimen(t, "small", seedImage(t, "rmapbt=1,reflink=1"))
	}
	var next, found, asked atomic.Int64
	next.Store(from - 1)
	alone := onlyOurs{}
	t.Run("group", func(t *testing.T) {
		for worker := range 2 {
			t.Run(fmt.Sprint(worker), func(t *testing.T) {
				t.Parallel()
				f := newFile(t, t.TempDir(), s.mem)
				for i := next.Add(1); i <= to && !t.Failed(); i = next.Add(1) {
					rng := rand.New(rand.NewPCG(uint64(i), 4))
					writes := s.randomWrites(t, rng)
					v := s.check(t, s.damagedBy(writes))
					if v.damaged() {
						found.Add(1)
					}
					if i%*damageAsk == 0 {
						asked.Add(1)
						s.compare(t, f, int(i), writes, v, &alone)
					}
				}
			})
		}
	})
	n := to - from + 1
	t.Logf("%d images, %d found damaged, %d shown to xfs_repair; found by us only: %v", n, found.Load(), asked.Load(), alone.codes)
	if found.Load() < n/2 {
		t.Errorf("of %d damaged images only %d were found so", n, found.Load())
	}
}

// onlyOurs counts images of which only we find that they are damaged, by what we say of them.
type onlyOurs struct {
	mu    sync.Mutex
	codes map[string]int
}

func (o *onlyOurs) add(v verdict) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.codes == nil {
		o.codes = map[string]int{}
	}
	o.codes[strings.Join(v.codes(), " ")]++
}

// compare fails the test if xfs_repair finds damage where we have not.
func (s *specimen) compare(t testing.TB, f *os.File, i int, writes []write, v verdict, alone *onlyOurs) {
	t.Helper()
	complaints := repair(t, f, writes)
	if len(complaints) == 0 && v.damaged() {
		alone.add(v)
	}
	if len(complaints) == 0 || v.damaged() {
		return
	}
	var places []string
	for _, w := range writes {
		places = append(places, fmt.Sprintf("%d bytes at %d: %x becomes %x", len(w.new), w.off, w.old[:min(16, len(w.old))], w.new[:min(16, len(w.new))]))
	}
	t.Errorf("image %d: missed: %s\n\txfs_repair: %s", i, strings.Join(places, "; "), strings.Join(complaints[:min(len(complaints), 3)], "\n\t\t"))
}

// randomWrites is some damage: in each of a few places, one to many bytes become others. Half of
// the checksums are put right, so that what is behind them is looked at.
func (s *specimen) randomWrites(t testing.TB, rng *rand.Rand) []write {
	t.Helper()
	var out []write
	for range 1 + rng.IntN(3) {
		st := s.Structures[rng.IntN(len(s.Structures))]
		if rng.IntN(4) == 0 { // headers and roots are few, and matter most
			st = s.Structures[rng.IntN(min(40, len(s.Structures)))]
		}
		old := make([]byte, st.Len)
		if _, err := s.mem.ReadAt(old, st.Off); err != nil {
			t.Fatal(err)
		}
		b := bytes.Clone(old)
		switch rng.IntN(4) {
		case 0: // a run of noise
			at := rng.IntN(st.Len)
			for i := range b[at:min(at+1+rng.IntN(64), st.Len)] {
				b[at+i] = byte(rng.Uint32())
			}
		case 1: // what another structure holds
			other := s.Structures[rng.IntN(len(s.Structures))]
			from := make([]byte, other.Len)
			if _, err := s.mem.ReadAt(from, other.Off); err != nil {
				t.Fatal(err)
			}
			copy(b, from)
		case 2: // nothing
			clear(b[rng.IntN(st.Len):])
		default:
			for range 1 + rng.IntN(3) {
				b[rng.IntN(st.Len)] ^= 1 << rng.IntN(8)
			}
		}
		if t := format.Detect(s.Geo, b); t != nil && rng.IntN(2) == 0 {
			if n := t.Len(s.Geo, b); n <= len(b) && n >= t.Table.Size {
				t.SetChecksum(b[:n])
			}
		}
		out = append(out, write{st.Off, old, b})
	}
	return out
}
