package mkfs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/populate"
	"github.com/cowfs/cowfs/source"
)

// Job says what to make, and where.
type Job struct {
	Config Config // Size 0: that of the target, else the smallest that holds the content
	Path   string // the target: a block device, or a regular file that need not exist
	Source Source // the content

	Minimize  bool // take the smallest image, whatever size the target has
	Free      int  // percent of the image to leave free when the size is not given
	Force     bool // overwrite what the target holds
	NoDiscard bool // do not tell a block device that its blocks are free
	DryRun    bool // stop when all is planned
	Durable   bool // return when all has reached stable storage

	Dedupe bool // share identical blocks of files
	Clone  populate.CloneMode

	// Time is that of inodes which no source gives.
	Time time.Time
	// Seed, when not nil, is what the UUID, unless given, and inode generation numbers are made
	// from. When nil they are made from the UUID, and that is random.
	Seed *uint64

	// Planned, when not nil, is called with the geometry before anything is written.
	Planned func(*Layout)
	// Progress, when not nil, is called with the bytes of file data written so far and in all,
	// from any goroutine but one at a time.
	Progress func(done, total int64)
}

// Summary is what a job made, or with DryRun would have made.
type Summary struct {
	Layout *Layout
	Bytes  int64          // size of the image
	Stats  populate.Stats // of its content
}

// job is a Job that runs.
type job struct {
	Job
	target *target
	tree   *source.Tree // nil: nothing but a root directory
	same   *populate.Duplicates
	plan   *populate.Plan
	layout *Layout
}

// Make does the whole job. Unless it returns nil, the target is what it was before, or, a block
// device, holds no filesystem.
func Make(ctx context.Context, o Job) (*Summary, error) {
	j := &job{Job: o}
	sum, err := j.run(ctx)
	return sum, errors.Join(err, j.close())
}

func (j *job) close() error {
	var err error
	if j.target != nil {
		err = j.target.close()
	}
	if j.tree != nil {
		err = errors.Join(err, j.tree.Close())
	}
	return err
}

func (j *job) run(ctx context.Context) (*Summary, error) {
	if err := j.check(); err != nil {
		return nil, err
	}
	var err error
	if j.target, err = openTarget(j.Path, j.DryRun); err != nil {
		return nil, err
	}
	if err := j.target.probe(j.Force); err != nil {
		return nil, err
	}
	if err := j.target.defaults(&j.Config, j.Minimize || j.Free != 0); err != nil {
		return nil, err
	}
	if err := j.judge(); err != nil {
		return nil, err
	}
	if j.tree, err = j.Source.open(ctx, j.target); err != nil {
		return nil, err
	}
	if err := j.fix(ctx); err != nil {
		return nil, err
	}
	sum := &Summary{Layout: j.layout, Bytes: j.size(), Stats: j.plan.Stats()}
	if j.Planned != nil {
		j.Planned(j.layout)
	}
	if j.DryRun {
		return sum, nil
	}
	return sum, j.write(ctx)
}

// check judges combinations of options.
func (j *job) check() error {
	switch {
	case j.Path == "":
		return conflict("no image is named")
	case j.Free != 0 && j.Config.Size != 0: // with --free the image is the smallest, too
		return conflict("--free and a size cannot both be given; drop one")
	case j.Minimize && j.Config.Size != 0:
		return conflict("--minimize and a size cannot both be given; drop one")
	case (j.Minimize || j.Free != 0) && !j.Source.Given():
		return conflict("--minimize and --free need content; give --root, --tar or --oci")
	case j.Dedupe && !j.Config.Reflink.or(true):
		return conflict("--dedupe needs reflink=1; drop -m reflink=0")
	}
	return nil
}

