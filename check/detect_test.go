package check_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/cowfs/cowfs/internal/damage"
	"github.com/cowfs/cowfs/internal/oracle"
)

// TestDetection changes each field of each structure, and compares what we find with what
// xfs_repair -n finds: it must not find anything that we don't. With COWFS_SOAK=1 the values are
// many, else a sample of them.
func TestDetection(t *testing.T) {
	specimens := []*specimen{
		newSpecimen(t, "1k", damage.Rich(t, "-b", "size=1k")),
		newSpecimen(t, "4k-plain", damage.Rich(t, "-m", "rmapbt=0,reflink=0,finobt=0,bigtime=0,inobtcount=0", "-i", "sparse=0,nrext64=0,exchange=0", "-n", "parent=0")),
	}
	var cases []fieldCase
	rng := rand.New(rand.NewPCG(6, 6))
	for i, s := range specimens {
		sites, verbs := 2, 2
		if i > 0 {
			sites, verbs = 1, 1
		}
		cases = append(cases, fieldCases(t, s, rng, sites, verbs)...)
	}
	part := detectionPart(t)
	cases = slices.DeleteFunc(cases, func(c fieldCase) bool { return !part.has(c) })
	all := len(cases)
	rng.Shuffle(len(cases), func(i, j int) { cases[i], cases[j] = cases[j], cases[i] })
	if !oracle.Soaking() {
		cases = cases[:min(120, len(cases))]
	}
	eachFieldFirst(cases)
	t.Logf("%d of %d cases", len(cases), all)
	table := newTable()
	eachOf(t, "check", cases, func(t *testing.T, c fieldCase, copyOf *os.File) {
		table.add(t, c, c.in.check(t, c.in.damagedBy(c.writes())), repair(t, copyOf, c.writes()))
	})
	if part.dir == "" || !oracle.Soaking() {
		return
	}
	part.recall(t, table)
	for _, s := range specimens {
		if reads := kernelReads(t, newFile(t, t.TempDir(), s.mem).Name()); reads != kernelAll {
			t.Fatalf("the kernel reads of the sound image %s: %s", s.name, reads)
		}
	}
	eachOf(t, "kernel", cases, func(t *testing.T, c fieldCase, copyOf *os.File) {
		if table.unasked(c) {
			table.askKernel(t, c, copyOf)
		}
		table.askOdd(t, c, copyOf)
	})
	if part.no == 0 {
		for _, c := range damage.Compounds() {
			v, complaints := specimens[0].compound(t, c)
			table.Compounds = append(table.Compounds, compoundRow{c.Name, v.damaged(), len(complaints) > 0, v.codes()})
		}
	}
	part.keep(t, table)
}

// eachOf does something with each case, several side by side, that have copies of the images for
// themselves. It ends when there is no time for more.
func eachOf(t *testing.T, name string, cases []fieldCase, do func(t *testing.T, c fieldCase, copyOf *os.File)) {
	work := make(chan fieldCase, len(cases))
	for _, c := range cases {
		work <- c
	}
	close(work)
	end, limited := t.Deadline()
	t.Run(name, func(t *testing.T) {
		for i := range 4 {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				copies := map[*specimen]*os.File{}
				for c := range work {
					if limited && time.Until(end) < 60*time.Second {
						t.Logf("no time for %d cases", 1+len(work))
						return
					}
					if copies[c.in] == nil {
						copies[c.in] = newFile(t, t.TempDir(), c.in.mem)
					}
					do(t, c, copies[c.in])
				}
			})
		}
	})
}

// eachFieldFirst puts a value of each field before all second ones, and so on.
func eachFieldFirst(cases []fieldCase) {
	seen, nth := map[string]int{}, map[*byte]int{}
	for _, c := range cases {
		key := c.structure() + c.field.Name
		nth[&c.b[0]] = seen[key]
		seen[key]++
	}
	slices.SortStableFunc(cases, func(a, b fieldCase) int { return nth[&a.b[0]] - nth[&b.b[0]] })
}

// fieldCase is one value of one field of one structure.
type fieldCase struct {
	in    *specimen
	s     damage.Structure
	field damage.Field
	verb  damage.Verb
	b     []byte // the structure as it becomes
	old   []byte
}

func (c fieldCase) writes() []write { return []write{{c.s.Off, c.old, c.b}} }

func (c fieldCase) String() string {
	return fmt.Sprintf("%s: %s at %d: %s: %v%s", c.in.name, c.s.Kind, c.s.Off, c.field.Name, c.verb, c.diff())
}

// diff shows which bytes change, the checksum left out.
func (c fieldCase) diff() string {
	crc := int(c.s.Type.CRC)
	for i := range c.b {
		if c.b[i] != c.old[i] && (i < crc || i >= crc+4) {
			end := i
			for j := i; j < min(i+16, len(c.b)); j++ {
				if c.b[j] != c.old[j] {
					end = j + 1
				}
			}
			return fmt.Sprintf(" (byte %d: %x becomes %x)", i, c.old[i:end], c.b[i:end])
		}
	}
	return ""
}

// fieldCases chooses values: for each field of each kind of structure some of its places, and
// for each place some verbs.
func fieldCases(t testing.TB, s *specimen, rng *rand.Rand, sites, verbs int) []fieldCase {
	t.Helper()
	type site struct {
		s damage.Structure
		f damage.Field
	}
	byField := map[string][]site{}
	var order []string
	bufs := map[int64][]byte{}
	// Structures of which there are many are represented by some.
	seen := map[string]int{}
	structures := slices.Clone(s.Structures)
	rng.Shuffle(len(structures), func(i, j int) { structures[i], structures[j] = structures[j], structures[i] })
	for _, st := range structures {
		if seen[st.Kind]++; seen[st.Kind] > 12 {
			continue
		}
		b := make([]byte, st.Len)
		if _, err := s.mem.ReadAt(b, st.Off); err != nil {
			t.Fatal(err)
		}
		bufs[st.Off] = b
		for _, f := range damage.Fields(s.Geo, st.Type, b) {
			key := st.Kind + "\x00" + f.Name
			if byField[key] == nil {
				order = append(order, key)
			}
			byField[key] = append(byField[key], site{st, f})
		}
	}
	slices.Sort(order)
	var out []fieldCase
	for _, key := range order {
		for range sites {
			at := byField[key][rng.IntN(len(byField[key]))]
			made := 0
			for _, v := range rng.Perm(int(damage.Verbs)) {
				old := bufs[at.s.Off]
				b := bytes.Clone(old)
				if made < verbs && at.f.Change(at.s.Type, b, damage.Verb(v), rng) {
					out = append(out, fieldCase{s, at.s, at.f, damage.Verb(v), b, old})
					made++
				}
			}
		}
	}
	return out
}
