package check

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/internal/foreign"
	"github.com/cowfs/cowfs/volume"
)

// checker is one run of a check.
type checker struct {
	geo *format.Geometry
	dev device.Device // with the changes that a dirty log holds
	src inode.Source  // the same
	sb  []byte        // the superblock's sector
	opt Options

	copied bool // the superblock is another group's

	out     sink
	quiet   bool        // no findings: what is looked at was looked at before
	partial atomic.Bool // a part was not judged
	stop    atomic.Bool

	workers   []*worker
	stageName atomic.Value // string
	bytes     atomic.Int64 // read
	total     atomic.Int64 // to be read, as far as known

	dirty bool            // the log holds changes
	layer *device.Overlay // that a replay has put over the image, or nil
	head  format.LSN      // of the log; metadata can't be newer. 0 when not known
	ahead ahead
	pads  paddings

	keys     keys
	groups   []group
	flagless sync.Map // format.Ino of files that were asked for their reflink flag
	lostMu   sync.Mutex
	lost     map[lostOwner]bool

	inodes inodes
}

func newChecker(ctx context.Context, dev device.Device, o Options) *checker {
	c := &checker{dev: image{dev, ctx}, pads: newPaddings(), opt: o, out: sink{most: maxFindings}, keys: newKeys(), lost: map[lostOwner]bool{}}
	if o.MaxFindings > 0 {
		c.out.most = o.MaxFindings
	}
	return c
}

// maxFindings bounds the memory that findings take.
const maxFindings = 1_000_000

// open reads the superblock and the log, and makes ready.
func (c *checker) open() error {
	if err := c.outvote(); err != nil {
		return err
	}
	v, err := c.openVolume()
	if err != nil {
		return err
	}
	c.use(v, c.dev)
	if err := c.openLog(v); err != nil {
		return err
	}
	if c.geo.AGCount > maxGroups {
		return fmt.Errorf("%w: %d groups", format.ErrUnsupported, c.geo.AGCount)
	}
	c.groups = make([]group, c.geo.AGCount)
	for i := range c.groups {
		c.groups[i].no = format.AGNumber(i)
	}
	n := c.opt.Threads
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	for range min(n, MaxThreads) {
		c.workers = append(c.workers, &worker{checker: c, sums: make([]groupSums, len(c.groups))})
	}
	return nil
}

// MaxThreads is how many threads a check has at most, whatever is asked for: each takes memory.
const MaxThreads = 256

// maxGroups bounds the memory that an image can claim by saying that it has many groups. A volume
// with as many would have 16 TiB at least.
const maxGroups = 1 << 20

// openVolume opens the volume by its primary superblock or, where that is damaged, by a copy.
func (c *checker) openVolume() (*volume.Volume, error) {
	v, err := volume.Open(c.dev, volume.Options{})
	if err == nil || !errors.Is(err, format.ErrCorrupt) {
		return v, err
	}
	if e := foreign.Check(c.dev); e != nil {
		return nil, e // whose copies of a superblock may be left of something older
	}
	if _, _, e := volume.SearchSuperblock(c.dev); e != nil {
		if errors.Is(e, format.ErrCorrupt) { // there is none
			e = err
		}
		return nil, e
	}
	for _, ag := range []format.AGNumber{1, 2, 3} {
		copied, e := volume.Open(c.dev, volume.Options{Superblock: ag})
		if e != nil {
			continue
		}
		c.incomplete()
		c.corrupt(SuperPrimary, err, AtBlock(0, 0, 1))
		c.copied = true
		sb := copied.Superblock() // copies don't have what follows from the place of the root
		format.SBRbmIno.Put(sb, copied.Geo.RootIno+1)
		format.SBRsumIno.Put(sb, copied.Geo.RootIno+2)
		return copied, nil
	}
	return nil, err
}

// eachGroup makes a unit for each group of a volume that has a tree.
func (c *checker) eachGroup(s treeSlot, do func(*worker, *group)) (list []unit) {
	if !c.has(s) {
		return nil
	}
	for i := range c.groups {
		g := &c.groups[i]
		list = append(list, func(w *worker) { do(w, g) })
	}
	return list
}

// counters is the last unit: it judges numbers that need all of the volume.
func (w *worker) counters() {
	for i := range w.groups {
		w.judgeCounters(&w.groups[i])
	}
	w.volumeCounters()
	w.pendingFlag()
	w.reportAhead()
}

// result puts everything together.
func (c *checker) result() *Report {
	r := &Report{Complete: !c.partial.Load(), Dirty: c.dirty}
	for _, w := range c.workers {
		r.Stats.add(&w.stats)
	}
	r.Stats.Blocks, r.Stats.Read = c.geo.DBlocks, c.bytes.Load()
	for i := range c.groups {
		r.Stats.Free += c.groups[i].free.blocks
	}
	c.out.cut()
	r.Findings, r.Dropped, r.Counts = c.out.list, c.out.dropped, c.out.counts
	c.addPaths(r.Findings)
	return r
}

func (s *Stats) add(t *Stats) {
	s.Groups += t.Groups
	s.Inodes += t.Inodes
	s.Dirs += t.Dirs
	s.Extents += t.Extents
}

// wants reports whether a finding is asked for: by its code, its code's area, or its structure.
func (o *Options) wants(f *Finding) bool {
	if len(o.Only) == 0 {
		return true
	}
	area, _, _ := strings.Cut(f.Code.Name, ".")
	structure, _, _ := strings.Cut(f.Structure, " ")
	return slices.ContainsFunc(o.Only, func(s string) bool {
		return s == f.Code.Name || s == area || strings.EqualFold(s, structure)
	})
}

// modelSize is how many bytes are taken by what is known of all groups and inodes.
func (c *checker) modelSize() int64 {
	m := &c.inodes
	n := 16 * (len(m.dirs) + len(m.edges))
	for i := range c.groups {
		n += 8 * len(c.groups[i].shared)
	}
	for i := range m.groups {
		n += 16 * (len(m.groups[i].chunks) + len(m.groups[i].nodes))
	}
	return int64(n)
}

// memory is how many bytes the model may take: by default an eighth of what the machine has.
func (o *Options) memory() int64 {
	if o.Memory > 0 {
		return o.Memory
	}
	return machineMemory() / 8
}

// Overlay lays an overlay over a device that keeps some bytes of changes in memory, but not more than
// a quarter of what the options allow, and the others in a temporary file. Where there is no room for
// a file, it takes that quarter.
func (o *Options) Overlay(dev device.Device, memory int64) *device.Overlay {
	most := o.memory() / 4
	return device.NewSpillingOverlay(dev, min(memory, most), most)
}

// someMemory is what is taken for the machine's memory where it is not known, in bytes.
const someMemory = 4 << 30
