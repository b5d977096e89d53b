package volume_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/volume"
	"golang.org/x/sys/unix"
)

// patch changes the sector at byte off and renews its checksum as a superblock.
func patch(t testing.TB, dev device.Device, off int64, change func(sb []byte)) {
	t.Helper()
	sb := make([]byte, 512)
	_, err := dev.ReadAt(sb, off)
	check(t, err)
	change(sb)
	format.SetChecksum(sb, format.SBCRC)
	_, err = dev.WriteAt(sb, off)
	check(t, err)
}

func TestFeatures(t *testing.T) {
	image := inMemory(t, buildImage(t, mkfs.Config{}, 0, false))
	for name, c := range map[string]struct {
		change  func(sb []byte)
		class   error
		message string // in the error, or in a warning
	}{
		"unknown incompatible": {func(sb []byte) { format.SBIncompat.Put(sb, format.SBIncompat.Get(sb)|1<<20) }, format.ErrUnsupported, "bit 20"},
		"metadir":              {func(sb []byte) { format.SBIncompat.Put(sb, format.SBIncompat.Get(sb)|format.InMetaDir) }, format.ErrUnsupported, "METADIR"},
		"version 4":            {func(sb []byte) { format.SBVersionNum.Put(sb, 0xb4a4) }, format.ErrUnsupported, "version 4"},
		"no ftype":             {func(sb []byte) { format.SBIncompat.Put(sb, format.SBIncompat.Get(sb)&^format.InFType) }, format.ErrUnsupported, "file types"},
		"unknown read-only":    {func(sb []byte) { format.SBROCompat.Put(sb, format.SBROCompat.Get(sb)|1<<20) }, nil, "bit 20"},
		"needs repair":         {func(sb []byte) { format.SBIncompat.Put(sb, format.SBIncompat.Get(sb)|format.InNeedsRepair) }, nil, "needing repair"},
		"no magic":             {func(sb []byte) { sb[0] = 0 }, format.ErrCorrupt, "magicnum"},
		"block size":           {func(sb []byte) { format.SBBlockSize.Put(sb, 4095) }, format.ErrCorrupt, "blocksize"},
		"no log blocks":        {func(sb []byte) { format.SBLogBlocks.Put(sb, 0) }, format.ErrCorrupt, "logstart"},
	} {
		dev := image.Clone()
		patch(t, dev, 0, c.change)
		v, err := volume.Open(dev, volume.Options{})
		said := ""
		if err != nil {
			said = err.Error()
		} else {
			said = strings.Join(v.Warnings(), "\n")
			if _, err := v.Stat("files/small"); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if !errors.Is(err, c.class) || !strings.Contains(said, c.message) {
			t.Errorf("%s: %q, want something about %q", name, said, c.message)
		}
	}
}

func TestOtherSuperblock(t *testing.T) {
	image := inMemory(t, buildImage(t, mkfs.Config{Size: 512 << 20}, 0, false))
	_, err := image.WriteAt(bytes.Repeat([]byte{0xa5}, 100), 30)
	check(t, err)
	if _, err := volume.Open(image, volume.Options{}); !errors.Is(err, format.ErrCorrupt) || !strings.HasPrefix(err.Error(), "superblock: ") {
		t.Errorf("with a damaged superblock: %v", err)
	}
	for ag := format.AGNumber(1); ag < 4; ag++ {
		v, err := volume.Open(image, volume.Options{Superblock: ag})
		if err != nil {
			t.Errorf("superblock %d: %v", ag, err)
			continue
		}
		if got, err := v.ReadFile("files/small"); err != nil || !bytes.Equal(got, content(1, 100)) {
			t.Errorf("superblock %d: %v", ag, err)
		}
	}
	if _, err := volume.Open(image, volume.Options{Superblock: 4}); err == nil || !strings.Contains(err.Error(), "groups 0 to 3") {
		t.Errorf("superblock 4 of 4: %v", err)
	}
	if _, err := volume.Open(device.NewMemory(64<<20), volume.Options{Superblock: 1}); !errors.Is(err, format.ErrCorrupt) {
		t.Errorf("an empty image: %v", err)
	}
}

func TestTooShort(t *testing.T) {
	image := inMemory(t, buildImage(t, mkfs.Config{Size: 512 << 20}, 0, false))
	for _, size := range []int64{0, 1, 303, 511} {
		if _, err := volume.Open(device.NewMemory(size), volume.Options{}); err == nil {
			t.Errorf("a device of %d bytes opens", size)
		}
		w, err := device.NewWindow(image, 0, size)
		check(t, err)
		if _, err := volume.Open(w, volume.Options{}); !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, format.ErrCorrupt) {
			t.Errorf("the first %d bytes of an image: %v", size, err)
		}
	}
	// The log lies in the middle, so an image that is cut behind it can be read in part.
	w, err := device.NewWindow(image, 0, 380<<20)
	check(t, err)
	v, err := volume.Open(w, volume.Options{})
	check(t, err)
	if warnings := strings.Join(v.Warnings(), "\n"); !strings.Contains(warnings, "cut short") {
		t.Errorf("warnings %q", warnings)
	}
	if _, err := v.AGF(3); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a group that is not there: %v", err)
	}
}

func TestWindow(t *testing.T) {
	image := inMemory(t, buildImage(t, mkfs.Config{}, 0, false))
	const off = 1<<20 + 512
	disk := device.NewMemory(image.Size() + 2*off)
	buf := make([]byte, image.Size())
	_, err := image.ReadAt(buf, 0)
	check(t, err)
	_, err = disk.WriteAt(buf, off)
	check(t, err)
	w, err := device.NewWindow(disk, off, image.Size())
	check(t, err)
	v, err := volume.Open(w, volume.Options{})
	check(t, err)
	if got, err := v.ReadFile("files/large"); err != nil || !bytes.Equal(got, content(2, 300_000)) {
		t.Error("the file differs", err)
	}
}

// The kernel leaves a dirty log when it is shut down.
func TestDirtyLog(t *testing.T) {
	path := t.TempDir() + "/image"
	makeImage(t, path, 512<<20, oracle.Tool(t, "mkfs.xfs", oracle.Gen6))
	if v := open(t, path); v.Log != volume.LogClean {
		t.Errorf("fresh from mkfs.xfs the log is %v", v.Log)
	}
	m := oracle.Mount(t, path, oracle.MountOptions{Loud: true})
	check(t, unix.Mkdir(m.Dir+"/before", 0o755))
	oracle.MustRun(t, oracle.Program(t, "xfs_io"), "-x", "-c", "shutdown -f", m.Dir)
	m.Unmount()
	v := open(t, path)
	if v.Log != volume.LogDirty || len(v.Warnings()) != 1 {
		t.Errorf("after a shutdown the log is %v, warnings %q", v.Log, v.Warnings())
	}
	// What is in place is read all the same.
	if _, err := fs.ReadDir(v, "."); err != nil {
		t.Error(err)
	}
	m = oracle.Mount(t, path, oracle.MountOptions{Loud: true})
	m.Unmount()
	v = open(t, path)
	if _, err := v.Stat("before"); v.Log != volume.LogClean || err != nil {
		t.Errorf("after recovery the log is %v, %v", v.Log, err)
	}
	oracle.MustRun(t, oracle.Program(t, "xfs_repair"), "-L", path)
	if v := open(t, path); v.Log != volume.LogClean && v.Log != volume.LogZeroed {
		t.Errorf("after xfs_repair -L the log is %v", v.Log)
	}
}
