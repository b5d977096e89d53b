package mkfs

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/oracle"
)

const (
	testUUID  = "6b3b4b6e-2f36-4b1e-9f5c-0d1f0c9e7a11"
	testEpoch = 1_000_000_000
)

// makeImage makes an empty image with given options.
func makeImage(t *testing.T, path, args string) *Summary {
	t.Helper()
	c, err := parse(t, args)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := Make(context.Background(), Job{Config: *c, Path: path, Time: time.Unix(testEpoch, 0)})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// TestEmptyImage compares whole images, byte for byte, with those of mkfs.xfs.
func TestEmptyImage(t *testing.T) {
	for _, args := range []string{
		"-d size=1g", "-d size=300m", "-d size=20m", "-d size=40m", "-d size=100m -b size=1024", "-d size=100m -b size=2048", "-d size=400m -b size=16384", "-d size=1g -b size=65536",
		"-d size=100m -n parent=0", "-d size=100m -m rmapbt=0", "-d size=100m -m reflink=0", "-d size=100m -m finobt=0", "-d size=100m -m inobtcount=0",
		"-d size=100m -n parent=0 -m rmapbt=0,reflink=0,finobt=0,bigtime=0 -i sparse=0,nrext64=0,exchange=0",
		"-d size=100m -i size=1024", "-d size=100m -i size=2048 -b size=4096", "-d size=100m -i sparse=0,size=2048", "-d size=100m -n size=16384", "-d size=100m -s size=4096", "-d size=100m -b size=1024 -s size=1024",
		"-d size=200m,su=64k,sw=4", "-d size=200m,su=1m,sw=3", "-d size=200m,su=12k,sw=5", "-d size=200m,su=512k,sw=2 -l su=4k", "-d size=2g,su=512k,sw=4 -b size=65536",
		"-d size=100m -l su=64k", "-d size=200m -l su=256k", "-d size=200m -l agnum=0", "-d size=200m,su=64k,sw=3 -l agnum=0", "-d size=200m -l agnum=3", "-d size=200m -l size=5000b", "-d size=200m -l size=12788b", "-d size=200m -n parent=0 -l size=12780b",
		"-d size=100m,agcount=1", "-d size=500m,agcount=7", "-d size=100m -i maxpct=0", "-d size=100m -m autofsck=check", "-d size=5t -l size=10m", "-d size=5t,agcount=300 -l size=10m",
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			mine, theirs := filepath.Join(dir, "mine"), filepath.Join(dir, "theirs")
			args := args + " -m uuid=" + testUUID
			sum := makeImage(t, mine, args)
			if err := os.WriteFile(theirs, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(theirs, sum.Bytes); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(oracle.Tool(t, "mkfs.xfs", oracle.Gen7), append(strings.Fields(args), "-q", theirs)...)
			cmd.Env = append(os.Environ(), "TEST_DIR=x", "TEST_DEV=x", "QA_CHECK_FS=x", "SOURCE_DATE_EPOCH=1000000000")
			if r := oracle.RunCmd(t, cmd); r.Exit != 0 {
				t.Fatalf("mkfs.xfs: %s", r.Stderr)
			}
			sameImage(t, mine, theirs, sum.Layout)
		})
	}
}

// sameImage fails the test for each block in which two images differ.
func sameImage(t *testing.T, mine, theirs string, l *Layout) {
	t.Helper()
	a, b := open(t, mine), open(t, theirs)
	size := int64(l.DBlocks) << l.BlockLog
	left, right := make([]byte, l.BlockSize), make([]byte, l.BlockSize)
	differences := 0
	for off := int64(0); off < size && differences < 5; {
		// Go on where either has data.
		next := min(nextData(t, a, off), nextData(t, b, off)) / int64(l.BlockSize) * int64(l.BlockSize)
		if next >= size {
			break
		}
		for d, p := range map[*device.File][]byte{a: left, b: right} {
			clear(p)
			if n := min(int64(len(p)), d.Size()-next); n > 0 {
				if _, err := d.ReadAt(p[:n], next); err != nil {
					t.Fatal(err)
				}
			}
			maskInodes(p, l)
		}
		if !bytes.Equal(left, right) {
			differences++
			i := 0
			for left[i] == right[i] {
				i++
			}
			no := next >> l.BlockLog
			t.Errorf("AG %d, block %d (magic %.4q) differs at byte %d of the block: %x, mkfs.xfs %x", no/int64(l.AGBlocks), no%int64(l.AGBlocks), right, i, left[i:min(i+16, len(left))], right[i:min(i+16, len(right))])
		}
		off = next + int64(l.BlockSize)
	}
}

// maskInodes clears what may differ in a block of inodes: the generation, which is a matter of
// seeds; the number of changes that it took to make the inode; and the room that mkfs.xfs keeps
// for attributes in an inode that has none yet.
func maskInodes(b []byte, l *Layout) {
	for ; len(b) >= l.InodeSize && format.DiMagic.Get(b) == format.DinodeMagic; b = b[l.InodeSize:] {
		format.DiGen.Put(b, 0)
		format.DiChangeCount.Put(b, 0)
		if at := format.Dinode.Size + 8*int(format.DiForkOff.Get(b)); format.DiAFormat.Get(b) == format.FmtLocal && b[at+2] == 0 {
			clear(b[at : at+4])
			format.DiForkOff.Put(b, 0)
			format.DiAFormat.Put(b, format.FmtExtents)
		}
		format.SetChecksum(b[:l.InodeSize], format.DiCRC)
	}
}

func open(t *testing.T, path string) *device.File {
	t.Helper()
	d, err := device.Open(path, device.ReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// nextData is the next offset where a device may hold something.
func nextData(t *testing.T, d *device.File, off int64) int64 {
	t.Helper()
	at, err := d.SeekData(off)
	if errors.Is(err, io.EOF) {
		return d.Size()
	}
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestSmallImages has the kernel mount and write images that mkfs.xfs does not make, some of
// them with the smallest log.
func TestSmallImages(t *testing.T) {
	oracle.NeedRoot(t)
	for _, args := range []string{
		"-d size=16m", "-d size=16m -b size=1024", "-d size=20m -n parent=0 -m rmapbt=0,reflink=0", "-d size=33m", "-d size=64m -b size=2048", "-d size=299m",
		"-d size=60m -b size=16384", "-d size=290m -b size=65536", "-d size=280m -n size=65536", "-d size=64m -n parent=0 -l su=64k", "-d size=64m -i nrext64=0 -n parent=0 -s size=4096",
	} {
		t.Run(args, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "image")
			makeImage(t, path, args)
			m := oracle.Mount(t, path, oracle.MountOptions{})
			oracle.KernelExercise(t, m.Dir, 1)
			m.Unmount()
		})
	}
}
