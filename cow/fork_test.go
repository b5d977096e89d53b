package cow_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cowfs/cowfs/cow"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/refcount"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/space/spacetest"
	"github.com/cowfs/cowfs/txn"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// forkModel is a volume with files whose CoW forks the test knows, block by block.
type forkModel struct {
	t      testing.TB
	rng    *rand.Rand
	v      *spacetest.Volume
	counts *refcount.Counts
	forks  *cow.Forks
	files  map[format.Ino]*slice
	inos   []format.Ino
}

// slice is a CoW fork as a slice: what each offset is mapped to.
type slice [1500]cell

type cell struct {
	block     format.FSBlock // 0: a hole
	unwritten bool
}

// mappings are the extents of a slice.
func (s *slice) mappings() (list []format.Mapping) {
	for off, c := range s {
		if c.block == 0 {
			continue
		}
		m := format.Mapping{Off: format.FileOff(off), Start: c.block, Count: 1, Unwritten: c.unwritten}
		if i := len(list) - 1; i >= 0 && list[i].Joins(m) {
			list[i].Count++
			continue
		}
		list = append(list, m)
	}
	return list
}

func (s *slice) blocks() (n int) {
	for _, c := range s {
		if c.block != 0 {
			n++
		}
	}
	return n
}

func newForkModel(t testing.TB, c mkfs.Config, seed uint64) *forkModel {
	t.Helper()
	t.Logf("seed %d", seed)
	g, err := c.Geometry()
	must(t, err)
	v := spacetest.New(t, g)
	m := &forkModel{t: t, rng: rand.New(rand.NewPCG(seed, seed)), v: v, files: map[format.Ino]*slice{}}
	m.open()
	m.run(func(tx *txn.Tx) bool {
		inodes := inode.NewAllocator(v.Geo, v.Groups)
		for range 3 {
			e, err := inodes.Create(tx, v.Geo.RootIno, inode.Node{Mode: format.ModeReg | 0o600})
			must(t, err)
			m.inos = append(m.inos, e.Ino)
			m.files[e.Ino] = new(slice)
		}
		return true
	})
	return m
}

func (m *forkModel) open() {
	m.counts = refcount.New(m.v.Geo, m.v.Groups)
	m.forks = cow.NewForks(m.v.Geo, m.counts)
}

// reopen closes the volume and opens it anew, as another process would.
func (m *forkModel) reopen() {
	m.t.Helper()
	m.close()
	m.v = spacetest.Open(m.t, m.v.Dev)
	m.open()
}

func (m *forkModel) close() {
	m.t.Helper()
	tx := m.v.Begin(m.t)
	must(m.t, m.forks.Close(tx))
	spacetest.Commit(m.t, tx)
	m.v.Close(m.t)
}

// run runs f in a transaction; a false one is cancelled, and the model with it.
func (m *forkModel) run(f func(tx *txn.Tx) (commit bool)) {
	m.t.Helper()
	was := map[format.Ino]slice{}
	for ino, s := range m.files {
		was[ino] = *s
	}
	tx := m.v.Begin(m.t)
	if f(tx) {
		spacetest.Commit(m.t, tx)
		return
	}
	tx.Cancel()
	for ino, s := range was {
		*m.files[ino] = s
	}
}

func (m *forkModel) fork(tx *txn.Tx, ino format.Ino) *cow.Fork {
	m.t.Helper()
	e, err := inode.Edit(tx, m.v.Groups, ino)
	must(m.t, err)
	f, err := m.forks.Open(tx, e)
	must(m.t, err)
	return f
}

// stage maps new blocks somewhere in a hole.
func (m *forkModel) stage(tx *txn.Tx, ino format.Ino, most int) {
	m.t.Helper()
	s, f := m.files[ino], m.fork(tx, ino)
	off := m.rng.IntN(len(s))
	n := 0
	for n < most && off+n < len(s) && s[off+n].block == 0 {
		n++
	}
	if n == 0 {
		return
	}
	r := space.Request{Min: 1, Max: uint32(1 + m.rng.IntN(n)), Near: m.v.Geo.FSB(format.AGNumber(m.rng.Uint32N(m.v.Geo.AGCount)), 0)}
	if before, ok, err := f.Before(format.FileOff(off)); err == nil && ok {
		r.Near = before.Start + format.FSBlock(before.Count) // so that mappings join
	}
	x, err := m.counts.AllocStaging(tx, r)
	must(m.t, err)
	unwritten := m.rng.IntN(2) == 0
	must(m.t, f.Map(format.Mapping{Off: format.FileOff(off), Start: x.Start, Count: x.Count, Unwritten: unwritten}))
	for i := range int(x.Count) {
		s[off+i] = cell{x.Start + format.FSBlock(i), unwritten}
	}
}

