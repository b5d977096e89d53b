package btree

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/oracle"
)

// xfsImage makes an image with mkfs.xfs, and has the kernel fill it if fill is not nil.
func xfsImage(t *testing.T, gen oracle.Gen, fill func(t *testing.T, dir string), args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image")
	d, err := device.Create(path, 700<<20)
	if err != nil {
		t.Fatal(err)
	}
	d.Close()
	oracle.MustRun(t, oracle.Tool(t, "mkfs.xfs", gen), append(append([]string{"-q"}, args...), path)...)
	if fill != nil {
		m := oracle.Mount(t, path, oracle.MountOptions{})
		fill(t, m.Dir)
		m.Unmount()
	}
	return path
}

// fragment leaves trees of many records behind: of free space and inodes in pieces, of a file
// in pieces, and of blocks shared here and there. unit is the size of a piece in bytes, a
// multiple of the block size; files is how many files to make.
func fragment(t *testing.T, dir string, unit int64, files int) {
	check := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	rng := rand.New(rand.NewPCG(61, 62))
	block := make([]byte, unit)
	var names []string
	for d := range 4 {
		check(os.Mkdir(filepath.Join(dir, fmt.Sprint(d)), 0o700))
	}
	for i := range files {
		names = append(names, filepath.Join(dir, fmt.Sprint(i%4), fmt.Sprint(i)))
		check(os.WriteFile(names[i], block[:1+rng.Int64N(unit)], 0o600))
	}
	check(syncFS(dir))
	for i, n := range rng.Perm(len(names)) {
		if i < len(names)/2 {
			check(os.Remove(names[n]))
		}
	}
	holes, err := os.Create(filepath.Join(dir, "holes"))
	check(err)
	defer holes.Close()
	for i := range int64(files / 4) {
		_, err := holes.WriteAt(block, i*3*unit)
		check(err)
		if i%10 == 0 {
			check(unix.Fallocate(int(holes.Fd()), 0, i*3*unit+unit, unit)) // unwritten
		}
	}
	check(syncFS(dir))
	clone, err := os.Create(filepath.Join(dir, "clone"))
	check(err)
	defer clone.Close()
	for i := range int64(files / 8) {
		check(unix.IoctlFileCloneRange(int(clone.Fd()), &unix.FileCloneRange{
			Src_fd: int64(holes.Fd()), Src_offset: uint64(i * 6 * unit), Src_length: uint64(unit), Dest_offset: uint64((int64(files) - i) * unit),
		}))
	}
	check(syncFS(dir))
}

func syncFS(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Syncfs(int(f.Fd()))
}

// agTree says where a group's header names a tree, for us and for xfs_db.
type agTree struct {
	kind        *Kind
	sector      int // of the header
	root        format.U32[format.AGBlock]
	level       format.U32[uint32]
	header, ptr string // as xfs_db calls them
}

var agTrees = []agTree{
	{Bnobt, 1, format.AGFBnoRoot, format.AGFBnoLevel, "agf", "bnoroot"},
	{Cntbt, 1, format.AGFCntRoot, format.AGFCntLevel, "agf", "cntroot"},
	{Rmapbt, 1, format.AGFRmapRoot, format.AGFRmapLevel, "agf", "rmaproot"},
	{Refcountbt, 1, format.AGFRefcntRoot, format.AGFRefcntLevel, "agf", "refcntroot"},
	{Inobt, 2, format.AGIRoot, format.AGILevel, "agi", "root"},
	{Finobt, 2, format.AGIFreeRoot, format.AGIFreeLevel, "agi", "free_root"},
}

