package mkfs

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/oracle"
)

// parse reads options as they stand on a command line: "-b size=1k -m reflink=0".
func parse(t testing.TB, args string) (*Config, error) {
	t.Helper()
	var settings []Setting
	words := strings.Fields(args)
	for i := 0; i+1 < len(words); i += 2 {
		if len(words[i]) != 2 {
			return nil, errors.New("no letter")
		}
		s, err := ParseSuboptions(Section(words[i][1]), words[i+1])
		if err != nil {
			return nil, err
		}
		settings = append(settings, s...)
	}
	return NewConfig(settings, nil)
}

// ours is what Table prints for an image of so many bytes.
func ours(t testing.TB, bytes int64, args string) (string, error) {
	t.Helper()
	c, err := parse(t, args)
	if err != nil {
		return "", err
	}
	if c.Size == 0 {
		c.Size = uint64(bytes)
	}
	g, err := c.Geometry()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if err := Table(&b, g, "image"); err != nil {
		t.Fatal(err)
	}
	return b.String(), nil
}

// mkfsXFS is what mkfs.xfs -N prints, its checks against small images switched off. ok is false
// when it refuses.
func mkfsXFS(t testing.TB, dir string, bytes int64, args string) (table string, ok bool, said string) {
	t.Helper()
	image := filepath.Join(dir, "image")
	f, err := os.Create(image)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(bytes); err != nil {
		t.Fatal(err)
	}
	f.Close()
	cmd := exec.Command(oracle.Tool(t, "mkfs.xfs", oracle.Gen7), append(append([]string{"-N"}, strings.Fields(args)...), "image")...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TEST_DIR=x", "TEST_DEV=x", "QA_CHECK_FS=x")
	r := oracle.RunCmd(t, cmd)
	_, table, ok = strings.Cut(r.Stdout, "meta-data=")
	return "meta-data=" + table, ok && r.Exit == 0, r.Stderr + r.Stdout
}

// The sizes that the tests go over, in bytes.
var someSizes = []int64{
	16 * mib, 17*mib + 4096, 31 * mib, 32 * mib, 63 * mib, 64 * mib, 100 * mib, 128 * mib, 250*mib - 512, 299 * mib, 300 * mib, 333*mib + 70000, 512 * mib, 1000_000_000,
	1 * gib, 7 * gib, 8 * gib, 8*gib + 4096, 100 * gib, 129 * gib, 512 * gib, 513 * gib, 1*tib - 4096, 1 * tib, 3 * tib, 4*tib - 65536, 4 * tib, 5 * tib, 12*tib + 5*mib, 15 * tib,
}

func compare(t *testing.T, sizes []int64, combos []string) {
	t.Helper()
	dir := t.TempDir()
	n, refused := 0, 0
	for _, bytes := range sizes {
		for _, args := range combos {
			want, ok, said := mkfsXFS(t, dir, bytes, args)
			got, err := ours(t, bytes, args)
			n++
			switch {
			case !ok && err == nil && shortLogGroup(got):
				// With stripes it finds out in time. We make the log fit.
			case !ok && err == nil:
				t.Errorf("%d bytes, %s: mkfs.xfs refuses, we don't:\n%.200s%s", bytes, args, said, got)
			case !ok:
				refused++
			case shortLogGroup(want):
				// mkfs.xfs makes the log longer than its group, and fails when it is to write that.
			case err != nil:
				t.Errorf("%d bytes, %s: %v; mkfs.xfs:\n%s", bytes, args, err, want)
			default:
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("%d bytes, %s: (-mkfs.xfs +ours)\n%s", bytes, args, d)
				}
			}
		}
	}
	if n > 1 {
		t.Logf("%d geometries, %d of them refused by both", n, refused)
	}
}

// shortLogGroup reports whether the second of two groups, which has the log, is shorter than the
// log.
func shortLogGroup(table string) bool {
	number := func(line, key string) (n int) {
		_, rest, _ := strings.Cut(table, "\n"+line)
		_, rest, _ = strings.Cut(rest, key+"=")
		fmt.Sscan(rest[:strings.IndexAny(rest, ", ")], &n)
		return n
	}
	table = "\n" + table
	groups, size := number("meta-data", "agcount"), number("meta-data", "agsize")
	blocks, log := number("data ", " blocks"), number("log ", " blocks")
	return groups == 2 && blocks-size < log+20
}