// pick returns a mapping and a range in it.
func (m *forkModel) pick(f *cow.Fork, s *slice) (p format.Mapping, off, end format.FileOff, ok bool) {
	m.t.Helper()
	at := format.FileOff(m.rng.IntN(len(s)))
	p, ok, err := f.From(at)
	must(m.t, err)
	if !ok {
		return p, 0, 0, false
	}
	off, end = p.Off, p.End()
	if m.rng.IntN(2) == 0 {
		off += format.FileOff(m.rng.Uint32N(p.Count))
		end = off + 1 + format.FileOff(m.rng.IntN(int(end-off)))
	}
	return p, off, end, true
}

// unstage takes a range away and frees its blocks.
func (m *forkModel) unstage(tx *txn.Tx, ino format.Ino) {
	m.t.Helper()
	s, f := m.files[ino], m.fork(tx, ino)
	if p, off, end, ok := m.pick(f, s); ok {
		must(m.t, f.Unmap(p, off, end))
		part := p.Part(off, end)
		must(m.t, m.counts.FreeStaging(tx, space.Extent{Start: part.Start, Count: part.Count}, true))
		clear(s[off:end])
	}
}

func (m *forkModel) convert(tx *txn.Tx, ino format.Ino) {
	m.t.Helper()
	s, f := m.files[ino], m.fork(tx, ino)
	if p, off, end, ok := m.pick(f, s); ok {
		must(m.t, f.Convert(p, off, end, !p.Unwritten))
		for i := off; i < end; i++ {
			s[i].unwritten = !p.Unwritten
		}
	}
}

// drop ends a fork.
func (m *forkModel) drop(tx *txn.Tx, ino format.Ino) {
	m.t.Helper()
	f := m.fork(tx, ino)
	for {
		p, ok, err := f.From(0)
		must(m.t, err)
		if !ok {
			break
		}
		must(m.t, f.Unmap(p, p.Off, p.End()))
		must(m.t, m.counts.FreeStaging(tx, space.Extent{Start: p.Start, Count: p.Count}, true))
	}
	if !f.Empty() {
		m.t.Errorf("inode %d: a fork without mappings", ino)
	}
	*m.files[ino] = slice{}
}

// check holds the volume against the model, as an editor and as a reader see it.
func (m *forkModel) check() {
	m.t.Helper()
	tx := m.v.Begin(m.t)
	staged, pending := 0, false
	var having []format.Ino
	for _, ino := range m.inos {
		want := m.files[ino].mappings()
		staged += m.files[ino].blocks()
		f := m.fork(tx, ino)
		var got []format.Mapping
		for off := format.FileOff(0); ; {
			p, ok, err := f.From(off)
			must(m.t, err)
			if !ok {
				break
			}
			got, off = append(got, p), p.End()
		}
		if !slices.Equal(got, want) {
			m.t.Fatalf("inode %d: %v, want %v", ino, got, want)
		}
		if f.Empty() != (len(want) == 0) {
			m.t.Fatalf("inode %d: fork empty %v with %d mappings", ino, f.Empty(), len(want))
		}
		if len(want) > 0 {
			having, pending = append(having, ino), true
		}
		e, err := inode.Edit(tx, m.v.Groups, ino)
		must(m.t, err)
		if n := format.DiNBlocks.Get(e.Raw()); n != 0 {
			m.t.Fatalf("inode %d: %d blocks are counted, those of the CoW fork must not be", ino, n)
		}
	}
	all, err := m.forks.All(tx)
	must(m.t, err)
	if !slices.Equal(all, having) {
		m.t.Fatalf("inodes with forks: %v, want %v", all, having)
	}
	sb, err := tx.Read(0, format.TypeSuperblock, format.InGroup(0))
	must(m.t, err)
	if got := format.SBROCompat.Get(sb.Data)&format.ROPendingCow != 0; got != pending {
		m.t.Fatalf("the superblock says pending: %v, want %v", got, pending)
	}
	tx.Cancel()

	trees := 0
	src := inode.Source{Geo: m.v.Geo, Dev: m.v.Store.View()}
	for _, ino := range m.inos {
		i, err := src.Read(ino)
		must(m.t, err)
		f, err := i.Fork(inode.Cow)
		must(m.t, err)
		var got []format.Mapping
		for p, err := range f.All() {
			must(m.t, err)
			got = append(got, p)
		}
		if want := m.files[ino].mappings(); !slices.Equal(got, want) {
			m.t.Fatalf("inode %d: a reader sees %v, want %v", ino, got, want)
		}
		if f.Tree() != nil {
			trees += treeBlocks(m.t, f)
		}
	}
	count := 0
	groups := spacetest.Judge(m.t, m.v.Store.View(), m.v.Geo)
	if m.v.Geo.HasRmapbt() {
		spacetest.JudgeSharing(m.t, groups)
	}
	for _, a := range groups {
		for _, r := range a.Staged {
			count += int(r.Count)
		}
	}
	if count != staged+trees {
		m.t.Fatalf("%d blocks are staged, want %d of data and %d of trees", count, staged, trees)
	}
}