func openImage(t *testing.T, path string) (*device.File, *format.Geometry) {
	t.Helper()
	d, err := device.Open(path, device.ReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d, geometryOf(t, d)
}

func geometryOf(t *testing.T, d *device.File) *format.Geometry {
	t.Helper()
	sb := make([]byte, 4096)
	if _, err := d.ReadAt(sb, 0); err != nil {
		t.Fatal(err)
	}
	g, err := format.GeometryOf(sb)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func (a agTree) open(t *testing.T, d *device.File, g *format.Geometry, ag format.AGNumber) *Tree {
	t.Helper()
	b := make([]byte, g.SectSize)
	if _, err := d.ReadAt(b, g.SectorOffset(ag, a.sector)); err != nil {
		t.Fatal(err)
	}
	return &Tree{Kind: a.kind, Geo: g, Dev: d, AG: ag, Root: uint64(a.root.Get(b)), Levels: int(a.level.Get(b))}
}

// Trees that the kernel made hold, to us, what xfs_db sees in them: every block, key, pointer
// and record.
func TestKernelTrees(t *testing.T) {
	for name, tt := range map[string]struct {
		gen   oracle.Gen
		args  []string
		unit  int64
		files int
		deep  bool
	}{
		"1k":  {oracle.Gen7, []string{"-b", "size=1k", "-d", "agcount=2"}, 4096, 12000, true},
		"4k":  {oracle.Gen7, []string{"-d", "agcount=2"}, 4096, 6000, false},
		"64k": {oracle.Gen7, []string{"-b", "size=64k", "-d", "agcount=2"}, 65536, 1000, false},
		"6.1": {oracle.Gen6, []string{"-b", "size=2k", "-d", "agcount=2", "-i", "size=1024", "-m", "rmapbt=1"}, 4096, 6000, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := oracle.Tool(t, "xfs_db", oracle.Gen7)
			path := xfsImage(t, tt.gen, func(t *testing.T, dir string) { fragment(t, dir, tt.unit, tt.files) }, tt.args...)
			d, g := openImage(t, path)
			levels := map[string]int{}
			for ag := range format.AGNumber(g.AGCount) {
				for _, a := range agTrees {
					tree := a.open(t, d, g, ag)
					levels[a.kind.Name] = max(levels[a.kind.Name], tree.Levels)
					want := oracle.MustRun(t, db, "-r", "-c", fmt.Sprint(a.header, " ", ag), "-c", "addr "+a.ptr, "-c", "btdump -i", path)
					sameDump(t, fmt.Sprintf("%s of AG %d", a.kind.Name, ag), parseDump(want), dump(t, tree))
				}
			}
			for name, n := range levels {
				if tt.deep && n < 2 {
					t.Errorf("%s has only one level", name)
				}
			}
			for _, file := range []string{"holes", "clone"} {
				sameFork(t, db, path, file, d, g, tt.files/16)
			}
		})
	}
}

// sameFork is the test for the tree of a file's data, which has at least so many extents.
func sameFork(t *testing.T, db, path, file string, d *device.File, g *format.Geometry, least int) {
	t.Helper()
	out := oracle.MustRun(t, db, "-r", "-c", "path /"+file, "-c", "print core.format core.nextents core.forkoff v3.inumber", path)
	var ino format.Ino
	var extents, forkOff int
	for _, line := range strings.Split(out, "\n") {
		for field, to := range map[string]any{"v3.inumber = %d": &ino, "core.nextents = %d": &extents, "core.forkoff = %d": &forkOff} {
			_, _ = fmt.Sscanf(line, field, to) // most lines are another field
		}
	}
	if ino == 0 || !strings.Contains(out, "(btree)") {
		t.Fatalf("%s has no tree:\n%s", file, out)
	}
	b := make([]byte, g.InodeSize)
	if _, err := d.ReadAt(b, g.InoOffset(ino)); err != nil {
		t.Fatal(err)
	}
	fork := b[format.Dinode.Size:]
	if forkOff > 0 {
		fork = fork[:forkOff*8]
	}
	tree := &Tree{Kind: Bmbt, Geo: g, Dev: d, Owner: ino, Fork: fork}
	want := oracle.MustRun(t, db, "-r", "-c", "path /"+file, "-c", "btdump -i", path)
	sameDump(t, file, parseDump(want), dump(t, tree))
	n := 0
	for _, err := range tree.All() {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != extents || n < least {
		t.Errorf("%s: %d extents, the inode says %d", file, n, extents)
	}
}

func sameDump(t *testing.T, name string, want, got []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-xfs_db +ours):\n%.3000s", name, diff)
	}
}

// parseDump takes the blocks from xfs_db's output, each as one string: level and address, then
// its records, or keys and pointers. A root in an inode comes without address.
func parseDump(out string) []string {
	var blocks []string
	for _, line := range strings.Split(out, "\n") {
		line = strings.TrimSpace(line)
		words := strings.Fields(line)
		switch {
		case len(words) == 7 && words[1] == "level":
			blocks = append(blocks, fmt.Sprintf("level %s daddr %s\n", words[2], words[6]))
		case strings.HasPrefix(line, "u3.bmbt.keys"):
			blocks = append(blocks, "root\n")
		case strings.Contains(line, "ptrs["):
			if _, line, _ = strings.Cut(line, "= "); !strings.Contains(line, ":") {
				line = "1:" + line // a single one comes without its number
			}
			blocks[len(blocks)-1] += line + "\n"
		case len(words) == 1 && strings.Contains(line, ":["):
			blocks[len(blocks)-1] += line + "\n"
		}
	}
	return blocks
}

