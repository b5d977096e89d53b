package volume_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/volume"
)

// emptyImage makes an empty image and returns its path.
func emptyImage(t testing.TB, c mkfs.Config) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image")
	if _, err := mkfs.Make(t.Context(), mkfs.Job{Config: c, Path: path, Time: time.Unix(1e9, 0)}); err != nil {
		t.Fatal(err)
	}
	return path
}

func openWriter(t testing.TB, path string) *volume.Writer {
	t.Helper()
	dev, err := device.Open(path, device.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	w, err := volume.OpenWriter(dev, volume.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestWriterBasics(t *testing.T) {
	for _, bs := range []int{1024, 4096, 65536} {
		t.Run(fmt.Sprint(bs), func(t *testing.T) {
			path := emptyImage(t, mkfs.Config{Size: 512 << 20, BlockSize: bs})
			w := openWriter(t, path)
			a := volume.Attr{Mode: 0o644, UID: 3, GID: 4}
			check(t, w.Mkdir("/d", volume.Attr{Mode: 0o755}))
			check(t, w.Create("/d/f", a))
			content := bytes.Repeat([]byte("0123456789abcdef"), 10_000)
			check(t, w.WriteAt("/d/f", content, 100))
			check(t, w.Symlink("d/f", "/link", volume.Attr{}))
			check(t, w.Symlink(string(bytes.Repeat([]byte("x/"), 400)), "/long", volume.Attr{}))
			check(t, w.Link("/d/f", "/hard"))
			check(t, w.Mknod("/null", format.ModeChar, volume.Attr{Mode: 0o666, Major: 1, Minor: 3}))
			check(t, w.SetXattr("/d/f", "user.small", []byte("value"), true, false))
			check(t, w.SetXattr("/d/f", "user.large", content[:30_000], true, false))
			check(t, w.Chmod("/d/f", 0o4711))
			check(t, w.Chown("/d", 7, 8))
			check(t, w.Mkdir("/e", volume.Attr{Mode: 0o700}))
			check(t, w.Rename("/d", "/e/moved"))
			check(t, w.Truncate("/hard", 50_000))
			check(t, w.Fallocate("/hard", 200_000, 300_000, false))
			check(t, w.Punch("/hard", 5_000, 20_000))
			for i := range 300 {
				check(t, w.Create(fmt.Sprintf("/e/file-%d", i), a))
			}
			for i := range 250 {
				check(t, w.Remove(fmt.Sprintf("/e/file-%d", i)))
			}
			got, err := fs.ReadFile(w, "e/moved/f")
			check(t, err)
			want := append(make([]byte, 100), content...)[:50_000]
			clear(want[5_000:25_000])
			want = append(want, make([]byte, 450_000)...)
			if !bytes.Equal(got, want) {
				t.Errorf("content differs: %d bytes, want %d", len(got), len(want))
			}
			check(t, w.Close())
			oracle.RepairClean(t, oracle.Gen7, path)
			m := oracle.Mount(t, path, oracle.MountOptions{})
			got, err = os.ReadFile(filepath.Join(m.Dir, "hard"))
			check(t, err)
			if !bytes.Equal(got, want) {
				t.Errorf("the kernel reads other content")
			}
			m.Unmount()
			oracle.KernelWrites(t, oracle.Gen7, path, 1)

			w = openWriter(t, path)
			check(t, w.Remove("/e/moved/f"))
			check(t, w.Remove("/hard"))
			check(t, w.Remove("/long"))
			check(t, w.Close())
			oracle.RepairClean(t, oracle.Gen7, path)
		})
	}
}

// Attributes find room in an inode that is full of a target or of entries.
func TestAttributesOfFullInodes(t *testing.T) {
	for _, parent := range []mkfs.Switch{mkfs.On, mkfs.Off} {
		path := emptyImage(t, mkfs.Config{Size: 512 << 20, Parent: parent})
		w := openWriter(t, path)
		m := newModel(t, 1, w.Volume)
		for n := 250; n < 345; n++ {
			target, name := strings.Repeat("t", n), fmt.Sprintf("link-%d", n)
			check(t, w.Symlink(target, "/"+name, volume.Attr{}))
			m.root.add(name, &node{mode: format.ModeLink | 0o777, target: target, xattrs: map[string]string{"trusted.a": "value"}})
			check(t, w.SetXattr("/"+name, "trusted.a", []byte("other"), true, false))
			check(t, w.SetXattr("/"+name, "trusted.a", []byte("value"), false, true))
		}
		for n := range 60 {
			name := fmt.Sprintf("dir-%d", n)
			check(t, w.Mkdir("/"+name, volume.Attr{}))
			d := newDir(0)
			m.root.add(name, d)
			check(t, w.SetXattr("/"+name, "trusted.a", []byte("v"), false, false))
			for i := range n {
				file := fmt.Sprintf("%04d", i)
				check(t, w.Create("/"+name+"/"+file, volume.Attr{}))
				d.add(file, &node{mode: format.ModeReg})
			}
			value := strings.Repeat("v", 4*n)
			check(t, w.SetXattr("/"+name, "trusted.a", []byte(value), false, true))
			d.xattrs["trusted.a"] = value
		}
		check(t, w.Close())
		m.judge(t, path)
	}
}

// Long extents of file data begin at a stripe unit, and go on where the ones before them end.
func TestStripes(t *testing.T) {
	const unit = 16 // blocks
	path := emptyImage(t, mkfs.Config{Size: 512 << 20, StripeUnit: unit * 4096, StripeDisks: 4})
	w := openWriter(t, path)
	for i, size := range []int64{5, unit, 3 * unit, unit + 1, 200} {
		name := fmt.Sprintf("/f%d", i)
		check(t, w.Create(name, volume.Attr{}))
		check(t, w.Fallocate(name, 0, size*4096, false))
		if i == 2 {
			check(t, w.Fallocate(name, size*4096, 2*size*4096, false))
		}
		f, err := w.Lookup(name)
		check(t, err)
		fork, err := f.Fork(inode.Data)
		check(t, err)
		n := 0
		for m, err := range fork.All() {
			check(t, err)
			if at := w.Geo.AGB(m.Start); size >= unit && at%unit != 0 {
				t.Errorf("%s: %d blocks from block %d of the group on", name, m.Count, at)
			}
			n++
		}
		if n != 1 {
			t.Errorf("%s has %d extents", name, n)
		}
	}
	check(t, w.Close())
	oracle.RepairClean(t, oracle.Gen7, path)
}

// Inodes take no more than their share of the volume, and all of it.
func TestInodeShare(t *testing.T) {
	percent := uint8(1)
	path := emptyImage(t, mkfs.Config{Size: 320 << 20, InodeSize: 2048, MaxPct: &percent})
	w := openWriter(t, path)
	limit := int(w.Geo.DBlocks) / 100 / w.Geo.ChunkBlocks() * w.Geo.ChunkInodes()
	fill := func(from int) int {
		for i := from; ; i++ {
			err := w.Create(fmt.Sprintf("/f%d", i), volume.Attr{})
			if errors.Is(err, space.ErrNoSpace) {
				return i
			}
			check(t, err)
		}
	}
	const own = 3 // the root and the realtime section's
	n := fill(0)
	if n+own != limit {
		t.Errorf("%d inodes, want %d", n+own, limit)
	}
	for i := range 200 {
		check(t, w.Remove(fmt.Sprintf("/f%d", n-1-i)))
	}
	if again := fill(n - 200); again != n {
		t.Errorf("%d files after some were removed and made again, %d before", again, n)
	}
	check(t, w.Close())
	oracle.RepairClean(t, oracle.Gen7, path)
}