func treeBlocks(t testing.TB, f *inode.Fork) (n int) {
	t.Helper()
	must(t, f.Tree().Walk(func(int, uint64, []byte) error { n++; return nil }))
	return n
}

var forkConfigs = map[string]mkfs.Config{
	"4k":        {Size: 300 << 20},
	"1k":        {Size: 300 << 20, BlockSize: 1024},
	"no-rmapbt": {Size: 300 << 20, BlockSize: 1024, Rmapbt: mkfs.Off},
}

// Forks on disk are what a slice is, through commits, cancels and other processes.
func TestForkModel(t *testing.T) {
	for name, c := range forkConfigs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newForkModel(t, c, 7)
			for i := range 250 {
				m.run(func(tx *txn.Tx) bool {
					for range 1 + m.rng.IntN(8) {
						ino := m.inos[m.rng.IntN(len(m.inos))]
						switch m.rng.IntN(12) {
						case 0, 1, 2, 3, 4, 5:
							m.stage(tx, ino, 1+m.rng.IntN(9))
						case 6, 7, 8:
							m.convert(tx, ino)
						case 9, 10:
							m.unstage(tx, ino)
						default:
							if m.rng.IntN(10) == 0 {
								m.drop(tx, ino)
							}
						}
					}
					return m.rng.IntN(4) > 0
				})
				if i%5 == 0 {
					m.check()
				}
				if m.rng.IntN(12) == 0 {
					m.reopen()
				}
			}
			for _, ino := range m.inos {
				m.run(func(tx *txn.Tx) bool { m.drop(tx, ino); return true })
				m.check()
			}
			m.noTrace()
		})
	}
}

// noTrace checks that nothing of the extension is left.
func (m *forkModel) noTrace() {
	m.t.Helper()
	m.close()
	sb := make([]byte, m.v.Geo.SectSize)
	_, err := m.v.Dev.ReadAt(sb, 0)
	must(m.t, err)
	if format.SBROCompat.Get(sb)&format.ROPendingCow != 0 || format.SBLogIncompat.Get(sb) != 0 {
		m.t.Error("the superblock still says that forks are pending")
	}
	src := inode.Source{Geo: m.v.Geo, Dev: m.v.Dev}
	for raw, err := range src.Used() {
		must(m.t, err)
		if root := format.DiCowRoot.Get(raw.Bytes); root != 0 {
			m.t.Errorf("inode %d still has the root of a CoW fork, %d", raw.Ino, root)
		}
	}
}