// cross is every combination of one element of each list.
func cross(lists ...[]string) []string {
	out := []string{""}
	for _, list := range lists {
		var next []string
		for _, a := range out {
			for _, b := range list {
				next = append(next, strings.TrimSpace(a+" "+b))
			}
		}
		out = next
	}
	return out
}

func blockSizes() []string {
	var out []string
	for bs := 1024; bs <= 65536; bs *= 2 {
		out = append(out, fmt.Sprintf("-b size=%d", bs))
	}
	return out
}

func TestGeometryDefaults(t *testing.T) {
	t.Parallel()
	compare(t, someSizes, blockSizes())
}

func TestGeometryFeatures(t *testing.T) {
	t.Parallel()
	features := []string{
		"-n parent=0", "-m rmapbt=0", "-m reflink=0", "-m rmapbt=0,reflink=0", "-m finobt=0", "-m inobtcount=0", "-m bigtime=0",
		"-i nrext64=0", "-i exchange=0", "-i sparse=0", "-n parent=0 -m reflink=0", "-n parent=0 -m rmapbt=0", "-n parent=0 -m rmapbt=0,reflink=0",
		"-n parent=0 -i nrext64=0", "-n parent=0 -i nrext64=0 -m reflink=0", "-m rmapbt=0,reflink=0,finobt=0,bigtime=0 -n parent=0 -i nrext64=0,exchange=0,sparse=0",
	}
	compare(t, []int64{16 * mib, 300 * mib, 5 * tib}, cross(features, []string{"", "-b size=1k", "-b size=2k", "-b size=16k", "-b size=64k"}))
}

func TestGeometrySizes(t *testing.T) {
	t.Parallel()
	compare(t, []int64{40 * mib, 600 * mib, 100 * gib}, cross(
		[]string{"-b size=2k", "-b size=4k", "-b size=64k"},
		[]string{"", "-i size=2048", "-i perblock=4", "-i maxpct=73"},
		[]string{"", "-n size=4k", "-n size=8k", "-n size=64k", "-s size=1k", "-s size=4k"},
	))
}

func TestGeometryGroups(t *testing.T) {
	t.Parallel()
	compare(t, []int64{16 * mib, 50 * mib, 333 * mib, 1*gib + 12345, 40 * gib, 2 * tib, 11 * tib}, cross(
		[]string{"", "-b size=1k", "-b size=64k -m reflink=0"},
		[]string{"-d agcount=1", "-d agcount=2", "-d agcount=3", "-d agcount=7", "-d agcount=64", "-d agcount=1000", "-d agsize=16m", "-d agsize=17m", "-d agsize=100m", "-d agsize=1g", "-d agsize=555m", "-d agsize=1t"},
	))
	compare(t, []int64{2 * gib}, []string{"-d size=300m", "-d size=1g", "-d size=1000000000", "-d size=70001s", "-b size=1k -d size=300000b", "-d size=1g -b size=8k", "-s size=4k -d size=70001s"})
}

func TestGeometryStripes(t *testing.T) {
	t.Parallel()
	compare(t, []int64{64 * mib, 128 * mib, 300 * mib, 1 * gib, 9*gib + 4096, 600 * gib, 15 * tib}, cross(
		[]string{"", "-b size=1k", "-b size=64k"},
		[]string{"-d su=64k,sw=4", "-d su=64k,sw=1", "-d su=1m,sw=3", "-d su=8m,sw=2", "-d su=12k,sw=5", "-d sunit=128,swidth=512", "-d su=512k,sw=4", "-d su=64k,sw=3,agcount=5", "-d su=128k,sw=2,agsize=65m", "-d su=64k,sw=2 -l su=32k", "-d su=64k,sw=2 -s size=4k", "-d noalign", "-d su=0,sw=0"},
	))
}

func TestGeometryLog(t *testing.T) {
	t.Parallel()
	compare(t, []int64{20 * mib, 200 * mib, 1 * gib, 100 * gib, 5 * tib}, cross(
		[]string{"", "-b size=1k", "-b size=64k"},
		[]string{"-l size=2m", "-l size=64m", "-l size=100m", "-l size=1000000000", "-l size=2g", "-l size=2000m", "-l su=4k", "-l su=64k", "-l su=256k", "-l sunit=64", "-l agnum=0", "-l agnum=1", "-l agnum=3", "-l agnum=0,su=64k", "-l size=100m,su=12k", "-l size=65520b,su=64k", "-l su=256k,size=64m -s size=4k"},
	))
}

