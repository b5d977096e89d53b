package space_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/space/spacetest"
)

// agreed closes a volume, and has xfs_repair and the kernel say that all is well.
func agreed(t *testing.T, v *spacetest.Volume) {
	t.Helper()
	v.Close(t)
	image := v.Save(t)
	oracle.RepairClean(t, oracle.Gen7, image)
	oracle.KernelWrites(t, oracle.Gen7, image, 1)
}

// TestKernelImage takes all space of a volume whose free space the kernel has left in many
// pieces, and gives it back.
func TestKernelImage(t *testing.T) {
	oracle.NeedRoot(t)
	for name, c := range map[string]mkfs.Config{
		"1k": {Size: 96 << 20, BlockSize: 1024, AGCount: 2}, "4k": {Size: 64 << 20, AGCount: 2},
		"old": {Size: 64 << 20, AGCount: 2, BlockSize: 1024, Rmapbt: mkfs.Off, Reflink: mkfs.Off, Parent: mkfs.Off},
	} {
		t.Run(name, func(t *testing.T) {
			image := spacetest.New(t, geometry(t, c)).Save(t)
			m := oracle.Mount(t, image, oracle.MountOptions{})
			for i := range 1500 {
				if err := os.WriteFile(file(m.Dir, i), make([]byte, 2000+i%5000), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			for i := range 1500 {
				if i%3 > 0 {
					continue
				}
				if err := os.Remove(file(m.Dir, i)); err != nil {
					t.Fatal(err)
				}
			}
			m.Unmount()
			v := spacetest.Load(t, image)
			before := spacetest.Judge(t, v.Dev, v.Geo)
			takeAndGive(t, v)
			after := spacetest.Judge(t, v.Store.View(), v.Geo)
			for no := range before {
				if got, want := free(after[no]), free(before[no]); got != want {
					t.Errorf("AG %d: %d blocks are free, %d were", no, got, want)
				}
			}
			agreed(t, v)
		})
	}
}

func file(dir string, i int) string { return filepath.Join(dir, fmt.Sprint(i)) }

// free is the number of blocks that count as free in a group.
func free(a *spacetest.Group) (n uint32) {
	for _, r := range a.Free {
		n += r.Count
	}
	return n + uint32(len(a.List)) + a.Blocks["bnobt"] + a.Blocks["cntbt"] + a.Blocks["rmapbt"]
}

// takeAndGive allocates as much as can be had, and frees it again.
func takeAndGive(t *testing.T, v *spacetest.Volume) {
	t.Helper()
	var all []space.Extent
	for i := 0; ; i++ {
		tx := v.Begin(t)
		e, err := v.Groups.Alloc(tx, space.Request{Min: 1, Max: 1 + uint32(i%7), Owner: space.ForkOwner(1<<20, false, format.FileOff(i)<<10, false)})
		if err != nil {
			tx.Cancel()
			break
		}
		spacetest.Commit(t, tx)
		all = append(all, e)
	}
	spacetest.Judge(t, v.Store.View(), v.Geo)
	for _, even := range []bool{true, false} {
		for i, e := range all {
			if (i%2 == 0) != even {
				continue
			}
			tx := v.Begin(t)
			if err := v.Groups.Free(tx, e, space.ForkOwner(1<<20, false, format.FileOff(i)<<10, false), true); err != nil {
				t.Fatal(err)
			}
			spacetest.Commit(t, tx)
		}
		spacetest.Judge(t, v.Store.View(), v.Geo)
	}
}

// TestAvailable compares what we may promise with what the kernel promises.
func TestAvailable(t *testing.T) {
	oracle.NeedRoot(t)
	for name, c := range map[string]mkfs.Config{
		"512m": {Size: 512 << 20}, "1k": {Size: 300 << 20, BlockSize: 1024}, "64k": {Size: 2 << 30, BlockSize: 65536}, "2g": {Size: 2 << 30, AGCount: 9},
		"no rmapbt": {Size: 512 << 20, Rmapbt: mkfs.Off}, "no reflink": {Size: 512 << 20, Reflink: mkfs.Off},
		"no finobt": {Size: 512 << 20, Finobt: mkfs.Off}, "uncounted": {Size: 512 << 20, InobtCount: mkfs.Off},
	} {
		t.Run(name, func(t *testing.T) {
			v := spacetest.New(t, geometry(t, c))
			tx := v.Begin(t)
			got, err := v.Groups.Available(tx)
			tx.Cancel()
			if err != nil {
				t.Fatal(err)
			}
			m := oracle.Mount(t, v.Save(t), oracle.MountOptions{})
			var st unix.Statfs_t
			if err := unix.Statfs(m.Dir, &st); err != nil {
				t.Fatal(err)
			}
			if got != st.Bavail {
				t.Errorf("%d blocks are available, the kernel says %d", got, st.Bavail)
			}
		})
	}
}

// TestCount compares the sums over groups with what a fresh superblock says.
func TestCount(t *testing.T) {
	v := spacetest.New(t, geometry(t, mkfs.Config{Size: 512 << 20}))
	sb := make([]byte, v.Geo.SectSize)
	if _, err := v.Dev.ReadAt(sb, 0); err != nil {
		t.Fatal(err)
	}
	want := space.Counters{Free: format.SBFDBlocks.Get(sb), Inodes: format.SBICount.Get(sb), FreeInodes: format.SBIFree.Get(sb)}
	tx := v.Begin(t)
	defer tx.Cancel()
	if got, err := space.Count(tx); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}