// judge finds out that options are wrong before anything long is done.
func (j *job) judge() error {
	c := j.Config
	switch {
	case c.Size == 0 && !j.Source.Given():
		return conflictf("%s has no size; give --size, or what to fill it from", j.Path)
	case c.Size == 0:
		c.Size = 300 * gib // any size that is not extreme: options may be wrong with all
	case j.target.block && c.Size > uint64(j.target.dev.Size()):
		return conflictf("size of %d bytes is more than the %d that %s has", c.Size, j.target.dev.Size(), j.Path)
	}
	_, err := c.Layout()
	var small tooSmall
	if j.Config.Size == 0 && errors.As(err, &small) {
		return nil
	}
	return err
}

// fix settles size, geometry and the place of everything.
func (j *job) fix(ctx context.Context) error {
	j.identify()
	if j.Config.Size == 0 {
		hint := contentBytes(j.tree, &j.Config) * 100 / uint64(100-j.Free)
		err := smallest(ctx, &j.Config, hint, func(g *format.Geometry) error { return j.fits(ctx, g) })
		if err != nil {
			return err
		}
		j.identify()
	}
	var err error
	if j.layout, err = j.Config.Layout(); err != nil {
		return err
	}
	j.plan, err = j.try(ctx, j.layout.Geometry)
	if full := (*populate.NoSpaceError)(nil); errors.As(err, &full) {
		what := full.What
		if full.Path != "" {
			what += " of " + full.Path
		}
		err = fmt.Errorf("%w of %s: no room for %s", ErrNoSpace, humanize.IBytes(j.Config.Size), what)
		if j.tree != nil {
			err = fmt.Errorf("%w; it takes about %s", err, humanize.IBytes(contentBytes(j.tree, &j.Config)))
		}
		return err
	}
	if err != nil {
		return err
	}
	j.layout.Geometry = j.plan.Geometry()
	return nil
}

// fits is a fitFunc: it finds out whether an image of some geometry holds the content and what
// is to be free, by wish or for the kernel's use.
func (j *job) fits(ctx context.Context, g *format.Geometry) error {
	p, err := j.try(ctx, g)
	full := (*populate.NoSpaceError)(nil)
	if errors.As(err, &full) || err == nil && (!p.Ample() || p.Stats().FreeBlocks*100 < g.DBlocks*uint64(j.Free)) {
		return ErrNoSpace
	}
	return err
}

// try plans an image of some geometry.
func (j *job) try(ctx context.Context, g *format.Geometry) (*populate.Plan, error) {
	if j.Dedupe && j.tree != nil && j.same == nil {
		var err error
		if j.same, err = populate.FindDuplicates(ctx, g, j.tree); err != nil {
			return nil, err
		}
	}
	return populate.NewPlan(ctx, populate.Options{
		Geo: g, Tree: j.tree, RootXattrs: j.Config.properties(g, j.tree == nil),
		Dedupe: j.Dedupe, Duplicates: j.same, Clone: j.Clone,
		KeepIMaxPct: j.Config.MaxPct != nil,
		Seed:        j.seed(g),
		Sec:         j.Time.Unix(), Nsec: uint32(j.Time.Nanosecond()),
		Zero:     j.target.block,
		Progress: j.Progress,
	})
}

// size is the size in bytes of the image.
func (j *job) size() int64 {
	if j.target.block {
		return j.target.dev.Size()
	}
	return int64(j.Config.Size)
}

// write makes the image.
func (j *job) write(ctx context.Context) error {
	if j.target.block {
		return j.overwrite(ctx)
	}
	// The new file will have a lock of its own on the old one.
	if err := j.target.close(); err != nil {
		return err
	}
	dev, err := device.CreateTemp(j.Path, j.size())
	if err != nil {
		return err
	}
	err = j.plan.Write(ctx, dev)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = dev.Commit(j.Durable)
	}
	return errors.Join(err, dev.Close())
}

// overwrite makes the image on a block device. It takes away what is there first, so that an
// interrupted job does not leave a mixture of old and new.
func (j *job) overwrite(ctx context.Context) error {
	dev := j.target.dev
	if !j.NoDiscard {
		if err := discard(dev); err != nil {
			return err
		}
	}
	if err := j.plan.Write(ctx, dev); err != nil {
		return err
	}
	return dev.Sync()
}
