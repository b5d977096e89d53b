package repair

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/group"
	"github.com/cowfs/cowfs/refcount"
	"github.com/cowfs/cowfs/space"
)

// rebuild finds out what all inodes own, mends inodes and forks on the way, and writes the
// metadata of all groups anew. The log must be clean. The forks of the inodes in doubt are written
// anew even if they can be read.
func rebuild(ctx context.Context, dev device.Device, g *format.Geometry, r *Result, doubt map[format.Ino]bool) (*model, error) {
	m := &model{
		geo: g, dev: dev, report: r, doubt: doubt,
		remaps: map[forkID]*remap{}, shared: map[format.Ino]bool{}, files: map[format.Ino]bool{},
	}
	for no := range format.AGNumber(g.AGCount) {
		m.groups = append(m.groups, &groupModel{no: no})
	}
	if err := m.scan(ctx); err != nil {
		return nil, err
	}
	if err := m.checkLists(); err != nil {
		return nil, err
	}
	m.recall()
	m.claimRemaps()
	m.claimFixed()
	m.settle()
	m.flagShared()
	if m.err != nil {
		return nil, m.err
	}
	return m, m.writeGroups(ctx)
}

// scan reads the groups side by side.
func (m *model) scan(ctx context.Context) error {
	eg, ctx := errgroup.WithContext(ctx)
	eg.SetLimit(runtime.GOMAXPROCS(0))
	scans := make([]*scan, len(m.groups))
	for i, a := range m.groups {
		eg.Go(func() error {
			s := &scan{model: m, a: a, claims: make([][]claim, len(m.groups))}
			scans[i] = s
			return s.group(ctx)
		})
	}
	if err := eg.Wait(); err != nil {
		return err
	}
	for _, s := range scans {
		for no, list := range s.claims {
			m.groups[no].claims = append(m.groups[no].claims, list...)
		}
		s.claims = nil
	}
	return nil
}

func (s *scan) group(ctx context.Context) error {
	if err := s.readHeaders(s.a); err != nil {
		return err
	}
	if err := s.findChunks(s.a); err != nil {
		return err
	}
	for i := range s.a.chunks {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.chunk(&s.a.chunks[i]); err != nil {
			return err
		}
	}
	return nil
}

// claimFixed claims the inodes' blocks and the log.
func (m *model) claimFixed() {
	for _, a := range m.groups {
		for i := range a.chunks {
			m.claimChunk(a, &a.chunks[i])
		}
	}
	if m.geo.LogStart != 0 {
		a := m.groups[m.geo.AG(m.geo.LogStart)]
		a.claims = append(a.claims, claim{Start: m.geo.AGB(m.geo.LogStart), Count: m.geo.LogBlocks, Owner: space.Owner{ID: format.OwnLog}})
	}
}

// claimChunk claims the blocks of a chunk's inodes. Where a block has more inodes than a chunk,
// several chunks lie in it.
func (m *model) claimChunk(a *groupModel, c *chunk) {
	blocks := uint32(max(1, inodesPerHole>>m.geo.InoPBLog))
	for k := 0; k < format.InodesPerChunk; k += inodesPerHole {
		b := m.geo.InoBlock(c.start + format.AGIno(k))
		if !c.exists(k) {
			continue
		}
		if n := len(a.claims); n > 0 && a.claims[n-1].ID == format.OwnInodes && a.claims[n-1].Start <= b && b < a.claims[n-1].End() {
			continue
		}
		a.claims = append(a.claims, claim{Start: b, Count: blocks, Owner: space.Owner{ID: format.OwnInodes}})
	}
}

// flagShared sets the flag of files that share blocks.
func (m *model) flagShared() {
	b := make([]byte, m.geo.InodeSize)
	for ino, missing := range m.shared {
		if !missing {
			continue
		}
		if _, err := m.dev.ReadAt(b, m.geo.InoOffset(ino)); err != nil {
			m.fail(err)
			return
		}
		format.DiFlags2.Put(b, format.DiFlags2.Get(b)|format.Flag2Reflink)
		format.SetChecksum(b, format.DiCRC)
		if _, err := m.dev.WriteAt(b, m.geo.InoOffset(ino)); err != nil {
			m.fail(err)
			return
		}
		m.report.inode(ino, "mend an inode", "it shares blocks and did not say so")
	}
}

// writeGroups writes the metadata of all groups, and the counters that follow.
func (m *model) writeGroups(ctx context.Context) error {
	var sum space.Counters
	for _, a := range m.groups {
		if err := ctx.Err(); err != nil {
			return err
		}
		c, err := m.use(a).Arrange()
		if err != nil {
			return err
		}
		if err := c.Write(m.dev, nil); err != nil {
			return fmt.Errorf("write AG %d: %w", a.no, err)
		}
		c.Count(&sum)
		m.report.group(a.no, "write the headers and trees of a group anew", "")
	}
	sb := make([]byte, m.geo.SectSize)
	if _, err := m.dev.ReadAt(sb, 0); err != nil {
		return err
	}
	sum.Put(sb)
	format.SetChecksum(sb, format.SBCRC)
	_, err := m.dev.WriteAt(sb, 0)
	return err
}

// use is what a group's blocks are used for.
func (m *model) use(a *groupModel) *group.Use {
	u := &group.Use{Geo: m.geo, No: a.no, Owners: a.claims, Unlinked: &a.unlinked}
	for i := range a.chunks {
		u.Chunks = append(u.Chunks, a.chunks[i].record(m.geo))
	}
	if m.geo.HasReflink() {
		u.Shared = refcount.CountOwners(slices.Values(a.claims))
		for _, c := range a.claims {
			if c.ID == format.OwnCow {
				u.Staged = append(u.Staged, refcount.Record{Start: c.Start, Count: c.Count, Refs: 1})
			}
		}
	}
	return u
}

// fail keeps the first error of work that has no better way to tell.
func (m *model) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = errors.Join(m.err, err)
}