func TestGeometryConcurrency(t *testing.T) {
	t.Parallel()
	var combos []string
	for _, n := range []int{0, 2, 3, 5, 8, 16, 20, 64, 1000} {
		combos = append(combos, fmt.Sprintf("-d concurrency=%d", n), fmt.Sprintf("-l concurrency=%d", n), fmt.Sprintf("-l concurrency=%d -n parent=0 -b size=1k", n))
	}
	compare(t, []int64{200 * mib, 300 * mib, 1 * gib, 40 * gib, 128 * gib, 1000 * gib, 5000 * gib, 10000 * gib}, combos)
}

// TestGeometryRandom draws options of all kinds together.
func TestGeometryRandom(t *testing.T) {
	t.Parallel()
	const seed = 7
	rng := rand.New(rand.NewPCG(seed, seed))
	t.Logf("seed %d", seed)
	pick := func(from ...string) string { return from[rng.IntN(len(from))] }
	for range 250 {
		bytes := int64(16*mib) << rng.IntN(20)
		bytes += rng.Int64N(bytes)
		args := strings.Join([]string{
			pick("", "", "-b size=1024", "-b size=2048", "-b size=8192", "-b size=16384", "-b size=32768", "-b size=65536"),
			pick("", "", "-i size=1024", "-i size=2048", "-i sparse=0"),
			pick("", "", "-n parent=0", "-n size=8192", "-n size=65536"),
			pick("", "", "-m rmapbt=0", "-m reflink=0", "-m reflink=0,rmapbt=0", "-m finobt=0"),
			pick("", "", "-s size=1024", "-s size=2048", "-s size=4096", "-i nrext64=0"),
			pick("", "", fmt.Sprintf("-d agcount=%d", 1+rng.IntN(40)), fmt.Sprintf("-d agsize=%db", 1+rng.Int64N(bytes/4096)),
				fmt.Sprintf("-d su=%dk,sw=%d", 4<<rng.IntN(8), 1+rng.IntN(6)), fmt.Sprintf("-d su=%dk,sw=%d", 64*(1+rng.IntN(30)), 1+rng.IntN(6))),
			pick("", "", fmt.Sprintf("-l agnum=%d", rng.IntN(6)), fmt.Sprintf("-l su=%dk", 4<<rng.IntN(6)), fmt.Sprintf("-l size=%dk", 64*(10+rng.IntN(2000)))),
		}, " ")
		compare(t, []int64{bytes}, []string{args})
	}
}

// FuzzGeometry has any options and any size make a geometry that holds together, or an error.
func FuzzGeometry(f *testing.F) {
	f.Add("-b size=1024 -d su=64k,sw=4", uint64(gib))
	f.Add("-d agsize=16m,noalign -l agnum=0,su=256k", uint64(40*mib))
	f.Add("-i perblock=65536", uint64(5*tib))
	f.Add("-s size=32768 -b size=65536 -d concurrency=1000 -l concurrency=77", uint64(1<<62))
	f.Add("-d sunit=4294967295,swidth=4294967295", uint64(gib))
	f.Add("-d agcount=2147483647", uint64(1<<63))
	f.Fuzz(func(t *testing.T, args string, size uint64) {
		c, err := parse(t, args)
		if err != nil {
			return
		}
		if c.Size == 0 {
			c.Size = size
		}
		g, err := c.Geometry()
		if err != nil {
			return
		}
		last := uint64(g.AGLen(format.AGNumber(g.AGCount - 1)))
		switch {
		case g.DBlocks > c.Size>>g.BlockLog:
			t.Errorf("%d blocks in %d bytes", g.DBlocks, c.Size)
		case uint64(g.AGCount-1)*uint64(g.AGBlocks)+last != g.DBlocks || last > uint64(g.AGBlocks) || last<<g.BlockLog < format.MinAGBytes:
			t.Errorf("%d groups of %d blocks, the last of %d, in %d", g.AGCount, g.AGBlocks, last, g.DBlocks)
		case uint64(g.AGBlocks)<<g.BlockLog > format.MaxAGBytes:
			t.Errorf("groups of %d blocks", g.AGBlocks)
		case !g.ValidFSB(g.LogStart, uint64(g.LogBlocks)) || g.LogBlocks < minLogBlks:
			t.Errorf("log at %d of %d blocks", g.LogStart, g.LogBlocks)
		}
		if ag, root := g.SplitIno(g.RootIno); ag != 0 || uint32(g.InoBlock(root))+uint32(g.ChunkBlocks()) > g.AGBlocks {
			t.Errorf("root inode %d", g.RootIno)
		}
	})
}
