package check_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

var (
	detectionDir    = flag.String("detection", "", "keep what a full run of TestDetection finds in this directory, and write docs/detection.md")
	detectionPartOf = flag.String("part", "0/1", "of TestDetection, do part I of N; docs/detection.md is written when the results of all of them are kept")
)

// part is a part of the run: some of the fields.
type part struct {
	dir   string
	no, n uint32
}

func detectionPart(t testing.TB) part {
	t.Helper()
	p := part{dir: *detectionDir}
	if _, err := fmt.Sscanf(*detectionPartOf, "%d/%d", &p.no, &p.n); err != nil || p.no >= p.n {
		t.Fatalf("-part %s: no part", *detectionPartOf)
	}
	return p
}

// has reports whether a case is in the part. It does not depend on the image.
func (p part) has(c fieldCase) bool {
	h := fnv.New32a()
	fmt.Fprint(h, c.structure(), "\x00", c.field.Name)
	return h.Sum32()%p.n == p.no
}

// recall takes over what was found when the part was done before, where that was more, and what the
// kernel has said.
func (p part) recall(t testing.TB, table *detectionTable) {
	t.Helper()
	b, err := os.ReadFile(p.path(p.no))
	if os.IsNotExist(err) {
		return
	}
	old := newTable()
	if err == nil {
		err = json.Unmarshal(b, old)
	}
	if err != nil {
		t.Fatal(err)
	}
	for key, o := range old.Rows {
		if o.Kernel == "?" {
			o.Kernel = ""
		}
		if r := table.Rows[key]; r != nil && r.Cases > o.Cases {
			r.Kernel = o.Kernel
			continue
		}
		table.Rows[key] = o
	}
}

