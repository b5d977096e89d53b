package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/internal/cmdline"
	"github.com/cowfs/cowfs/repair"
	"github.com/cowfs/cowfs/undo"
)

// repairing reports whether the command line asks for more than a look.
func repairing(c *cli.Command) bool { return c.Bool("p") || c.Bool("y") || c.Bool("plan") }

// repairOptions turns the command line into options of a repair.
func repairOptions(c *cli.Command, j *job) (repair.Options, error) {
	o := repair.Options{Safe: c.Bool("p"), Plan: c.Bool("plan"), Strict: c.Bool("strict"), Undo: c.String("undo"), KeepCow: c.String("keep-cow"), Check: j.options}
	switch {
	case c.Bool("p") && c.Bool("y"):
		return o, cmdline.Usagef("-p and -y: the first mends only what is safe, the second all; drop one")
	case j.readOnly && !o.Plan:
		return o, cmdline.Usagef("-n changes nothing; to see what a repair would do, write --plan")
	case len(j.options.Only) > 0 || j.options.MaxFindings > 0:
		return o, cmdline.Usagef("--only and --max-findings are for looking; a repair needs all findings")
	}
	return o, nil
}

// repairImage repairs, or tells what a repair would do, and returns the exit code.
func repairImage(ctx context.Context, c *cli.Command, h host) (int, error) {
	j, err := jobOf(c)
	if err != nil {
		return 0, err
	}
	o, err := repairOptions(c, j)
	if err != nil {
		return 0, err
	}
	p, err := newProgress(c, h)
	if err != nil {
		return 0, err
	}
	if err := j.begin(c, h); err != nil {
		return 0, err
	}
	o.Check.Progress = p.update
	r, err := j.repair(ctx, o)
	p.finish()
	refused := errors.Is(err, repair.ErrLoss)
	if err != nil && !refused && (!errors.Is(err, repair.ErrBeyond) || r.After == nil) {
		err = j.named(err)
		if c.Bool("json") {
			printJSONError(h.stdout, j.image, err)
		}
		return 0, err
	}
	if err != nil && err.Error() != repair.ErrBeyond.Error() {
		h.complain(j.named(err).Error()) // it says more than the findings do
	}
	left := r.After
	if refused {
		left = r.Before
	}
	m := &mended{Result: r, plan: o.Plan, safe: o.Safe, refused: refused, finished: j.finished, offset: j.offset, result: &result{Report: left, image: j.image, repaired: !refused, safely: o.Safe}}
	switch {
	case c.Bool("json"):
		err = m.printJSON(h.stdout)
	case !c.Bool("quiet"):
		err = m.printText(h.stdout, c.Bool("verbose"))
	default:
		err = nil
	}
	return m.exit(), err
}

// repair opens the image, ends an earlier repair that was interrupted, and does the work.
func (j *job) repair(ctx context.Context, o repair.Options) (r *repair.Result, err error) {
	mode := device.ReadWrite
	if o.Plan {
		mode = device.ReadOnly
	}
	dev, err := j.open(mode)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, dev.Close()) }()
	if o.Plan {
		if file := j.interrupted(o.Undo); file != "" {
			return nil, fmt.Errorf("a repair was interrupted while it changed the image: cowfsck -p or -y finishes it, and --undo-apply %s takes it back", file)
		}
	} else if o.Undo, err = j.undoFile(dev, o.Undo); err != nil {
		return nil, err
	}
	r, err = repair.Run(ctx, dev, o)
	return r, err
}

// applyUndo takes a repair back.
func applyUndo(c *cli.Command, h host) error {
	j, err := jobOf(c)
	if err != nil {
		return err
	}
	dev, err := j.open(device.ReadWrite)
	if err != nil {
		return j.named(err)
	}
	pages, err := undo.Undo(dev, c.String("undo-apply"))
	if err = errors.Join(err, dev.Close()); err != nil {
		return j.named(err)
	}
	if !c.Bool("quiet") {
		fmt.Fprintf(h.stdout, "%s: %s put back\n", printable(j.image), plural(pages, "page"))
	}
	return nil
}

// mended is what a repair came to.
type mended struct {
	*repair.Result
	*result
	plan, safe bool
	refused    bool   // with --strict: something would be lost
	finished   string // the undo file of an earlier repair that was finished
	offset     int64  // of the volume in the image, in bytes
}

// planned reports whether nothing was really done.
func (m *mended) planned() bool { return m.plan || m.refused }

// done are the actions, unless all of them came to nothing.
func (m *mended) done() []repair.Action {
	if !m.planned() && !m.Mended() {
		return nil
	}
	return m.Actions
}

// takeBack is the command that takes a repair back.
func (m *mended) takeBack(file string) string {
	at := ""
	if m.offset != 0 {
		at = fmt.Sprintf("--offset %d ", m.offset)
	}
	return fmt.Sprintf("cowfsck %s--undo-apply %s %s", at, printable(file), printable(m.image))
}

