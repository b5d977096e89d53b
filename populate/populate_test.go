package populate_test

import (
	"context"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/internal/oracle/zoo"
	"github.com/cowfs/cowfs/populate"
	"github.com/cowfs/cowfs/source"
)

// geometry is a volume with all features.
func geometry(blockLog uint, dblocks uint64, agcount uint32, logBlocks uint32) *format.Geometry {
	g := &format.Geometry{
		BlockLog: blockLog, SectLog: 9, InodeLog: 9, InoPBLog: blockLog - 9,
		DBlocks: dblocks, AGCount: agcount, AGBlocks: uint32((dblocks + uint64(agcount) - 1) / uint64(agcount)),
		LogBlocks: logBlocks, LogSUnit: 1, IMaxPct: 25, RExtSize: 1,
		Version: format.VersionMandatory, Feat2: format.Feat2Mandatory,
		ROCompat: format.ROFinobt | format.RORmapbt | format.ROReflink | format.ROInobtCount,
		Incompat: format.InFType | format.InSparse | format.InBigtime | format.InNrext64 | format.InExchange | format.InParent,
		UUID:     format.UUID{1, 2, 3, 4},
	}
	g.MetaUUID = g.UUID
	g.BlockSize, g.SectSize, g.InodeSize = 1<<g.BlockLog, 1<<g.SectLog, 1<<g.InodeLog
	for g.BlockLog+g.DirBlkLog < 12 {
		g.DirBlkLog++
	}
	g.DirBlockSize = g.BlockSize << g.DirBlkLog
	g.AGBlkLog = uint(bits.Len32(g.AGBlocks - 1))
	g.InoAlign = uint32(64 * g.InodeSize / g.BlockSize)
	g.SpInoAlign = uint32(16384 / g.BlockSize)
	if g.BlockSize < 4096 {
		g.RExtSize = uint32(4096 / g.BlockSize)
	}
	g.LogStart = g.FSB(format.AGNumber(agcount/2), g.HeaderBlocks()+6)
	g.RootIno = populate.RootIno(g)
	return g
}

func build(t *testing.T, o populate.Options) string {
	t.Helper()
	plan, err := populate.NewPlan(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, o.Geo, plan)
}

func write(t *testing.T, g *format.Geometry, plan *populate.Plan) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image")
	dev, err := device.CreateTemp(path, int64(g.DBlocks)<<g.BlockLog)
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	if err := plan.Write(context.Background(), dev); err != nil {
		t.Fatal(err)
	}
	if err := dev.Commit(false); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestEmptyImage(t *testing.T) {
	for _, blockLog := range []uint{10, 12, 16} {
		g := geometry(blockLog, 1<<30>>blockLog, 4, 128<<20>>blockLog)
		image := build(t, populate.Options{Geo: g})
		oracle.RepairClean(t, oracle.Gen7, image)
		oracle.Mount(t, image, oracle.MountOptions{}).Unmount()
	}
}

// compare mounts an image and holds it against the source; then the kernel writes to it.
func compare(t *testing.T, dir, image string) {
	t.Helper()
	oracle.RepairClean(t, oracle.Gen7, image)
	m := oracle.Mount(t, image, oracle.MountOptions{})
	oracle.Equal(t, oracle.Snapshot(t, dir), oracle.Snapshot(t, m.Dir), oracle.CompareOptions{})
	m.Unmount()
	oracle.KernelWrites(t, oracle.Gen7, image, 1)
}

func scan(t *testing.T, dir string) *source.Tree {
	t.Helper()
	tree, err := source.ScanDir(context.Background(), dir, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tree.Close() })
	return tree
}

func TestSmallTree(t *testing.T) {
	oracle.NeedRoot(t)
	dir := zoo.Home(t)
	zoo.Small(t, dir)
	tree := scan(t, dir)
	for _, blockLog := range []uint{10, 12, 16} {
		t.Run(fmt.Sprint(1<<blockLog), func(t *testing.T) {
			g := geometry(blockLog, 1<<30>>blockLog, 4, 128<<20>>blockLog)
			compare(t, dir, build(t, populate.Options{Geo: g, Tree: tree}))
		})
	}
}

// Large things in small groups, so that directories, files and attributes cross their borders.
func TestLargeThings(t *testing.T) {
	oracle.NeedRoot(t)
	dir := zoo.Home(t)
	for _, sub := range []string{"names", "links", "many"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	zoo.Names(t, filepath.Join(dir, "names"), 20_000)
	zoo.Links(t, filepath.Join(dir, "links"), 1_500)
	zoo.Many(t, filepath.Join(dir, "many"), 2_000, 50)
	zoo.Sparse(t, filepath.Join(dir, "sparse"), 1<<40, 1_500, 65536)
	if err := os.WriteFile(filepath.Join(dir, "big"), make([]byte, 100<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	tree := scan(t, dir)
	for _, c := range []struct {
		blockLog uint
		groups   uint32
	}{{10, 64}, {12, 40}, {16, 4}} {
		t.Run(fmt.Sprintf("%d-%d", 1<<c.blockLog, c.groups), func(t *testing.T) {
			size := uint64(3 << 29)
			g := geometry(c.blockLog, size>>c.blockLog, c.groups, 16<<20>>c.blockLog)
			if c.blockLog == 16 {
				g = geometry(c.blockLog, size>>c.blockLog, c.groups, 128<<20>>c.blockLog)
			}
			compare(t, dir, build(t, populate.Options{Geo: g, Tree: tree}))
		})
	}
}

// Files with equal parts share blocks, and what can be read stays the same.
func TestDedupe(t *testing.T) {
	oracle.NeedRoot(t)
	dir := zoo.Home(t)
	zoo.Small(t, dir)
	rng := rand.New(rand.NewPCG(1, 1))
	block := make([]byte, 1<<20)
	for i := range block {
		block[i] = byte(rng.Uint32())
	}
	mixed := slices.Concat(block[:300_000], block[:65536], make([]byte, 131072), block[65536:400_000])
	for name, content := range map[string][]byte{
		"whole": block, "again": block, "head": block[:500_000], "tail": block[1<<19:], "mixed": mixed,
		"zero": make([]byte, 1<<20), "tiny1": block[:100], "tiny2": block[:100],
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tree := scan(t, dir)
	for _, blockLog := range []uint{10, 12, 16} {
		t.Run(fmt.Sprint(1<<blockLog), func(t *testing.T) {
			g := geometry(blockLog, 1<<30>>blockLog, 4, 128<<20>>blockLog)
			plan, err := populate.NewPlan(context.Background(), populate.Options{Geo: g, Tree: tree, Dedupe: true})
			if err != nil {
				t.Fatal(err)
			}
			if saved := plan.Stats().SharedBlocks << blockLog; saved < 3<<20 || saved > 5<<20 {
				t.Errorf("sharing saves %d bytes", saved)
			}
			compare(t, dir, write(t, g, plan))
		})
	}
}
