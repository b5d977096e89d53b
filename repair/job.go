package repair

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/journal"
	"github.com/cowfs/cowfs/undo"
	"github.com/cowfs/cowfs/volume"
)

// Options say how to repair.
type Options struct {
	// Safe limits the repair to what takes nothing from anybody: replaying the log, freeing inodes
	// without names and staged blocks without a file, adding up counters.
	Safe bool
	// Plan finds out what would be done, and leaves the image as it is.
	Plan bool
	// Strict makes it an error, ErrLoss, when something would be lost; the image then stays as it is.
	Strict bool
	// KeepCow, when not empty, is a directory of the host where staged blocks are saved that no file
	// accounts for, before they are freed.
	KeepCow string
	// Undo is where the undo file goes; see package undo. Nothing may be there.
	Undo string
	// Check says how to check the image.
	Check check.Options
}

var (
	// ErrLoss says that a strict repair would lose something.
	ErrLoss = errors.New("a repair would lose something")
	// ErrShort says that the image has lost its end.
	ErrShort = errors.New("the image is cut short")
	// ErrBeyond says that the image is still damaged after all that could be done.
	ErrBeyond = errors.New("the image can't be mended completely")
)

// maxRounds is how often an image is mended and checked before it is given up. A round mends what
// lies lowest, so that the next one can see what stands on it.
const maxRounds = 10

// changeMemory is how much of what a repair changes is kept in memory, in bytes.
const changeMemory = 64 << 20

// Run checks the image and mends what is wrong. All changes are made in memory first, or in a
// temporary file. Only when a last check finds nothing wrong with them, or nothing more can be mended,
// they are written, as package undo does it.
func Run(ctx context.Context, image device.Device, o Options) (*Result, error) {
	j := &job{Options: o, dev: o.Check.Overlay(image, changeMemory), r: &Result{}}
	defer func() { _ = j.dev.Forget() }()
	if err := j.mend(ctx); err != nil {
		if errors.Is(err, ErrBeyond) && j.r.After == nil {
			j.r.After, _ = check.Run(ctx, image, j.Check) // as far as it can be checked
		}
		return j.r, err
	}
	j.r.sort()
	if len(j.r.Losses) > 0 {
		j.r.tellPaths(ctx, j.dev, j.geo)
	}
	if o.Strict && len(j.r.Losses) > 0 {
		return j.r, ErrLoss
	}
	if !o.Plan {
		pages, err := undo.Commit(image, j.dev, o.Undo)
		if err != nil {
			return j.r, err
		}
		if j.r.Pages = pages; pages > 0 {
			j.r.Undo = o.Undo
		}
	}
	if !mended(j.r.After) {
		return j.r, ErrBeyond
	}
	return j.r, nil
}

// mended reports whether nothing is left that a repair should have mended.
func mended(r *check.Report) bool {
	for _, f := range r.Findings {
		if f.Code.Severity != check.Unchecked {
			return false
		}
	}
	return r.Dropped == 0
}

// job is one run.
type job struct {
	Options
	dev      *device.Overlay
	geo      *format.Geometry
	r        *Result
	tidied   bool
	rebuilds int // how often all groups were written anew
}

func (j *job) mend(ctx context.Context) error {
	if err := j.begin(); err != nil {
		return err
	}
	for j.r.Rounds = 1; ; j.r.Rounds++ {
		report, err := check.Run(ctx, j.dev, j.Check)
		if err != nil {
			return err
		}
		if j.r.After = report; j.r.Before == nil {
			j.r.Before = report
		}
		if mended(report) || j.r.Rounds > maxRounds {
			return nil
		}
		more, err := j.round(ctx, report)
		if err != nil || !more {
			return err
		}
	}
}

// begin makes the superblock and the log usable.
func (j *job) begin() error {
	if err := j.correctByCopies(); err != nil {
		return err
	}
	b := make([]byte, format.MaxSectorSize)
	if _, err := j.dev.ReadAt(b[:min(int64(len(b)), j.dev.Size())], 0); err != nil {
		return err
	}
	if g, err := soundSuper(b); err == nil {
		if g, err = j.correctSuper(g, b[:g.SectSize]); err != nil {
			return err
		}
		j.geo = g
		return j.replay()
	}
	if j.Safe {
		return fmt.Errorf("%w: the superblock is damaged", ErrBeyond)
	}
	var err error
	if j.geo, err = mendSuper(j.dev, j.r); err != nil {
		return err
	}
	return j.replay()
}

// correctByCopies corrects the superblock where most copies say something else.
func (j *job) correctByCopies() error {
	sb, changed := check.Elect(j.dev)
	if len(changed) == 0 {
		return nil
	}
	if j.Safe {
		return fmt.Errorf("%w: the superblock is damaged", ErrBeyond)
	}
	for _, f := range changed {
		j.r.group(0, "correct the superblock by its copies", f.Field)
	}
	_, err := j.dev.WriteAt(sb, 0)
	return err
}

// correctSuper corrects a superblock that is sound by itself, and takes away the mark by which a
// volume asks for what is done now.
func (j *job) correctSuper(g *format.Geometry, sb []byte) (*format.Geometry, error) {
	if j.Safe {
		return g, nil
	}
	copies, err := soundCopies(j.dev, g)
	if err != nil {
		return nil, err
	}
	changed := correctOwn(copies, j.dev, g, sb, j.r)
	changed = correctQuota(j.dev, g, sb, j.r) || changed
	if f := format.SBIncompat.Get(sb); f&format.InNeedsRepair != 0 {
		format.SBIncompat.Put(sb, f&^format.InNeedsRepair)
		format.SetChecksum(sb, format.SBCRC)
		j.r.group(0, "clear the mark that asks for a repair", "")
		changed = true
	}
	if !changed {
		return g, nil
	}
	if g, err = soundSuper(sb); err != nil {
		return nil, err
	}
	_, err = j.dev.WriteAt(sb, 0)
	return g, err
}

