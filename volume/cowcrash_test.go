package volume_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/cowfs/cowfs/cow"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/volume"
)

// cowCrash is one write to a file that shares its blocks with a clone.
type cowCrash struct {
	name   string
	before func(w *volume.Writer) error // brings the file to where the write begins
	do     func(w *volume.Writer) error
	file   bool // it changes what the file holds; else only what is staged
}

const (
	crashSize = 200_000
	crashOff  = 10_000
	crashLen  = 120_000
)

func crashWrites(p []byte) []cowCrash {
	nothing := func(*volume.Writer) error { return nil }
	stage := func(w *volume.Writer) error { return w.Stage("/f", p, crashOff) }
	hinted := func(w *volume.Writer) error { return w.SetCowExtSize("/f", 16*4096) }
	return []cowCrash{
		{"buffered", nothing, func(w *volume.Writer) error { return w.WriteAt("/f", p, crashOff) }, true},
		{"hinted", hinted, func(w *volume.Writer) error { return w.WriteAt("/f", p, crashOff) }, true},
		{"direct", nothing, func(w *volume.Writer) error { return w.WriteDirect("/f", p[:28*4096], 3*4096) }, true},
		{"dax", nothing, func(w *volume.Writer) error { return w.WriteDAX("/f", p, crashOff) }, true},
		{"append", nothing, func(w *volume.Writer) error { return w.WriteAt("/f", p, crashSize+5000) }, true},
		{"stage", nothing, stage, false},
		{"remap", stage, func(w *volume.Writer) error { return w.CowRemap("/f", 0, crashSize) }, true},
		{"cancel", stage, func(w *volume.Writer) error { return w.CowCancel("/f", 0, crashSize) }, false},
		{"write-over-staged", stage, func(w *volume.Writer) error { return w.WriteAt("/f", p, crashOff) }, true},
		{"remove-staged", stage, func(w *volume.Writer) error { return w.Remove("/f") }, true},
	}
}

// seenFile is what a file holds, as it is and with what is staged. No file is nil.
type seenFile struct{ data, staged []byte }

func seeFile(v *volume.Volume, path string) (seenFile, error) {
	i, err := v.Lookup(path)
	if err != nil {
		return seenFile{}, nil
	}
	data, err := v.ReadFile(path[1:])
	if err != nil {
		return seenFile{}, err
	}
	r, err := v.StagedReader(i)
	if err != nil {
		return seenFile{}, err
	}
	staged, err := io.ReadAll(r)
	return seenFile{data, staged}, err
}

// between checks that each block of what is seen is from before or from after.
func between(what string, got, before, after []byte, bs int) error {
	if len(got) != len(before) && len(got) != len(after) {
		return fmt.Errorf("%s: %d bytes, want %d or %d", what, len(got), len(before), len(after))
	}
	for at := 0; at < len(got); at += bs {
		end := min(at+bs, len(got))
		old, now := at < len(before) && bytes.Equal(got[at:end], before[at:min(end, len(before))]), at < len(after) && bytes.Equal(got[at:end], after[at:min(end, len(after))])
		if !old && !now {
			return fmt.Errorf("%s: block %d is neither from before nor from after", what, at/bs)
		}
	}
	return nil
}