// A fork grows to several levels and back, with the last mapping taken away anywhere.
func TestForkDeep(t *testing.T) {
	m := newForkModel(t, forkConfigs["1k"], 1)
	ino := m.inos[0]
	const n = 12_000 // three levels of blocks of 59 records and 59 entries
	var maps []format.Mapping
	var start space.Extent
	m.run(func(tx *txn.Tx) bool {
		var err error
		start, err = m.counts.AllocStaging(tx, space.Request{Min: 2 * n, Near: m.v.Geo.FSB(1, 0)})
		must(t, err)
		return true
	})
	for i := range n { // every other block, so that none join
		maps = append(maps, format.Mapping{Off: format.FileOff(i * 3), Start: start.Start + format.FSBlock(2*i), Count: 1})
	}
	m.rng.Shuffle(n, func(i, j int) { maps[i], maps[j] = maps[j], maps[i] })
	for part := range slices.Chunk(maps, 500) {
		m.run(func(tx *txn.Tx) bool {
			f := m.fork(tx, ino)
			for _, p := range part {
				must(t, f.Map(p))
			}
			return true
		})
	}
	src := inode.Source{Geo: m.v.Geo, Dev: m.v.Store.View()}
	i, err := src.Read(ino)
	must(t, err)
	f, err := i.Fork(inode.Cow)
	must(t, err)
	if f.Tree().Levels < 3 {
		t.Fatalf("%d levels are too few for the test", f.Tree().Levels)
	}
	got := 0
	for p, err := range f.All() {
		must(t, err)
		if want := format.FileOff(got * 3); p.Off != want || p.Count != 1 {
			t.Fatalf("mapping %d: %+v", got, p)
		}
		got++
	}
	if got != n {
		t.Fatalf("%d mappings, want %d", got, n)
	}
	m.rng.Shuffle(n, func(i, j int) { maps[i], maps[j] = maps[j], maps[i] })
	for part := range slices.Chunk(maps, 500) {
		m.run(func(tx *txn.Tx) bool {
			f := m.fork(tx, ino)
			for _, p := range part {
				must(t, f.Unmap(p, p.Off, p.End()))
			}
			return true
		})
	}
	m.run(func(tx *txn.Tx) bool {
		must(t, m.counts.FreeStaging(tx, start, true))
		return true
	})
	m.check()
	m.noTrace()
}

// What a fork must refuse it refuses, and has changed nothing then.
func TestForkRefuses(t *testing.T) {
	m := newForkModel(t, forkConfigs["4k"], 1)
	m.run(func(tx *txn.Tx) bool {
		f := m.fork(tx, m.inos[0])
		x, err := m.counts.AllocStaging(tx, space.Request{Min: 8, Near: m.v.Geo.FSB(1, 0)})
		must(t, err)
		p := format.Mapping{Off: 10, Start: x.Start, Count: 8}
		for name, err := range map[string]error{
			"unmap without a fork": f.Unmap(p, 10, 18),
			"empty mapping":        f.Map(format.Mapping{Off: 10, Start: x.Start}),
			"too far":              f.Map(format.Mapping{Off: format.MaxFileOff - 1, Start: x.Start, Count: 2}),
		} {
			if err == nil {
				t.Errorf("%s: no error", name)
			}
		}
		must(t, f.Map(p))
		for name, err := range map[string]error{
			"mapped already": f.Map(format.Mapping{Off: 17, Start: x.Start, Count: 1}),
			"mapped within":  f.Map(format.Mapping{Off: 5, Start: x.Start, Count: 20}),
			"nothing of it":  f.Unmap(p, 12, 12),
			"more than it":   f.Unmap(p, 12, 19),
			"not a mapping":  f.Unmap(format.Mapping{Off: 11, Start: x.Start, Count: 4}, 11, 12),
		} {
			if err == nil {
				t.Errorf("%s: no error", name)
			}
		}
		got, ok, err := f.From(0)
		must(t, err)
		if !ok || got != p {
			t.Errorf("%+v, want %+v", got, p)
		}
		root, err := inode.Edit(tx, m.v.Groups, m.v.Geo.RootIno)
		must(t, err)
		if _, err := m.forks.Open(tx, root); err == nil {
			t.Error("a directory has a CoW fork")
		}
		return false
	})
	m.check()
	noReflink := newForkModel(t, mkfs.Config{Size: 300 << 20, Reflink: mkfs.Off, Rmapbt: mkfs.Off}, 1)
	noReflink.run(func(tx *txn.Tx) bool {
		e, err := inode.Edit(tx, noReflink.v.Groups, noReflink.inos[0])
		must(t, err)
		if _, err := noReflink.forks.Open(tx, e); err == nil {
			t.Error("a CoW fork without reflink")
		}
		return false
	})
}
