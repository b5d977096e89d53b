package volume_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	fsck "github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/volume"
)

// crashCase is one way to change a volume.
type crashCase struct {
	method string // of volume.Writer
	way    string // where a method has several
	before func(w *volume.Writer) error
	do     func(w *volume.Writer) error
	// mixed is the files whose bytes a crash may leave as a mixture of old and new ones, since they
	// are written over in place or block by block, and staged says that CoW forks may be under way.
	mixed  []string
	staged bool
	silent bool // leaves the tree as it is
}

// crashCases are changes of the volume that crashBase makes, for each method that changes one.
var crashCases = []crashCase{
	{method: "Create", do: func(w *volume.Writer) error { return w.Create("/d/new", volume.Attr{Mode: 0o600, UID: 3}) }},
	{method: "Mknod", do: func(w *volume.Writer) error { return w.Mknod("/d/new", format.ModeFIFO, volume.Attr{Mode: 0o600}) }},
	{method: "Mkdir", do: func(w *volume.Writer) error { return w.Mkdir("/d/new", volume.Attr{Mode: 0o700}) }},
	{method: "Symlink", do: func(w *volume.Writer) error { return w.Symlink("target", "/d/new", volume.Attr{}) }},
	{method: "Symlink", way: "long", do: func(w *volume.Writer) error {
		return w.Symlink(strings.Repeat("target/", 100), "/d/new", volume.Attr{})
	}},
	{method: "Link", do: func(w *volume.Writer) error { return w.Link("/own", "/d/new") }},
	{method: "Remove", do: func(w *volume.Writer) error { return w.Remove("/own") }},
	{method: "Remove", way: "shared", do: func(w *volume.Writer) error { return w.Remove("/shared") }},
	{method: "Remove", way: "attributes", do: func(w *volume.Writer) error { return w.Remove("/attrs") }},
	{method: "Remove", way: "directory", do: func(w *volume.Writer) error { return w.Remove("/empty") }},
	{method: "Rename", do: func(w *volume.Writer) error { return w.Rename("/own", "/d/new") }},
	{method: "Rename", way: "over", do: func(w *volume.Writer) error { return w.Rename("/own", "/shared") }},
	{method: "Rename", way: "directory", do: func(w *volume.Writer) error { return w.Rename("/d", "/empty/d") }},
	{method: "Chmod", do: func(w *volume.Writer) error { return w.Chmod("/own", 0o4711) }},
	{method: "Chown", do: func(w *volume.Writer) error { return w.Chown("/own", 70_000, 5) }},
	{method: "Chtimes", do: func(w *volume.Writer) error { return w.Chtimes("/own", time.Unix(5, 6), time.Unix(7, 8)) }},
	{method: "SetXattr", do: func(w *volume.Writer) error { return w.SetXattr("/own", "user.a", []byte("b"), true, false) }},
	{method: "SetXattr", way: "to blocks", do: func(w *volume.Writer) error { return w.SetXattr("/d", "user.a", content(1, 3000), false, false) }},
	{method: "SetXattr", way: "remote", do: func(w *volume.Writer) error {
		return w.SetXattr("/attrs", "user.remote", content(9, 30_000), false, true)
	}},
	{method: "RemoveXattr", do: func(w *volume.Writer) error { return w.RemoveXattr("/attrs", "user.a") }},
	{method: "RemoveXattr", way: "remote", do: func(w *volume.Writer) error { return w.RemoveXattr("/attrs", "user.remote") }},
	{method: "Truncate", way: "shorter", do: func(w *volume.Writer) error { return w.Truncate("/own", 10_001) }},
	{method: "Truncate", way: "shared", do: func(w *volume.Writer) error { return w.Truncate("/shared", 10_001) }, mixed: []string{"/shared"}},
	{method: "Truncate", way: "longer", do: func(w *volume.Writer) error { return w.Truncate("/own", 300_000) }, mixed: []string{"/own"}},
	{method: "Fallocate", do: func(w *volume.Writer) error { return w.Fallocate("/holes", 0, 200_000, false) }},
	{method: "Fallocate", way: "keep size", do: func(w *volume.Writer) error { return w.Fallocate("/own", 0, 200_000, true) }},
	{method: "Punch", do: func(w *volume.Writer) error { return w.Punch("/own", 4096, 8192) }},
	{method: "Punch", way: "parts", do: func(w *volume.Writer) error { return w.Punch("/own", 1000, 20_000) }, mixed: []string{"/own"}},
	{method: "ZeroRange", do: func(w *volume.Writer) error { return w.ZeroRange("/own", 4096, 100_000, false) }},
	{method: "ZeroRange", way: "shared", do: func(w *volume.Writer) error { return w.ZeroRange("/shared", 1000, 20_000, true) }, mixed: []string{"/shared"}},
	{method: "WriteAt", do: func(w *volume.Writer) error { return w.WriteAt("/own", content(5, 50_000), 1000) }, mixed: []string{"/own"}},
	{method: "WriteAt", way: "new", do: func(w *volume.Writer) error { return w.WriteAt("/empty-file", content(5, 50_000), 0) }},
	{method: "WriteAt", way: "shared", do: func(w *volume.Writer) error { return w.WriteAt("/shared", content(5, 20_000), 1000) }, mixed: []string{"/shared"}},
	{method: "ReadFrom", do: func(w *volume.Writer) error {
		_, err := w.ReadFrom("/empty-file", bytes.NewReader(content(6, 50_000)), 0)
		return err
	}},
	{method: "WriteDirect", do: func(w *volume.Writer) error { return w.WriteDirect("/shared", content(5, 8192), 4096) }, mixed: []string{"/shared"}},
	{method: "WriteDAX", do: func(w *volume.Writer) error { return w.WriteDAX("/shared", content(5, 9000), 5000) }, mixed: []string{"/shared"}},
	{method: "Writeback", do: func(w *volume.Writer) error {
		err := w.WriteAt("/shared", content(5, 20_000), 0)
		if err == nil {
			err = w.Writeback("/shared", 0, 8192)
		}
		return err
	}, mixed: []string{"/shared"}},
	{method: "WritebackAll", do: func(w *volume.Writer) error {
		err := w.WriteAt("/empty-file", content(5, 20_000), 0)
		if err == nil {
			err = w.WritebackAll()
		}
		return err
	}, mixed: []string{"/empty-file"}},
	{method: "Sync", do: func(w *volume.Writer) error {
		err := w.Chmod("/own", 0o611)
		if err == nil {
			err = w.Sync()
		}
		return err
	}},
	{method: "Stage", do: stageShared, staged: true, silent: true},
	{method: "CowReserve", do: func(w *volume.Writer) error { return w.CowReserve("/shared", 0, 8192) }, staged: true, silent: true},
	{method: "CowAllocate", do: func(w *volume.Writer) error { return w.CowAllocate("/shared", 0, 8192) }, staged: true, silent: true},
	{method: "CowWrite", before: func(w *volume.Writer) error { return w.CowAllocate("/shared", 0, 8192) },
		do: func(w *volume.Writer) error {
			err := w.WriteAt("/shared", content(5, 8192), 0)
			if err == nil {
				err = w.CowWrite("/shared", 0, 8192)
			}
			return err
		}, staged: true, silent: true},
	{method: "CowRemap", before: stageShared, do: func(w *volume.Writer) error { return w.CowRemap("/shared", 0, 100_000) }, staged: true, mixed: []string{"/shared"}},
	{method: "CowCancel", before: stageShared, do: func(w *volume.Writer) error { return w.CowCancel("/shared", 0, 100_000) }, staged: true, silent: true},
	{method: "Clone", do: func(w *volume.Writer) error { return w.Clone("/own", "/d/clone") }},
	{method: "CloneRange", do: func(w *volume.Writer) error { return w.CloneRange("/own", 4096, "/shared", 8192, 16_384) }},
	{method: "Dedupe", do: func(w *volume.Writer) error {
		n, err := w.Dedupe("/own", 0, "/same", 0, 40_960)
		if err == nil && n != 40_960 {
			err = fmt.Errorf("only %d bytes are equal", n)
		}
		return err
	}},
	{method: "Unshare", do: func(w *volume.Writer) error { return w.Unshare("/shared", 0, 0) }},
	{method: "Exchange", do: func(w *volume.Writer) error { return w.Exchange("/own", 0, "/shared", 0, 0) }},
	{method: "Exchange", way: "range", do: func(w *volume.Writer) error { return w.Exchange("/own", 4096, "/shared", 8192, 8192) }},
	{method: "Exchange", way: "in several transactions", before: manyExtents,
		do: func(w *volume.Writer) error { return w.Exchange("/many1", 0, "/many2", 0, manyBlocks*4096) }},
	{method: "SetCowExtSize", do: func(w *volume.Writer) error { return w.SetCowExtSize("/own", 65_536) }},
	{method: "SetExtSize", do: func(w *volume.Writer) error { return w.SetExtSize("/empty-file", 65_536) }},
	{method: "Patch", do: func(w *volume.Writer) error {
		i, err := w.Lookup("/own")
		if err != nil {
			return err
		}
		f, err := i.Fork(inode.Data)
		if err != nil {
			return err
		}
		for m, err := range f.All() {
			if err != nil {
				return err
			}
			return w.Patch(volume.Patch{Off: w.Geo.Offset(m.Start), Data: bytes.Repeat([]byte("patch"), 100)})
		}
		return fmt.Errorf("no extent")
	}, mixed: []string{"/own"}},
	{method: "Tidy", before: func(w *volume.Writer) error {
		sb := bytes.Clone(w.Superblock()[:w.Geo.SectSize])
		format.SBIFree.Put(sb, 3)
		format.TypeSuperblock.SetChecksum(sb)
		return w.Patch(volume.Patch{Data: sb})
	}, do: (*volume.Writer).Tidy, silent: true},
	{method: "Begin", do: func(w *volume.Writer) error {
		u, err := w.Begin()
		for _, f := range []func() error{
			func() error { return u.Remove("/own") },
			func() error { return u.Mkdir("/d/new", volume.Attr{}) },
			func() error { return u.SetXattr("/attrs", "user.remote", content(8, 20_000), false, true) },
			func() error { return u.Commit() },
		} {
			if err == nil {
				err = f()
			}
		}
		return err
	}},
}

