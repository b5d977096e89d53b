package main

import (
	"bufio"
	"encoding/json"
	"io"

	"github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/cmdline"
)

// schema is the version of what --json prints. It changes when a field changes its meaning or
// goes away, not when one is added.
const schema = 1

// Every line has a type, so that a reader can take the lines as they come; see
// docs/cowfsck-json.md.
type (
	jsonHeader struct {
		Type    string `json:"type"` // "header"
		Schema  int    `json:"schema"`
		Version string `json:"version"`
		Image   string `json:"image,omitempty"`
	}

	jsonFinding struct {
		Type      string    `json:"type"` // "finding"
		Code      string    `json:"code"`
		Severity  string    `json:"severity"`
		Summary   string    `json:"summary"`
		Structure string    `json:"structure,omitempty"`
		Field     string    `json:"field,omitempty"`
		Place     jsonPlace `json:"place"`
		Got       jsonText  `json:"got,omitempty"`
		Want      jsonText  `json:"want,omitempty"`
		Note      jsonText  `json:"note,omitempty"`
		Path      jsonText  `json:"path,omitempty"`
	}

	jsonPlace struct {
		AG     *uint32 `json:"ag,omitempty"`
		Block  *uint32 `json:"block,omitempty"`
		Count  uint32  `json:"count,omitempty"`
		Ino    *uint64 `json:"ino,omitempty"`
		Offset *int64  `json:"offset,omitempty"`
	}

	jsonSummary struct {
		Type     string         `json:"type"` // "summary"
		Verdict  string         `json:"verdict"`
		Complete bool           `json:"complete"`
		Exit     int            `json:"exit"`
		Dirty    bool           `json:"dirty"`
		Replayed bool           `json:"replayed"`
		Only     []string       `json:"only,omitempty"`
		Findings map[string]int `json:"findings"` // by severity
		Dropped  int            `json:"dropped"`
		Groups   uint64         `json:"groups"`
		Inodes   uint64         `json:"inodes"`
		Dirs     uint64         `json:"directories"`
		Extents  uint64         `json:"extents"`
		Blocks   uint64         `json:"blocks"`
		Free     uint64         `json:"free_blocks"`
		Read     int64          `json:"bytes_read"`
	}

	jsonError struct {
		Type  string `json:"type"` // "error"
		Image string `json:"image"`
		Error string `json:"error"`
		Exit  int    `json:"exit"`
	}

	jsonCode struct {
		Type     string `json:"type"` // "code"
		Code     string `json:"code"`
		Severity string `json:"severity"`
		Summary  string `json:"summary"`
		Means    string `json:"means"`
		Lost     string `json:"lost"`
		Repair   string `json:"repair"`
	}
)

func newEncoder(w io.Writer) *json.Encoder {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e
}

// printJSONHeader prints the first line, before any work is done. Without an image there is nothing
// to check.
func printJSONHeader(w io.Writer, image string) error {
	return newEncoder(w).Encode(jsonHeader{"header", schema, cmdline.Version(), image})
}

// printJSON prints the findings and a summary.
func printJSON(w io.Writer, r *result) error {
	out := bufio.NewWriter(w)
	e := newEncoder(out)
	for _, f := range r.Findings {
		if err := e.Encode(findingJSON(f)); err != nil {
			return err
		}
	}
	sum := jsonSummary{
		Type: "summary", Verdict: r.verdict(), Complete: r.complete(), Exit: r.exit(), Dirty: r.Dirty, Replayed: r.replayed,
		Only: r.only, Findings: map[string]int{}, Dropped: r.Dropped, Groups: r.Stats.Groups, Inodes: r.Stats.Inodes, Dirs: r.Stats.Dirs,
		Extents: r.Stats.Extents, Blocks: r.Stats.Blocks, Free: r.Stats.Free, Read: r.Stats.Read,
	}
	for s, n := range r.Counts {
		sum.Findings[check.Severity(s).String()] = n
	}
	if err := e.Encode(sum); err != nil {
		return err
	}
	return out.Flush()
}

func findingJSON(f check.Finding) jsonFinding {
	return jsonFinding{
		Type: "finding", Code: f.Code.Name, Severity: f.Code.Severity.String(), Summary: f.Code.Summary,
		Structure: f.Structure, Field: f.Field, Place: placeJSON(f.Place), Got: jsonText(f.Got), Want: jsonText(f.Want),
		Note: jsonText(f.Note), Path: jsonText(f.Path),
	}
}

func placeJSON(p check.Place) jsonPlace {
	out := jsonPlace{Count: p.Count}
	if p.AG != format.NullAGNumber {
		out.AG = (*uint32)(&p.AG)
	}
	if p.Block != format.NullAGBlock {
		out.Block = (*uint32)(&p.Block)
	}
	if p.Ino != format.NullIno {
		out.Ino = (*uint64)(&p.Ino)
	}
	if p.Offset >= 0 {
		out.Offset = &p.Offset
	}
	return out
}

// printJSONError prints what a reader gets in the place of a summary when there is none.
func printJSONError(w io.Writer, image string, err error) {
	_ = newEncoder(w).Encode(jsonError{"error", image, message(err), exitOf(err)}) // the error is told on standard error, too
}
