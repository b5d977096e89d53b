package check

import (
	"context"

	"github.com/cowfs/cowfs/device"
)

// Options say how to check.
type Options struct {
	// Threads is how many goroutines work, 256 at most; 0 is one for each CPU.
	Threads int
	// Memory is how many bytes the model of the image may take, as far as there is a choice: what
	// is known of inodes, 16 bytes for each, is needed in any case; in what that leaves, groups
	// whose sums are wrong, or pieces of them, are looked at one after the other, in a pass over
	// the image each. 0 is a share of what the machine has.
	Memory int64
	// MaxFindings is how many findings are kept; the others are counted. 0 is a million.
	MaxFindings int
	// Only, when not empty, limits the findings to areas or codes: "refcount", "cow.leaked". A code
	// that says so is reported only when it is named here.
	Only []string
	// Progress, when not nil, is told how many bytes of metadata have been looked at, and of how
	// many; the second grows as the scan finds out. It may be called by several goroutines.
	Progress func(stage string, done, total int64)
}

// Report is what a check has found.
type Report struct {
	Findings []Finding // by place
	Dropped  int       // findings beyond Options.MaxFindings
	// Counts is how many there are of each severity, those that were dropped among them.
	Counts [Severities]int
	// Complete says that all of the image was judged. An image is clean only if this is so and
	// there are no findings.
	Complete bool
	Dirty    bool // the log held changes; the image was checked as they make it
	Stats    Stats
}

// Stats are sums over the image.
type Stats struct {
	Groups, Inodes, Dirs uint64
	Extents              uint64 // mappings of all forks
	Blocks, Free         uint64 // of the volume
	Read                 int64  // bytes read
}

// Clean reports that nothing is wrong and all was looked at.
func (r *Report) Clean() bool { return r.Complete && len(r.Findings) == 0 && r.Dropped == 0 }

// Run checks the volume on dev and changes nothing. An error says that the check could not be
// done: dev holds no volume that this package knows, or ctx was cancelled. What can't be read is
// a finding.
func Run(ctx context.Context, dev device.Device, o Options) (*Report, error) {
	c := newChecker(ctx, dev, o)
	defer c.forget()
	if err := c.open(); err != nil {
		return nil, err
	}
	w := c.workers[0]
	w.primary()
	w.features()
	w.cleanLog()
	c.stage(ctx, "headers", c.groupUnits())
	c.stage(ctx, "trees", c.inodeTrees())
	units := c.eachGroup(rmapbt, (*worker).reverseMap)
	units = append(units, c.eachGroup(bnobt, (*worker).freeByPlace)...)
	units = append(units, c.eachGroup(cntbt, (*worker).freeByLength)...)
	c.stage(ctx, "inodes", append(units, c.inodeUnits()...))
	c.stage(ctx, "names", c.nameUnits())
	c.closeLooks(ctx)
	c.stage(ctx, "counters", []unit{func(w *worker) { w.counters() }})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return c.result(), nil
}
