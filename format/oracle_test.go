package format_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/internal/oracle/zoo"
)

// image is an image that mkfs.xfs made and the kernel wrote, in memory.
type image struct {
	path string
	raw  []byte
	g    *format.Geometry
}

// kernelImage makes an image that has every kind of block: mkfs.xfs 7.2 makes it and the kernel
// fills it.
func kernelImage(t *testing.T, options ...string) *image {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 320<<20); err != nil {
		t.Fatal(err)
	}
	oracle.MustRun(t, oracle.Tool(t, "mkfs.xfs", oracle.Gen7), append(append([]string{"-q"}, options...), path)...)
	m := oracle.Mount(t, path, oracle.MountOptions{})
	populate(t, m.Dir)
	m.Unmount()
	return load(t, path)
}

func load(t *testing.T, path string) *image {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Munmap(raw) })
	g, err := format.GeometryOf(raw)
	if err != nil {
		t.Fatal(err)
	}
	return &image{path, raw, g}
}

func populate(t *testing.T, dir string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{"zoo", "names", "links"} {
		must(os.Mkdir(filepath.Join(dir, d), 0o755))
	}
	zoo.Small(t, filepath.Join(dir, "zoo"))
	zoo.Names(t, filepath.Join(dir, "names"), 3000)
	for i := 0; i < 3000; i += 7 {
		must(os.Remove(fmt.Sprintf("%s/names/entry-number-%08d-of-many", dir, i)))
	}
	zoo.Links(t, filepath.Join(dir, "links"), 400)
	sparse := filepath.Join(dir, "sparse")
	zoo.Sparse(t, sparse, 16<<20, 2000, 4096)
	must(os.Symlink(strings.Repeat("long/", 200), filepath.Join(dir, "long")))
	clone(t, sparse, sparse+"-clone")
	f, err := os.OpenFile(sparse, os.O_RDWR, 0)
	must(err)
	for i := range int64(1000) { // breaks the sharing in pieces
		_, err := f.WriteAt([]byte("new"), i*16384)
		must(err)
	}
	must(f.Close())
}

// clone shares a file's blocks where the filesystem can.
func clone(t *testing.T, from, to string) {
	t.Helper()
	src, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	dst, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	defer dst.Close()
	if err := unix.IoctlFileClone(int(dst.Fd()), int(src.Fd())); err != nil && !errors.Is(err, unix.EOPNOTSUPP) {
		t.Fatal(err)
	}
}

// found is a block that a scan of an image came across.
type found struct {
	t   *format.BlockType
	off int64 // bytes
	b   []byte
}

// scan finds all metadata of an image by their magic numbers, the log's copies excepted. Blocks
// that were freed count, too: they were good when they were written. Only blocks of directories
// that have several filesystem blocks can be found in pieces; those are left out.
func (im *image) scan() []found {
	g := im.g
	logStart, logEnd := g.Offset(g.LogStart), g.Offset(g.LogStart)+int64(g.LogBlocks)<<g.BlockLog
	var out []found
	for off := int64(0); off < int64(len(im.raw)); {
		if off == logStart {
			off = logEnd
		}
		b := im.raw[off:]
		bt := format.Detect(g, b)
		step := int64(g.BlockSize) - off%int64(g.BlockSize)
		switch {
		case off%(int64(g.AGBlocks)<<g.BlockLog) < int64(3*g.SectSize):
			step = int64(g.SectSize)
		case bt == format.TypeInode:
			step = int64(g.InodeSize)
		}
		if bt != nil && im.whole(bt, b) {
			out = append(out, found{bt, off, b[:bt.Len(g, b)]})
		}
		off += step
	}
	return out
}

func (im *image) whole(t *format.BlockType, b []byte) bool {
	n := t.Len(im.g, b)
	return n <= im.g.BlockSize || n <= len(b) && format.ChecksumOK(b[:n], t.CRC)
}

// place is where a block lies, with its owner unknown.
func (im *image) place(off int64) format.Place {
	return format.Place{
		AG:    format.AGNumber(off / (int64(im.g.AGBlocks) << im.g.BlockLog)),
		Daddr: format.Daddr(off / format.BasicBlock),
		Ino:   format.NullIno,
	}
}

// oracleImages are the options of the images that the tests below look at: today's default
// set with small blocks, and none of the features that change how things look.
var oracleImages = map[string][]string{
	"default-1k": {"-b", "size=1024"},
	"plain-4k": {"-m", "bigtime=0,finobt=0,rmapbt=0,reflink=0,inobtcount=0",
		"-i", "nrext64=0,sparse=0,exchange=0", "-n", "parent=0"},
}

// All that the kernel writes passes our checks, and prints as xfs_db prints it.
func TestKernelImages(t *testing.T) {
	for name, options := range oracleImages {
		t.Run(name, func(t *testing.T) {
			im := kernelImage(t, options...)
			blocks := im.scan()
			t.Run("verify", func(t *testing.T) { verifyAll(t, im, blocks) })
			t.Run("decode", func(t *testing.T) { decodeAll(t, im, blocks) })
			t.Run("xfs_db", func(t *testing.T) { compareAll(t, im, blocks) })
		})
	}
}

func verifyAll(t *testing.T, im *image, blocks []found) {
	count := map[string]int{}
	for _, f := range blocks {
		count[f.t.Name]++
		if err := format.Verify(im.g, f.t, f.b, im.place(f.off)); err != nil {
			t.Errorf("byte %d: %v", f.off, err)
		}
	}
	t.Log(count)
	for _, bt := range format.BlockTypes() {
		if count[bt.Name] == 0 && im.expects(bt) {
			t.Errorf("found no %s", bt)
		}
	}
}

