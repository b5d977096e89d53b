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
	"github.com/cowfs/cowfs/internal/bigtree"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/internal/oracle/xfsdb"
	"github.com/cowfs/cowfs/internal/oracle/zoo"
)

// image is an image that mkfs.xfs made and the kernel wrote, in memory.
type image struct {
	path string
	raw  []byte
	g    *format.Geometry
}

// emptyImage makes an image with mkfs.xfs 7.2 and returns its path.
func emptyImage(t *testing.T, options ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, imageSize); err != nil {
		t.Fatal(err)
	}
	oracle.MustRun(t, oracle.Tool(t, "mkfs.xfs", oracle.Gen7), append(append([]string{"-q"}, options...), path)...)
	return path
}

const imageSize = 320 << 20

// kernelImage makes an image that has every kind of block: mkfs.xfs 7.2 makes it and the kernel
// fills it.
func kernelImage(t *testing.T, options ...string) *image {
	t.Helper()
	path := emptyImage(t, options...)
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
	must(bigtree.Names(filepath.Join(dir, "names"), 3000))
	for i := 0; i < 3000; i += 7 {
		must(os.Remove(fmt.Sprintf("%s/names/entry-number-%08d-of-many", dir, i)))
	}
	must(bigtree.Links(filepath.Join(dir, "links"), 400))
	sparse := filepath.Join(dir, "sparse")
	must(bigtree.Sparse(sparse, 16<<20, 2000, 4096))
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
// set with small blocks, the largest blocks, and none of the features that change how things look.
var oracleImages = map[string][]string{
	"default-1k": {"-b", "size=1024"},
	"large-64k":  {"-b", "size=65536"},
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
			if *writeSamples && name == "default-1k" {
				writeAllSamples(t, im, blocks)
			}
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
	return im.g.BlockSize < 65536 // large blocks need no nodes, and no blocks for links
}

// decodeAll prints all blocks in both forms; none is damaged.
func decodeAll(t *testing.T, im *image, blocks []found) {
	for _, f := range blocks {
		vs, err := f.t.Decode(im.g, f.b)
		if err != nil {
			t.Fatalf("byte %d: %s: %v", f.off, f.t, err)
		}
		if f.off%(7*4096) == 0 { // a sample, for time's sake
			if err := format.JSONRoundTrip(vs); err != nil {
				t.Fatalf("byte %d: %s: %v", f.off, f.t, err)
			}
		}
	}
}

// A quota record, and a superblock with a feature that we only know by name, print as xfs_db
// prints them.
func TestPrintedOnly(t *testing.T) {
	path := emptyImage(t, "-m", "metadir=1")
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sector := make([]byte, 512)
	if _, err := f.ReadAt(sector, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := format.GeometryOf(sector); !errors.Is(err, format.ErrUnsupported) || !strings.Contains(err.Error(), "METADIR") {
		t.Errorf("a volume with METADIR gives %v", err)
	}
	const daddr = 1 << 17
	dquot := make([]byte, 512)
	for i := range format.Dquot.Size {
		dquot[i] = byte(i*37 + 1)
	}
	format.DquotMagicNum.Put(dquot, format.DquotMagic)
	format.TypeDquot.SetChecksum(dquot[:format.Dquot.Size])
	if _, err := f.WriteAt(dquot, daddr*512); err != nil {
		t.Fatal(err)
	}
	answers := xfsdb.Run(t, path, [][]string{{"sb 0", "print"}, {fmt.Sprintf("daddr %d", daddr), "type dqblk", "print"}})
	for i, c := range []struct {
		bt *format.BlockType
		b  []byte
	}{{format.TypeSuperblock, sector}, {format.TypeDquot, dquot[:format.Dquot.Size]}} {
		vs, err := c.bt.Decode(&format.Geometry{}, c.b)
		if err != nil {
			t.Fatal(err)
		}
		db := xfsdb.Parse(answers[i])
		if c.bt == format.TypeDquot { // xfs_db judges its checksum over the whole sector
			db["crc"] = strings.ReplaceAll(db["crc"], " (bad)", " (correct)")
		}
		if diffs := xfsdb.Compare(vs, db); len(diffs) > 0 {
			t.Errorf("%s:\n%s", c.bt, strings.Join(diffs, "\n"))
		}
	}
}