// manyBlocks is the length of the files that manyExtents makes. They differ in each block, and have more
// extents than one transaction exchanges.
const manyBlocks = 420

func manyExtents(w *volume.Writer) error {
	for i, path := range []string{"/many1", "/many2"} {
		if err := w.Create(path, volume.Attr{}); err != nil {
			return err
		}
		if err := w.WriteAt(path, content(20+i, manyBlocks*4096), 0); err != nil {
			return err
		}
		for k := int64(i); k < manyBlocks; k += 3 {
			if err := w.Punch(path, k*4096, 4096); err != nil {
				return err
			}
		}
	}
	return nil
}

func stageShared(w *volume.Writer) error { return w.Stage("/shared", content(7, 20_000), 1000) }

// crashBase is a small volume with something for each of the cases.
func crashBase(t *testing.T) *device.Memory {
	t.Helper()
	dev := inMemory(t, emptyImage(t, mkfs.Config{Size: 512 << 20}))
	w, err := volume.OpenWriter(keepOpen{dev}, volume.Options{})
	all := func(errs ...error) {
		t.Helper()
		for _, err := range errs {
			check(t, err)
		}
	}
	check(t, err)
	all(
		w.Mkdir("/d", volume.Attr{Mode: 0o755}), w.Mkdir("/empty", volume.Attr{Mode: 0o755}), w.Create("/d/some", volume.Attr{}),
		w.Create("/own", volume.Attr{Mode: 0o644}), w.WriteAt("/own", content(1, 50_000), 0),
		w.Create("/same", volume.Attr{}), w.WriteAt("/same", content(1, 50_000), 0),
		w.Create("/origin", volume.Attr{}), w.WriteAt("/origin", content(2, 60_000), 0), w.Clone("/origin", "/shared"),
		w.Create("/holes", volume.Attr{}), w.WriteAt("/holes", content(3, 4096), 20_480), w.WriteAt("/holes", content(3, 4096), 81_920),
		w.Create("/empty-file", volume.Attr{}), w.Create("/attrs", volume.Attr{}),
		w.SetXattr("/attrs", "user.a", content(4, 500), false, false), w.SetXattr("/attrs", "user.remote", content(4, 20_000), false, false),
		w.Close(),
	)
	return dev
}