// supported refuses volumes with parts that a repair does not know.
func (j *job) supported() error {
	sb := make([]byte, j.geo.SectSize)
	if _, err := j.dev.ReadAt(sb, 0); err != nil {
		return err
	}
	switch {
	case j.dev.Size()>>j.geo.BlockLog < int64(j.geo.DBlocks):
		return fmt.Errorf("%w: it has %d of %d bytes; make it as long again, with zeroes, to have mended what is left", ErrShort, j.dev.Size(), int64(j.geo.DBlocks)<<j.geo.BlockLog)
	case j.geo.LogStart == 0:
		return fmt.Errorf("%w: an external log, for repair", format.ErrUnsupported)
	case format.SBRBlocks.Get(sb) != 0:
		return fmt.Errorf("%w: a realtime section, for repair", format.ErrUnsupported)
	}
	return nil
}

// replay brings what a dirty log holds in place, as a mount would. A log that can't be replayed
// is thrown away, which loses the last changes that were made.
func (j *job) replay() error {
	if err := j.supported(); err != nil {
		return err
	}
	l, err := journal.Open(j.dev, j.geo)
	if err == nil && l.State != journal.Dirty {
		return nil
	}
	if err == nil {
		if err = j.tryReplay(); err == nil {
			j.r.group(j.geo.AG(j.geo.LogStart), "replay the log", "")
			return nil
		}
	}
	if j.Safe {
		return fmt.Errorf("%w: the log can't be replayed: %w", ErrBeyond, err)
	}
	j.r.group(j.geo.AG(j.geo.LogStart), "throw the log away", err.Error())
	j.r.lost(format.NullIno, -1, 0, "the changes that only the log held")
	return journal.Discard(j.dev, j.geo, 0)
}

// tryReplay replays the log, as a whole or not at all.
func (j *job) tryReplay() error {
	try := device.NewOverlay(j.dev)
	w, err := volume.OpenWriter(keepOpen{try}, volume.Options{Replay: true, InMemory: true})
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return err
	}
	return try.Flush()
}

// keepOpen is an overlay that others may close and that goes on.
type keepOpen struct{ *device.Overlay }

func (keepOpen) Close() error { return nil }

// round mends what lies lowest of what was found. It reports whether there is a point in another
// look.
func (j *job) round(ctx context.Context, report *check.Report) (more bool, err error) {
	if err := j.keepLeaked(report); err != nil {
		return false, err
	}
	if j.Safe {
		return j.safe()
	}
	// Fields that are right again may be all, or show more.
	if cured, err := j.cure(report); err != nil || cured {
		return cured, err
	}
	switch {
	case !j.tidied && slices.ContainsFunc(report.Findings, leaks) && !slices.ContainsFunc(report.Findings, damages):
		j.tidied = true
		return true, j.tidy()
	case slices.ContainsFunc(report.Findings, below) && j.rebuilds < maxRebuilds:
		j.rebuilds++
		m, err := rebuild(ctx, j.dev, j.geo, j.r, damagedForks(report))
		if err != nil {
			return false, err
		}
		return true, m.restore(ctx)
	case slices.ContainsFunc(report.Findings, aboutNames), len(hit(report, check.ForkPlace.Name)) > 0:
		return true, j.mendNames(ctx, report)
	}
	return false, nil
}

// leaks and damages tell findings apart: where there is nothing but leaks, freeing them is enough.
func leaks(f check.Finding) bool   { return f.Code.Severity == check.Leak }
func damages(f check.Finding) bool { return f.Code.Severity == check.Damage && !curable(f) }

// maxRebuilds is how often all groups are written anew. Once is enough but for inodes that a cure
// or another rebuild has made readable.
const maxRebuilds = 2

// inShortform are findings of names that lie in the inode itself, which is mended with it.
var inShortform = []string{"dir.short", "attr.short"}

// aboutNames reports whether a finding is about directories, attributes or links.
func aboutNames(f check.Finding) bool {
	area, _, _ := strings.Cut(f.Code.Name, ".")
	switch area {
	case "dir", "entry", "attr", "link", "parent":
		return !slices.Contains(inShortform, f.Code.Name)
	}
	return f.Code == check.SymlinkRoom || f.Code == check.UnlinkedLost
}

// below reports whether a finding is about something that lies below names.
func below(f check.Finding) bool {
	if f.Code == check.SpecialInode {
		return true
	}
	return !aboutNames(f) && !curable(f) && f.Code.Severity != check.Unchecked
}

// damagedForks lists the inodes whose fork trees are not what they should be, although they can be
// read.
func damagedForks(report *check.Report) map[format.Ino]bool {
	set := map[format.Ino]bool{}
	for _, f := range report.Findings {
		if strings.HasPrefix(f.Code.Name, "btree.") && f.Place.Ino != format.NullIno {
			set[f.Place.Ino] = true
		}
	}
	return set
}

// safe does what takes nothing from anybody: it frees what a crash has left, and adds up the
// counters.
func (j *job) safe() (more bool, err error) {
	if j.r.Rounds > 1 {
		return false, nil
	}
	return true, j.tidy()
}

// tidy frees what a crash has left, and adds up the counters, as volume.Writer.Tidy does.
func (j *job) tidy() error {
	w, err := volume.OpenWriter(keepOpen{j.dev}, volume.Options{Replay: true})
	if err != nil {
		return err
	}
	j.r.act(Action{What: "free what a crash has left, and add up counters", AG: format.NullAGNumber, Ino: format.NullIno})
	return errors.Join(w.Tidy(), w.Close())
}