// expects reports whether an image must have blocks of a type.
func (im *image) expects(t *format.BlockType) bool {
	switch t {
	case format.TypeFinobt:
		return im.g.HasFinobt()
	case format.TypeRmapbt:
		return im.g.HasRmapbt()
	case format.TypeRefcount:
		return im.g.HasReflink()
	case format.TypeDirNode:
		return im.g.DirBlockSize != im.g.BlockSize // else they are found as TypeAttrNode
	case format.TypeDquot:
		return false // no quotas in the kernel of the test machines
	}
	return true
}

// decodeAll prints all blocks in both forms; none is damaged.
func decodeAll(t *testing.T, im *image, blocks []found) {
	for _, f := range blocks {
		vs, err := f.t.Decode(im.g, f.b)
		if err != nil {
			t.Fatalf("byte %d: %s: %v", f.off, f.t, err)
		}
		if f.off%(7*4096) == 0 { // a sample, for time's sake
			if err := jsonRoundTrip(vs); err != nil {
				t.Fatalf("byte %d: %s: %v", f.off, f.t, err)
			}
		}
	}
}

// samples is how many blocks of each type are compared with xfs_db.
const samples = 60

func compareAll(t *testing.T, im *image, blocks []found) {
	total := map[*format.BlockType]int{}
	for _, f := range blocks {
		total[f.t]++
	}
	var picked []found
	var groups [][]string
	n := map[*format.BlockType]int{}
	for _, f := range blocks {
		n[f.t]++
		if step := total[f.t]/samples + 1; n[f.t]%step != 0 && n[f.t] > 4 {
			continue
		}
		if commands := im.commands(f); commands != nil {
			picked = append(picked, f)
			groups = append(groups, append(commands, "print"))
		}
	}
	answers := xfsDB(t, im.path, groups)
	compared := map[string]int{}
	for i, f := range picked {
		vs, err := f.t.Decode(im.g, f.b)
		if err != nil {
			t.Fatal(err)
		}
		db := parseDB(answers[i])
		if f.t == format.TypeDirNode {
			db = renamed(db)
		}
		if diffs := compareDB(vs, db); len(diffs) > 0 {
			t.Errorf("%s at byte %d %q:\n%s", f.t, f.off, groups[i], strings.Join(diffs[:min(len(diffs), 10)], "\n"))
		}
		compared[f.t.Name]++
	}
	t.Log("compared: ", compared)
}

// renamed gives the names in a directory's node the form that they have in an attribute fork's.
func renamed(db map[string]string) map[string]string {
	out := map[string]string{}
	for name, v := range db {
		out[strings.TrimPrefix(name, "n")] = v
	}
	return out
}

// typesDB are the names of types in xfs_db.
var typesDB = map[*format.BlockType]string{
	format.TypeBnobt: "bnobt", format.TypeCntbt: "cntbt", format.TypeInobt: "inobt", format.TypeFinobt: "finobt",
	format.TypeRmapbt: "rmapbt", format.TypeRefcount: "refcntbt", format.TypeBmbt: "bmapbtd",
	format.TypeAttrLeaf: "attr3", format.TypeAttrNode: "attr3", format.TypeAttrRmt: "attr3",
	format.TypeDirBlock: "dir3", format.TypeDirData: "dir3", format.TypeDirFree: "dir3",
	format.TypeDirLeaf1: "dir3", format.TypeDirLeafN: "dir3", format.TypeDirNode: "dir3",
}

// commands take xfs_db to a block; nil where there is no way.
func (im *image) commands(f found) []string {
	g := im.g
	ag := f.off / (int64(g.AGBlocks) << g.BlockLog)
	rest := f.off % (int64(g.AGBlocks) << g.BlockLog)
	fsb := g.FSB(format.AGNumber(ag), format.AGBlock(rest>>g.BlockLog))
	switch f.t {
	case format.TypeSuperblock:
		return []string{fmt.Sprintf("sb %d", ag)}
	case format.TypeAGF, format.TypeAGI, format.TypeAGFL:
		return []string{fmt.Sprintf("%s %d", strings.ToLower(f.t.Name), ag)}
	case format.TypeInode:
		if format.DiMode.Get(f.b) == 0 {
			return nil // xfs_db refuses those of chunks that were freed
		}
		return []string{fmt.Sprintf("inode %d", format.DiIno.Get(f.b))}
	case format.TypeSymlink:
		if len(f.b) > g.BlockSize {
			return nil // xfs_db shows the first block only
		}
		return im.dblock(f, fsb)
	case format.TypeDirBlock, format.TypeDirData, format.TypeDirFree, format.TypeDirLeaf1, format.TypeDirLeafN, format.TypeDirNode:
		if len(f.b) > g.BlockSize {
			return im.dblock(f, fsb)
		}
	}
	return []string{fmt.Sprintf("fsblock %d", fsb), "type " + typesDB[f.t]}
}

// dblock goes to a block through the inode that owns it, if its data fork has it in a record of
// extents format.
func (im *image) dblock(f found, fsb format.FSBlock) []string {
	owner := f.t.OwnerIno.Get(f.b)
	inode := im.raw[im.g.InoOffset(owner):][:im.g.InodeSize]
	if format.DiFormat.Get(inode) != format.FmtExtents || format.DiMode.Get(inode) == 0 {
		return nil
	}
	data, _ := format.Forks(inode)
	n, _ := format.NExtents(inode)
	for i := range int(n) {
		m := format.UnpackMapping(data[i*format.BmbtRec.Size:])
		if m.Start <= fsb && fsb < m.Start+format.FSBlock(m.Count) {
			return []string{fmt.Sprintf("inode %d", owner), fmt.Sprintf("dblock %d", m.Off+format.FileOff(fsb-m.Start))}
		}
	}
	return nil
}
