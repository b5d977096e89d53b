package repair

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// outcome is what came of one case: what was lost, and whether what we have made is right.
type outcome struct {
	Kind, Field, Verb string
	Ours, Theirs      saving
	TheirsEnds        bool // xfs_repair came to an end and said that all is well
	Cowfsck, Repair   bool // after our repair, nothing is found
	AskedKernel       bool
	Kernel            bool // it reads and writes what we have made
}

// survival is the table of all outcomes.
type survival struct{ Outcomes []outcome }

func newSurvival() *survival { return &survival{} }

func (s *survival) add(o outcome) { s.Outcomes = append(s.Outcomes, o) }

// part is a part of a long run, whose results are kept in a directory until all are there.
type part struct {
	dir   string
	no, n int
}

func partOf(t *testing.T) part {
	t.Helper()
	p := part{dir: os.Getenv("FIELDS"), n: 1}
	if s := os.Getenv("PART"); s != "" {
		if _, err := fmt.Sscanf(s, "%d/%d", &p.no, &p.n); err != nil || p.no >= p.n {
			t.Fatalf("PART=%s: not a part", s)
		}
	}
	return p
}

func (p part) of(all []fieldCase) (out []fieldCase) {
	for i, c := range all {
		if i%p.n == p.no {
			out = append(out, c)
		}
	}
	return out
}

func (p part) path(no int) string {
	return filepath.Join(p.dir, fmt.Sprintf("part-%d-of-%d.json", no, p.n))
}

// keep keeps the results of a part, and writes the page when there are those of all.
func (p part) keep(t *testing.T, s *survival) {
	t.Helper()
	if p.dir == "" {
		return
	}
	b, err := json.Marshal(s)
	if err == nil {
		err = os.WriteFile(p.path(p.no), b, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	all := newSurvival()
	for no := range p.n {
		b, err := os.ReadFile(p.path(no))
		if os.IsNotExist(err) {
			t.Logf("part %d is missing", no)
			return
		}
		var one survival
		if err == nil {
			err = json.Unmarshal(b, &one)
		}
		if err != nil {
			t.Fatal(err)
		}
		all.Outcomes = append(all.Outcomes, one.Outcomes...)
	}
	if err := os.WriteFile("../docs/repair-table.md", []byte(all.page()), 0o644); err != nil {
		t.Fatal(err)
	}
}

const survivalHead = `# What survives the repair of single fields

Each field of each kind of structure was given a wrong value, with the structure's checksum made right
again, in an image of 64 MiB with blocks of 1 KiB and most kinds of structures; see
[repair.md](repair.md). cowfsck -y and xfs_repair 7.2 then repaired a copy each. What is *clean* is the
copy that cowfsck has repaired: for cowfsck itself, for xfs_repair -n, and for Linux, which mounted
some of them, read everything and wrote. *Lost* is how many names, bytes of files and symbolic links,
and extended attributes with their values were there before and are not after the repair.

` + "`COWFS_SOAK=1 FIELDS=DIR go test -run TestEveryField -timeout 2h ./repair`" + ` writes this page; with PART=I/N, in parts.

`

// page is docs/repair-table.md.
func (s *survival) page() string {
	var b strings.Builder
	b.WriteString(survivalHead)
	b.WriteString("| structure | fields | clean: cowfsck | xfs_repair -n | Linux | lost: names | xfs_repair | bytes | xfs_repair | attributes | xfs_repair |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|---|\n")
	kinds := map[string][]outcome{}
	for _, o := range s.Outcomes {
		kinds[o.Kind] = append(kinds[o.Kind], o)
	}
	var all []outcome
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		row(&b, kind, kinds[kind])
		all = append(all, kinds[kind]...)
	}
	row(&b, "**all**", all)
	b.WriteString("\n## Where the two differ\n\nEach field after whose repair not the same is left, and those with which xfs_repair fails or does not come to an end.\n\n")
	b.WriteString("| structure | field | value | lost: names | xfs_repair | bytes | xfs_repair | attributes | xfs_repair |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, o := range all {
		if o.Ours == o.Theirs && o.TheirsEnds {
			continue
		}
		names, bytes, attrs := fmt.Sprint(o.Theirs.Names), fmt.Sprint(o.Theirs.Bytes), fmt.Sprint(o.Theirs.Attrs)
		if !o.TheirsEnds {
			names, bytes, attrs = "fails", "fails", "fails"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %d | %s | %d | %s | %d | %s |\n", o.Kind, o.Field, o.Verb, o.Ours.Names, names, o.Ours.Bytes, bytes, o.Ours.Attrs, attrs)
	}
	return b.String()
}

func row(b *strings.Builder, name string, list []outcome) {
	var ours, theirs saving
	clean, repair, asked, kernel, fails := 0, 0, 0, 0, 0
	for _, o := range list {
		ours.add(o.Ours)
		theirs.add(o.Theirs)
		clean, repair, asked, kernel = clean+btoi(o.Cowfsck), repair+btoi(o.Repair), asked+btoi(o.AskedKernel), kernel+btoi(o.Kernel)
		fails += btoi(!o.TheirsEnds)
	}
	of := ""
	if fails > 0 {
		of = fmt.Sprintf(" (fails %d times)", fails)
	}
	fmt.Fprintf(b, "| %s | %d | %d | %d | %d of %d | %d | %d%s | %d | %d | %d | %d |\n", name, len(list), clean, repair, kernel, asked,
		ours.Names, theirs.Names, of, ours.Bytes, theirs.Bytes, ours.Attrs, theirs.Attrs)
}