// dump gives the same strings from our reading.
func dump(t *testing.T, tree *Tree) []string {
	t.Helper()
	var root []string
	if tree.Fork != nil {
		n, err := tree.forkRoot()
		if err != nil {
			t.Fatal(err)
		}
		root = append(root, "root\n"+dumpNode(n))
	}
	levels := make([][]string, format.MaxBtreeLevels)
	records := 0
	err := tree.Walk(func(level int, block uint64, b []byte) error {
		n := tree.Kind.NodeOf(b)
		if level == 0 {
			records += n.Len()
		}
		levels[level] = append(levels[level], fmt.Sprintf("level %d daddr %d\n", level, tree.offset(block)/512)+dumpNode(n))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range tree.All() {
		if err != nil {
			t.Fatal(err)
		}
		records--
	}
	if records != 0 {
		t.Errorf("%s: the leaves have %d more records than the tree", tree.Kind.Name, records)
	}
	slices.Reverse(levels)
	return slices.Concat(root, slices.Concat(levels...))
}

func dumpNode(n Node) string {
	var s strings.Builder
	if n.Level == 0 {
		for i := range n.Len() {
			fmt.Fprintf(&s, "%d:[%s]\n", i+1, dumpRec(n.Kind, n.Rec(i)))
		}
		return s.String()
	}
	for i := range n.Len() {
		fmt.Fprintf(&s, "%d:[%s]\n", i+1, dumpKey(n.Kind, n.Key(i)))
	}
	for i := range n.Len() {
		if i > 0 {
			s.WriteByte(' ')
		}
		fmt.Fprintf(&s, "%d:%d", i+1, n.Ptr(i))
	}
	return s.String() + "\n"
}

func dumpRec(k *Kind, rec []byte) string {
	switch k {
	case Inobt, Finobt:
		return strings.ReplaceAll(fmt.Sprintf("%d,%#x,%d,%d,%#x", format.InoRecStart.Get(rec), format.InoRecHoleMask.Get(rec),
			format.InoRecCount.Get(rec), format.InoRecFreeCount.Get(rec), format.InoRecFree.Get(rec)), "0x0,", "0,")
	case Rmapbt:
		return fmt.Sprintf("%d,%d,%s", format.RmapStart.Get(rec), format.RmapCount.Get(rec), dumpOwner(format.RmapOwner.Get(rec), format.RmapOffset.Get(rec)))
	case Refcountbt:
		start := format.RefcStart.Get(rec)
		return fmt.Sprintf("%d,%d,%d,%d", start&^format.RefcCowFlag, format.RefcCount.Get(rec), format.RefcRefs.Get(rec), start>>31)
	case Bmbt:
		m := format.UnpackMapping(rec)
		return fmt.Sprintf("%d,%d,%d,%d", m.Off, m.Start, m.Count, pick(m.Unwritten, 1, 0))
	}
	return fmt.Sprintf("%d,%d", format.FreeStart.Get(rec), format.FreeCount.Get(rec))
}

func dumpKey(k *Kind, key []byte) string {
	switch k {
	case Inobt, Finobt:
		return fmt.Sprint(format.InoRecStart.Get(key))
	case Rmapbt:
		return fmt.Sprintf("%d,%s,%d,%s",
			format.RmapKeyStart.Get(key), dumpOwner(format.RmapKeyOwner.Get(key), format.RmapKeyOffset.Get(key)),
			format.RmapHighKeyStart.Get(key), dumpOwner(format.RmapHighKeyOwner.Get(key), format.RmapHighKeyOffset.Get(key)))
	case Refcountbt:
		start := format.RefcStart.Get(key)
		return fmt.Sprintf("%d,%d", start&^format.RefcCowFlag, start>>31)
	case Bmbt:
		return fmt.Sprint(format.BmbtKeyStart.Get(key))
	case Cntbt: // shown the other way round, as it sorts
		return fmt.Sprintf("%d,%d", format.FreeCount.Get(key), format.FreeStart.Get(key))
	}
	return fmt.Sprintf("%d,%d", format.FreeStart.Get(key), format.FreeCount.Get(key))
}

func dumpOwner(owner, offset uint64) string {
	return fmt.Sprintf("%d,%d,%d,%d,%d", int64(owner), offset&format.RmapOffsetMask, offset>>61&1, offset>>63, offset>>62&1)
}

// The trees of a fresh image, loaded again from their records, are the same bytes.
func TestLoadEqualsMkfs(t *testing.T) {
	for name, args := range map[string][]string{
		"4k":   nil,
		"1k":   {"-b", "size=1k"},
		"64k":  {"-b", "size=64k"},
		"uuid": {"-m", "uuid=c1b9d5a2-f162-11cf-9ece-0020afc76f16"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, g := openImage(t, xfsImage(t, oracle.Gen7, nil, args...))
			for ag := range format.AGNumber(g.AGCount) {
				for _, a := range agTrees {
					tree := a.open(t, d, g, ag)
					recs := collect(t, tree.All())
					l := &Load{Kind: a.kind, Geo: g, AG: ag, Block: func(int) uint64 { return tree.Root }}
					l.Write = func(_ int, b []byte) error {
						want := make([]byte, g.BlockSize)
						if _, err := d.ReadAt(want, tree.offset(tree.Root)); err != nil {
							return err
						}
						if !bytes.Equal(b, want) {
							t.Errorf("%s of AG %d:\nours %x\nmkfs %x", a.kind.Name, ag, b[:200], want[:200])
						}
						return nil
					}
					root, levels, err := l.Run(len(recs), func(i int, b []byte) { copy(b, recs[i]) })
					if root != tree.Root || levels != tree.Levels || err != nil {
						t.Errorf("%s of AG %d: root %d, %d levels, %v", a.kind.Name, ag, root, levels, err)
					}
				}
			}
		})
	}
}