// fullPicture is what pictureOf gives with times, hints and mappings beside it. Only with staged may files
// have CoW forks.
func fullPicture(v *volume.Volume, staged bool) (picture, error) {
	p, err := pictureOf(v, "")
	if err != nil {
		return nil, err
	}
	for path := range p {
		i, err := v.LookupLink(path)
		if err != nil {
			return nil, err
		}
		p[path] += fmt.Sprintf(" %v %v %d hints %d %d %x", i.ATime().UnixNano(), i.MTime().UnixNano(), i.Size(), v.CowExtSize(i), v.ExtSize(i), i.Flags())
		f, err := i.Fork(inode.Data)
		if err != nil {
			return nil, err
		}
		for m, err := range f.All() {
			if err != nil {
				return nil, err
			}
			p[path] += fmt.Sprintf(" %+v", m)
		}
		if x, err := v.CowFork(i); err != nil {
			return nil, err
		} else if len(x) > 0 && !staged {
			return nil, fmt.Errorf("%s has a CoW fork", path)
		}
	}
	return p, nil
}

// Every method that changes a volume leaves it, after a crash at any of its writes, as before or
// after.
func TestCrashOfEveryMethod(t *testing.T) {
	writer, reader := reflect.TypeFor[*volume.Writer](), reflect.TypeFor[*volume.Volume]()
	notChanges := []string{"Stats", "Close"} // each case closes the volume
	for i := range writer.NumMethod() {
		name := writer.Method(i).Name
		if _, reads := reader.MethodByName(name); !reads && !slices.Contains(notChanges, name) &&
			!slices.ContainsFunc(crashCases, func(c crashCase) bool { return c.method == name }) {
			t.Errorf("no case for %s", name)
		}
	}
	for _, c := range crashCases {
		if _, ok := writer.MethodByName(c.method); !ok {
			t.Errorf("there is no method %s", c.method)
		}
	}
	base := crashBase(t)
	for i, c := range crashCases {
		t.Run(strings.TrimSpace(c.method+" "+c.way), func(t *testing.T) {
			t.Parallel()
			c.run(t, base.Clone(), i)
		})
	}
}

