package check_test

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cowfs/cowfs/internal/damage"
)

var writeTable = flag.Bool("detection", false, "write docs/detection.md from a full run of TestDetection")

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
	table := newTable()
	for _, c := range cases { // in this order, whoever comes first
		table.row(c)
	}
	all := len(cases)
	rng.Shuffle(len(cases), func(i, j int) { cases[i], cases[j] = cases[j], cases[i] })
	if !soak() {
		cases = cases[:250]
	}
	t.Logf("%d of %d cases", len(cases), all)
	work := make(chan fieldCase, len(cases))
	for _, c := range cases {
		work <- c
	}
	close(work)
	t.Run("group", func(t *testing.T) {
		for i := range 2 {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				copies := map[*specimen]*os.File{}
				for c := range work {
					if copies[c.in] == nil {
						copies[c.in] = newFile(t, t.TempDir(), c.in.mem)
					}
					v := c.in.check(t, c.in.damagedBy(c.writes()))
					table.add(t, c, v, repair(t, copies[c.in], c.writes()))
				}
			})
		}
	})
	if !*writeTable || !soak() {
		return
	}
	table.askKernel(t, cases)
	for _, c := range damage.Compounds() {
		v, complaints := specimens[0].compound(t, c)
		table.compounds = append(table.compounds, compoundRow{c.Name, v, complaints})
	}
	table.write(t, "../docs/detection.md")
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

// detectionTable counts, for each field, who has found how much.
type detectionTable struct {
	mu        sync.Mutex
	rows      map[string]*detectionRow
	keys      []string
	compounds []compoundRow
}

// compoundRow is what there is to say of a fault of several fields.
type compoundRow struct {
	name       string
	v          verdict
	complaints []string
}

type detectionRow struct {
	structure, field    string
	cases, ours, repair int
	codes               map[string]int
	kernel              string // what the kernel makes of the first value
}

func newTable() *detectionTable { return &detectionTable{rows: map[string]*detectionRow{}} }

// structure is what the table calls a structure: inodes are one, whatever kind they are of.
func (c fieldCase) structure() string {
	if strings.HasPrefix(c.s.Kind, "inode ") {
		return "inode"
	}
	return c.s.Kind
}

func (d *detectionTable) row(c fieldCase) *detectionRow {
	key := c.structure() + "\x00" + c.field.Name
	if d.rows[key] == nil {
		d.rows[key] = &detectionRow{structure: c.structure(), field: c.field.Name, codes: map[string]int{}}
		d.keys = append(d.keys, key)
	}
	return d.rows[key]
}

// add counts a case, and fails the test if we have not found what xfs_repair has.
func (d *detectionTable) add(t testing.TB, c fieldCase, v verdict, complaints []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	row := d.row(c)
	row.cases++
	if v.damaged() {
		row.ours++
		for _, code := range v.codes() {
			row.codes[code]++
		}
	}
	if len(complaints) > 0 {
		row.repair++
	}
	if len(complaints) > 0 && !v.damaged() && explained(c, complaints) == "" {
		t.Errorf("missed: %v\n\txfs_repair: %s", c, strings.Join(complaints[:min(len(complaints), 3)], "\n\t\t"))
	}
}

// askKernel asks the kernel about one value of each field. After it has hung it is asked no more.
func (d *detectionTable) askKernel(t testing.TB, cases []fieldCase) {
	t.Helper()
	for _, c := range cases {
		row := d.row(c)
		if row.kernel != "" {
			continue
		}
		f := newFile(t, t.TempDir(), c.in.damagedBy(c.writes()))
		row.kernel = kernelReads(t, f.Name())
		os.Remove(f.Name())
		if row.kernel == kernelHangs {
			t.Errorf("the kernel hangs: %v", c)
			return
		}
	}
}

// write writes the table's page.
func (d *detectionTable) write(t testing.TB, path string) {
	t.Helper()
	var b strings.Builder
	b.WriteString(detectionHead)
	last := ""
	for _, key := range d.keys {
		r := d.rows[key]
		if r.structure != last {
			fmt.Fprintf(&b, "\n### %s\n\n| field | values | cowfsck | xfs_repair | only cowfsck | Linux reads | codes |\n|---|---|---|---|---|---|---|\n", r.structure)
			last = r.structure
		}
		only := ""
		if r.ours > r.repair {
			only = fmt.Sprint(r.ours - r.repair)
		}
		fmt.Fprintf(&b, "| %s | %d | %s | %s | %s | %s | %s |\n", r.field, r.cases, share(r.ours, r.cases), share(r.repair, r.cases), only, r.kernel, r.topCodes())
	}
	b.WriteString("\n## Faults of more than one field\n\n| fault | cowfsck | xfs_repair | codes |\n|---|---|---|---|\n")
	for _, c := range d.compounds {
		codes := c.v.codes()
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", c.name, yes(c.v.damaged()), yes(len(c.complaints) > 0), strings.Join(codes[:min(len(codes), 5)], ", "))
	}
	b.WriteString("\n## Differences explained\n\n")
	for _, e := range differences {
		fmt.Fprintf(&b, "- %s, %s: %s\n", e.structure, e.field, e.why)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func yes(found bool) string {
	if found {
		return "yes"
	}
	return "–"
}

func share(n, of int) string {
	switch n {
	case 0:
		return "–"
	case of:
		return "all"
	}
	return fmt.Sprint(n)
}

// topCodes are the codes that tell of most of the values.
func (r *detectionRow) topCodes() string {
	var names []string
	for name := range r.codes {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if d := r.codes[b] - r.codes[a]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return strings.Join(names[:min(len(names), 4)], ", ")
}

const detectionHead = `# What a check finds

Made by TestDetection in package check; do not edit. Every field of every structure gets other
values, with a right checksum, in small images that have most structures in all their forms. The
table says for how many of the values cowfsck, and xfs_repair -n of xfsprogs 7.2, find the image
damaged: "all", a number, or none; and what Linux 6.18 can read of an image with the first of the
values, mounted without recovery: everything, a part, or nothing because it does not mount it.
Linux does not look at most of what only a write needs. Fields that can hold anything (owners,
times, the bytes of a link's target) are found by nobody.

Renew it with

    COWFS_SOAK=1 go test -run TestDetection -timeout 2h ./check -detection
`

// difference is something that xfs_repair -n complains about and we do not, with the reason.
type difference struct {
	structure, field string
	complaint        string // part of xfs_repair's first line
	why              string
}

// differences are all there are.
var differences = []difference{}

// explained is the reason why we need not find what xfs_repair has found.
func explained(c fieldCase, complaints []string) string {
	for _, e := range differences {
		if e.structure == c.structure() && (e.field == "" || e.field == c.field.Name) && strings.Contains(complaints[0], e.complaint) {
			return e.why
		}
	}
	return ""
}