// A crash after each single write leaves of each block the old or the new content, of the clone the
// old one; staged blocks that some CoW fork accounts for; and a volume without faults.
func TestCowCrashAtEveryWrite(t *testing.T) {
	const bs = 4096
	old, p := noise(1, crashSize), noise(2, crashLen)
	base := inMemory(t, emptyImage(t, mkfs.Config{Size: 512 << 20}))
	w, err := volume.OpenWriter(keepOpen{base}, volume.Options{})
	check(t, err)
	check(t, w.Create("/f", volume.Attr{Mode: 0o644}))
	check(t, w.WriteAt("/f", old, 0))
	check(t, w.Clone("/f", "/g"))
	check(t, w.Close())
	for _, c := range crashWrites(p) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			image := base.Clone()
			w, err := volume.OpenWriter(keepOpen{image}, volume.Options{})
			check(t, err)
			check(t, c.before(w))
			check(t, w.Sync())
			before, err := seeFile(w.Volume, "/f")
			check(t, err)
			check(t, w.Close())

			dev := device.NewCrash(image)
			w, err = volume.OpenWriter(dev, volume.Options{})
			check(t, err)
			check(t, c.do(w))
			check(t, w.WritebackAll())
			after, err := seeFile(w.Volume, "/f")
			check(t, err)
			check(t, w.Close())
			if c.file && bytes.Equal(before.data, after.data) || !c.file && !bytes.Equal(before.data, after.data) {
				t.Fatal("the write does something else")
			}
			done, count := 0, 0
			for n := 0; n <= dev.Writes(); n++ {
				for _, lost := range lostModes {
					count++
					where := fmt.Sprintf("crash after %d of %d writes, lost %v", n, dev.Writes(), lost)
					crashed := dev.After(n, 5, lost)
					got, err := recoverCow(t, crashed.Clone(), count%40 == 7)
					if err == nil {
						err = between("g", got[1].data, old, old, bs)
					}
					if err == nil && got[0].data == nil && after.data != nil {
						err = fmt.Errorf("f is gone")
					}
					if err == nil && got[0].data != nil {
						err = between("f", got[0].data, before.data, after.data, bs)
						if serr := between("staged f", got[0].staged, before.staged, after.staged, bs); err == nil {
							err = serr
						}
					}
					if err != nil {
						t.Fatalf("%s: %v", where, err)
					}
					if bytes.Equal(got[0].data, after.data) && bytes.Equal(got[0].staged, after.staged) {
						done++
					}
					if count%60 == 11 {
						kernelAfterCrash(t, crashed, old, before.data, after.data, bs)
					}
				}
			}
			t.Logf("%d crashes, %d with the write done", count, done)
			if done == 0 || done == count {
				t.Errorf("of %d crashes %d had the write done", count, done)
			}
		})
	}
}

// recoverCow recovers an image, tells what the files hold, and drops what is staged: then there is
// no trace of it.
func recoverCow(t *testing.T, image *device.Memory, repair bool) (got [2]seenFile, err error) {
	t.Helper()
	w, err := volume.OpenWriter(keepOpen{image}, volume.Options{Replay: true})
	if err != nil {
		return got, err
	}
	for i, path := range []string{"/f", "/g"} {
		if got[i], err = seeFile(w.Volume, path); err != nil {
			return got, err
		}
	}
	if err := accounted(w); err != nil {
		return got, err
	}
	if got[0].data != nil {
		if err := w.CowCancel("/f", 0, 1<<40); err != nil {
			return got, err
		}
	}
	if err := w.Close(); err != nil {
		return got, err
	}
	noTrace(t, image)
	if !repair {
		return got, nil
	}
	path := save(t, image)
	oracle.RepairClean(t, oracle.Gen7, path)
	return got, os.Remove(path)
}

// accounted checks that all staged blocks are in a CoW fork, or blocks of its tree.
func accounted(w *volume.Writer) error {
	forks := map[format.FSBlock]bool{}
	files, err := w.CowStatus()
	if err != nil {
		return err
	}
	trees := 0
	for _, f := range files {
		for _, x := range f.Extents {
			for i := range format.FSBlock(x.Blocks()) {
				forks[x.Start+i] = x.State != cow.Reserved
			}
		}
		trees++
	}
	loose := 0
	for ag := range format.AGNumber(w.Geo.AGCount) {
		for u, err := range w.Fsmap(ag) {
			if err != nil {
				return err
			}
			for i := range format.AGBlock(u.Count) {
				if u.Owner == format.OwnCow && !forks[w.Geo.FSB(ag, u.Start+i)] {
					loose++
				}
			}
		}
	}
	if loose != trees { // these forks are small: one block each
		return fmt.Errorf("%d staged blocks are in no CoW fork, %d forks", loose, trees)
	}
	return nil
}

// kernelAfterCrash has the kernel recover an image. When writes are staged it refuses.
func kernelAfterCrash(t *testing.T, image *device.Memory, clone, before, after []byte, bs int) {
	t.Helper()
	path := save(t, image)
	defer os.Remove(path)
	m, err := oracle.TryMount(t, path, oracle.MountOptions{Loud: true})
	if err != nil {
		v, verr := volume.Open(keepOpen{image}, volume.Options{})
		check(t, verr)
		if v.Geo.ROCompat&format.ROPendingCow == 0 {
			t.Errorf("the kernel refuses to mount: %v", err)
		}
		return
	}
	g, err := os.ReadFile(filepath.Join(m.Dir, "g"))
	check(t, err)
	if !bytes.Equal(g, clone) {
		t.Error("the kernel shows another clone")
	}
	f, err := os.ReadFile(filepath.Join(m.Dir, "f"))
	if err == nil {
		err = between("the kernel: f", f, before, after, bs)
	}
	if err != nil && !(os.IsNotExist(err) && after == nil) {
		t.Error(err)
	}
	m.Unmount()
	oracle.RepairClean(t, oracle.Gen7, path)
}