// keep keeps the results of the part, and writes the page when there are those of all.
func (p part) keep(t testing.TB, table *detectionTable) {
	t.Helper()
	b, err := json.MarshalIndent(table, "", "\t")
	if err == nil {
		err = os.WriteFile(p.path(p.no), b, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	all := newTable()
	for no := range p.n {
		b, err := os.ReadFile(p.path(no))
		if os.IsNotExist(err) {
			t.Logf("part %d is missing", no)
			return
		}
		one := newTable()
		if err == nil {
			err = json.Unmarshal(b, one)
		}
		if err != nil {
			t.Fatal(err)
		}
		all.merge(one)
	}
	if err := os.WriteFile("../docs/detection.md", []byte(all.page(t)), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (p part) path(no uint32) string {
	return filepath.Join(p.dir, fmt.Sprintf("part%d-of-%d.json", no, p.n))
}

// detectionTable counts, for each field, who has found how much.
type detectionTable struct {
	mu        sync.Mutex
	hung      bool           // the kernel
	odd       map[*byte]bool // cases, by what they write, of which we say no more than that they are odd
	Rows      map[string]*detectionRow
	Compounds []compoundRow
}

// detectionRow is what there is to say of a field.
type detectionRow struct {
	Structure, Field    string
	Cases, Ours, Repair int
	Codes               map[string]int
	Odd                 int    // of Ours, those of which we say no more than that they are odd
	Kernel              string // what the kernel makes of the first value
	oddAsked            bool   // and of one that is odd
}

// compoundRow is what there is to say of a fault of several fields.
type compoundRow struct {
	Name         string
	Ours, Repair bool
	Codes        []string
}

func newTable() *detectionTable {
	return &detectionTable{Rows: map[string]*detectionRow{}, odd: map[*byte]bool{}}
}

// structure is what the table calls a structure: inodes are one, whatever kind they are of.
func (c fieldCase) structure() string {
	if strings.HasPrefix(c.s.Kind, "inode ") {
		return "inode"
	}
	return c.s.Kind
}

func (d *detectionTable) row(c fieldCase) *detectionRow {
	key := c.structure() + "\x00" + c.field.Name
	if d.Rows[key] == nil {
		d.Rows[key] = &detectionRow{Structure: c.structure(), Field: c.field.Name, Codes: map[string]int{}}
	}
	return d.Rows[key]
}

// add counts a case, and fails the test if we have not found what xfs_repair has.
func (d *detectionTable) add(t testing.TB, c fieldCase, v verdict, complaints []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	row := d.row(c)
	row.Cases++
	if v.damaged() {
		row.Ours++
		for _, code := range v.codes() {
			row.Codes[code]++
		}
	}
	if v.odd() {
		row.Odd++
		d.odd[&c.b[0]] = true
		if len(complaints) > 0 {
			t.Logf("odd: %v\n\txfs_repair: %s", c, complaints[0])
		}
	}
	if len(complaints) > 0 {
		row.Repair++
	}
	if len(complaints) > 0 && !v.damaged() && explained(c, complaints) == "" {
		t.Errorf("missed: %v\n\txfs_repair: %s", c, strings.Join(complaints[:min(len(complaints), 3)], "\n\t\t"))
	}
}

// unasked reports whether the kernel is to be asked about a case: about one value of each field.
// After it has hung it is asked no more.
func (d *detectionTable) unasked(c fieldCase) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	row := d.row(c)
	if row.Kernel != "" || d.hung {
		return false
	}
	row.Kernel = "?" // others need not ask
	return true
}

// askOdd asks the kernel about one of the values of a field that are no more than odd: it must be able to
// read all of the image.
func (d *detectionTable) askOdd(t testing.TB, c fieldCase, f *os.File) {
	d.mu.Lock()
	row := d.row(c)
	ask := d.odd[&c.b[0]] && !row.oddAsked && !d.hung
	row.oddAsked = row.oddAsked || ask
	d.mu.Unlock()
	if !ask {
		return
	}
	change(t, f, c.writes())
	if reads := kernelReads(t, f.Name()); reads != kernelAll {
		t.Errorf("no more than odd, and the kernel reads %s: %v", reads, c)
	}
	changeBack(t, f, c.writes())
}

// askKernel asks the kernel about a case, in a copy of the image.
func (d *detectionTable) askKernel(t testing.TB, c fieldCase, f *os.File) {
	change(t, f, c.writes())
	reads := kernelReads(t, f.Name())
	d.mu.Lock()
	defer d.mu.Unlock()
	d.row(c).Kernel = reads
	if reads == kernelHangs {
		d.hung = true
		t.Fatalf("the kernel hangs: %v", c)
	}
	changeBack(t, f, c.writes())
}

// merge adds the results of a part, which has fields of its own.
func (d *detectionTable) merge(part *detectionTable) {
	for key, r := range part.Rows {
		d.Rows[key] = r
	}
	d.Compounds = append(d.Compounds, part.Compounds...)
}

// page is docs/detection.md. A field that nobody finds fails the test, unless it is known why.
func (d *detectionTable) page(t testing.TB) string {
	t.Helper()
	var keys []string
	for key := range d.Rows {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	var b strings.Builder
	b.WriteString(detectionHead)
	d.sums(&b)
	d.silent(t, &b, keys)
	b.WriteString("\n## Faults of more than one field\n\n| fault | cowfsck | xfs_repair | only cowfsck | codes |\n|---|---|---|---|---|\n")
	for _, c := range d.Compounds {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", c.Name, yes(c.Ours), yes(c.Repair), mark(c.Ours && !c.Repair), strings.Join(c.Codes[:min(len(c.Codes), 5)], ", "))
	}
	b.WriteString("\n## Fields\n")
	last := ""
	for _, key := range keys {
		r := d.Rows[key]
		if r.Structure != last {
			fmt.Fprintf(&b, "\n### %s\n\n| field | values | cowfsck | xfs_repair | only cowfsck | Linux reads | codes |\n|---|---|---|---|---|---|---|\n", r.Structure)
			last = r.Structure
		}
		only := ""
		if r.Ours > r.Repair {
			only = fmt.Sprint(r.Ours - r.Repair)
		}
		fmt.Fprintf(&b, "| %s | %d | %s | %s | %s | %s | %s |\n", r.Field, r.Cases, share(r.Ours, r.Cases), share(r.Repair, r.Cases), only, r.Kernel, r.topCodes())
	}
	return b.String()
}

// sums writes how much there is of what.
func (d *detectionTable) sums(b *strings.Builder) {
	var cases, ours, odd, repair, onlyOurs, none int
	for _, r := range d.Rows {
		cases, ours, odd, repair = cases+r.Cases, ours+r.Ours, odd+r.Odd, repair+r.Repair
		switch {
		case r.Ours > 0 && r.Repair == 0:
			onlyOurs++
		case r.Ours == 0 && r.Repair == 0:
			none++
		}
	}
	fmt.Fprintf(b, "\n%d values of %d fields: cowfsck finds something wrong with %d\nof the images, with %d of them only an oddity, and xfs_repair with %d. It finds none that\ncowfsck does not, but for what is explained below. Wrong values of %d fields are found by cowfsck\nonly, those of %d by nobody.\n", cases, len(d.Rows), ours, odd, repair, onlyOurs, none)
	b.WriteString("\n## Differences explained\n\n")
	for _, e := range differences {
		fmt.Fprintf(b, "- %s, %s: %s\n", e.structure, e.field, e.why)
	}
	if len(differences) == 0 {
		b.WriteString("There are none: nothing that xfs_repair finds is missed.\n")
	}
}

// silent writes which fields nobody finds wrong, and why that is so.
func (d *detectionTable) silent(t testing.TB, b *strings.Builder, keys []string) {
	t.Helper()
	fields := map[string][]string{}
	for _, key := range keys {
		r := d.Rows[key]
		if r.Ours > 0 || r.Repair > 0 {
			continue
		}
		why := reason(r)
		if why == "" && r.Cases < 4 {
			why = fewValues
		}
		if why == "" {
			t.Errorf("nobody finds wrong values of %s, %s (%d), and it is not known why", r.Structure, r.Field, r.Cases)
		}
		fields[why] = append(fields[why], r.Structure+": "+r.Field)
	}
	b.WriteString("\n## Fields that nobody finds wrong\n\n| why | fields |\n|---|---|\n")
	for _, s := range silentFields {
		if list := fields[s.why]; len(list) > 0 {
			fmt.Fprintf(b, "| %s | %s |\n", s.why, strings.Join(list, ", "))
			delete(fields, s.why)
		}
	}
}

func yes(found bool) string {
	if found {
		return "yes"
	}
	return "–"
}

func mark(b bool) string {
	if b {
		return "×"
	}
	return ""
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
	for name := range r.Codes {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if d := r.Codes[b] - r.Codes[a]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return strings.Join(names[:min(len(names), 4)], ", ")
}

const detectionHead = `# What a check finds

Made by TestDetection in package check; do not edit. Every field of every structure gets other
values, with a right checksum, in small images that have most structures in all their forms. The
table says for how many of the values cowfsck, and xfs_repair -n of xfsprogs 7.2, find something wrong
with the image: "all", a number, or none; how many more cowfsck finds; and what Linux 6.18 can read of an
image with one of the values, mounted without recovery: everything ("all"), a part, or nothing
because it does not mount it; nothing is said where it was not asked. Linux does not look at most of
what only a write needs.

Renew it with

    COWFS_SOAK=1 go test -run 'TestDetection$' -timeout 2h ./check -detection DIR

or in pieces with -part 0/6 to -part 5/6 in addition. DIR, with its whole path, keeps what is found; a run
that ends before all values were tried, because of its -timeout, is completed by the next one.
`