// at has a writer's changes be made at one moment.
func at(w *volume.Writer, sec int64) { w.Now = func() time.Time { return time.Unix(sec, 0) } }

func (c *crashCase) run(t *testing.T, image *device.Memory, index int) {
	if c.before != nil {
		w, err := volume.OpenWriter(keepOpen{image}, volume.Options{})
		check(t, err)
		at(w, 2e9)
		check(t, c.before(w))
		check(t, w.Close())
	}
	look := func(dev *device.Memory) (picture, map[string][]byte, error) {
		v, err := volume.Open(keepOpen{dev}, volume.Options{})
		if err != nil {
			return nil, nil, err
		}
		return c.look(v)
	}
	before, oldData, err := look(image)
	check(t, err)
	dev := device.NewCrash(image)
	w, err := volume.OpenWriter(dev, volume.Options{})
	check(t, err)
	at(w, 2_000_000_100)
	check(t, c.do(w))
	check(t, w.Close())
	after, newData, err := look(dev.After(dev.Writes(), 0, device.LostNone))
	check(t, err)
	changed := len(before.differences(after)) > 0
	for path, data := range newData {
		changed = changed || !bytes.Equal(data, oldData[path])
	}
	if changed == c.silent {
		t.Fatalf("the tree has changed: %v", changed)
	}
	judge := func(p picture, data map[string][]byte) error {
		for path, b := range data {
			if err := (&crash{old: oldData[path], new: newData[path]}).mixed(b); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
		}
		if len(before.differences(p)) > 0 && len(after.differences(p)) > 0 {
			return fmt.Errorf("neither before:\n%s\nnor after:\n%s", strings.Join(before.differences(p), "\n"), strings.Join(after.differences(p), "\n"))
		}
		return nil
	}
	count := 0
	for n := 0; n <= dev.Writes(); n++ {
		for k, lost := range lostModes {
			if count++; (n+k)%oracle.Soak(4, 1) > 0 {
				continue
			}
			where := fmt.Sprintf("crash after %d of %d writes, lost %v", n, dev.Writes(), lost)
			crashed := dev.After(n, 9, lost)
			got := crashed.Clone()
			w, err := volume.OpenWriter(keepOpen{got}, volume.Options{Replay: true})
			if err != nil {
				t.Fatalf("%s: %v", where, err)
			}
			p, data, err := c.look(w.Volume)
			if err == nil {
				err = judge(p, data)
			}
			if err != nil {
				t.Fatalf("%s: %v", where, err)
			}
			if c.staged { // a crash can leave a word of staged writes that never were
				check(t, w.CowCancel("/shared", 0, 1<<40))
			}
			check(t, w.Close())
			if c.method != "Tidy" && (count+index)%oracle.Soak(15, 1) == 0 {
				noFindings(t, got, where)
			}
			if !c.staged && c.method != "Tidy" && (count+index)%oracle.Soak(201, 7) == 0 {
				t.Log("the kernel: ", where)
				v := recoveredByKernel(t, crashed)
				p, data, err := c.look(v)
				if err == nil {
					err = judge(p, data)
				}
				if err != nil {
					t.Fatalf("%s, recovered by the kernel: %v", where, err)
				}
				check(t, v.Close())
			}
		}
	}
	t.Logf("%d crashes", count)
}

// look gives a picture of a volume, without the files that may be a mixture; and what these hold.
func (c *crashCase) look(v *volume.Volume) (picture, map[string][]byte, error) {
	p, err := fullPicture(v, c.staged)
	if err != nil {
		return nil, nil, err
	}
	data := map[string][]byte{}
	for _, path := range c.mixed {
		if data[path], err = fs.ReadFile(v, path[1:]); err != nil {
			return nil, nil, err
		}
		delete(p, path)
	}
	return p, data, nil
}

// noFindings has cowfsck's check look at an image.
func noFindings(t *testing.T, image *device.Memory, where string) {
	t.Helper()
	r, err := fsck.Run(t.Context(), image, fsck.Options{Threads: 1})
	check(t, err)
	if len(r.Findings) > 0 {
		path := save(t, image)
		oracle.RepairClean(t, oracle.Gen7, path)
		check(t, os.Remove(path))
		t.Errorf("%s: %v", where, r.Findings[0])
	}
}