func (m *mended) exit() int {
	switch {
	case m.refused, m.plan && len(m.Actions) > 0:
		return exitDamaged
	case m.verdict() == "damaged", m.verdict() == "leaking":
		return exitDamaged
	case m.verdict() == "incomplete":
		return exitFailure
	case m.Mended(), m.finished != "":
		return exitMended
	}
	return exitClean
}

func (m *mended) printText(w io.Writer, verbose bool) error {
	out := bufio.NewWriter(w)
	m.printActions(out, verbose)
	m.printLosses(out)
	if err := printText(out, m.result, verbose); err != nil {
		return err
	}
	if m.finished != "" {
		fmt.Fprintf(out, "%s: a repair that was interrupted is finished; %s takes that back\n", printable(m.image), m.takeBack(m.finished))
	}
	switch {
	case m.refused:
		fmt.Fprintf(out, "%s: nothing was changed; without --strict, all of the above is done\n", printable(m.image))
	case m.plan && len(m.Actions) > 0:
		fmt.Fprintf(out, "%s: nothing was changed; cowfsck -y does all of the above\n", printable(m.image))
	case m.Mended():
		fmt.Fprintf(out, "%s: %s changed; %s takes that back\n", printable(m.image), plural(m.Pages, "page"), m.takeBack(m.Undo))
	}
	return out.Flush()
}

// printActions tells what was done, by what it was.
func (m *mended) printActions(w io.Writer, verbose bool) {
	kinds, order := map[string][]repair.Action{}, []string{}
	for _, a := range m.done() {
		if kinds[a.What] == nil {
			order = append(order, a.What)
		}
		kinds[a.What] = append(kinds[a.What], a)
	}
	for _, what := range order {
		all := kinds[what]
		fmt.Fprintf(w, "%s (%s)\n", what, plural(len(all), "time"))
		for i, a := range all {
			if i == shown && !verbose {
				fmt.Fprintf(w, "  and %d more; -v tells all\n", len(all)-shown)
				break
			}
			if text := describeAction(a); text != "" {
				fmt.Fprintf(w, "  %s\n", text)
			}
		}
	}
}

func (m *mended) printLosses(w io.Writer) {
	what := "lost"
	if m.planned() {
		what = "would be lost"
	}
	for i, l := range m.Losses {
		if i == 0 {
			fmt.Fprintf(w, "%s (%s)\n", what, plural(len(m.Losses), "part"))
		}
		fmt.Fprintf(w, "  %s\n", describeLoss(l))
	}
}

func describeAction(a repair.Action) string {
	place := strings.Join(where(check.Place{AG: a.AG, Block: check.NullPlace.Block, Ino: a.Ino, Offset: -1}), ", ")
	if place == "" || a.Note == "" {
		return place + printable(a.Note)
	}
	return place + ": " + printable(a.Note)
}

func describeLoss(l repair.Loss) string {
	p := check.InInode(l.Ino)
	p.Offset = l.Offset
	text := strings.Join(where(p), ", ")
	if l.Length > 0 {
		text += fmt.Sprintf(", %d bytes", l.Length)
	}
	if l.Path != "" {
		text += " " + printable(l.Path)
	}
	if text == "" {
		return printable(l.Why)
	}
	return text + ": " + printable(l.Why)
}

// Lines of --json that only a repair has.
type (
	jsonAction struct {
		Type  string    `json:"type"` // "action"
		What  string    `json:"what"`
		Place jsonPlace `json:"place"`
		Note  jsonText  `json:"note,omitempty"`
	}

	jsonLoss struct {
		Type   string    `json:"type"` // "loss"
		Place  jsonPlace `json:"place"`
		Length int64     `json:"length,omitempty"`
		Path   jsonText  `json:"path,omitempty"`
		Why    jsonText  `json:"why"`
	}

	jsonRepair struct {
		Type   string `json:"type"` // "repair"
		Plan   bool   `json:"plan"`
		Safe   bool   `json:"safe"`
		Rounds int    `json:"rounds"`
		Pages  int    `json:"pages"`
		Undo   string `json:"undo,omitempty"`
		Exit   int    `json:"exit"`
	}
)

func (m *mended) printJSON(w io.Writer) error {
	out := bufio.NewWriter(w)
	e := newEncoder(out)
	for _, a := range m.done() {
		p := check.Place{AG: a.AG, Block: check.NullPlace.Block, Ino: a.Ino, Offset: -1}
		if err := e.Encode(jsonAction{"action", a.What, placeJSON(p), jsonText(a.Note)}); err != nil {
			return err
		}
	}
	for _, l := range m.Losses {
		p := check.InInode(l.Ino)
		p.Offset = l.Offset
		if err := e.Encode(jsonLoss{"loss", placeJSON(p), l.Length, jsonText(l.Path), jsonText(l.Why)}); err != nil {
			return err
		}
	}
	for _, f := range m.Report.Findings {
		if err := e.Encode(findingJSON(f)); err != nil {
			return err
		}
	}
	if err := e.Encode(jsonRepair{"repair", m.plan, m.safe, m.Rounds, m.Pages, m.Undo, m.exit()}); err != nil {
		return err
	}
	return out.Flush()
}
