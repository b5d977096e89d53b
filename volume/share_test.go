package volume_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/volume"
)

// owner is a block of a file: its name and the block's number in it.
type owner struct {
	file string
	off  format.FileOff
}

// sharing tells of each block of the files below the root, with data in it, which block of which
// file is the first to have it. So two volumes share the same if their maps are equal.
func sharing(t testing.TB, v *volume.Volume) map[owner]owner {
	t.Helper()
	first, out := map[format.FSBlock]owner{}, map[owner]owner{}
	list, err := v.ReadDir(".")
	check(t, err)
	for _, d := range list { // in order of names
		if !d.Type().IsRegular() {
			continue
		}
		i, err := v.Lookup(d.Name())
		check(t, err)
		f, err := i.Fork(inode.Data)
		check(t, err)
		for m, err := range f.All() {
			check(t, err)
			for k := range m.Count {
				if m.Unwritten {
					continue
				}
				me, b := owner{d.Name(), m.Off + format.FileOff(k)}, m.Start+format.FSBlock(k)
				if _, ok := first[b]; !ok {
					first[b] = me
				}
				out[me] = first[b]
			}
		}
	}
	return out
}

func sameSharing(t testing.TB, got, want map[owner]owner) {
	t.Helper()
	if maps.Equal(got, want) {
		return
	}
	var lines []string
	for k, w := range want {
		if g, ok := got[k]; !ok || g != w {
			lines = append(lines, fmt.Sprintf("%v is shared with %v (%v), want %v", k, g, ok, w))
		}
	}
	for k, g := range got {
		if _, ok := want[k]; !ok {
			lines = append(lines, fmt.Sprintf("%v is shared with %v, want a hole", k, g))
		}
	}
	slices.Sort(lines)
	t.Fatalf("other sharing:\n%s", strings.Join(lines[:min(12, len(lines))], "\n"))
}

// kernelReads checks what the kernel finds in files of an image.
func kernelReads(t testing.TB, path string, files map[string][]byte) {
	t.Helper()
	m := oracle.Mount(t, path, oracle.MountOptions{ReadOnly: true})
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(m.Dir, name))
		check(t, err)
		if !bytes.Equal(got, want) {
			t.Errorf("the kernel reads other contents of %s: %s", name, differ(got, want))
		}
	}
	m.Unmount()
}

func differ(got, want []byte) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("byte %d of %d is %#x, want %#x", i, len(got), got[i], want[i])
		}
	}
	return fmt.Sprintf("%d bytes, want %d", len(got), len(want))
}

func reflinked(t testing.TB, v *volume.Volume, path string) bool {
	t.Helper()
	i, err := v.Lookup(path)
	check(t, err)
	return i.Flags2()&format.Flag2Reflink != 0
}

// Each way to share and to end sharing, once, judged by xfs_repair and by the kernel.
func TestShareBasics(t *testing.T) {
	for _, g := range []string{"default", "1k", "no-rmapbt", "64k"} {
		t.Run(g, func(t *testing.T) {
			t.Parallel()
			path := emptyImage(t, geometry(g))
			w := openWriter(t, path)
			bs := int64(w.Geo.BlockSize)
			m := newShareModel(1, bs)
			a := volume.Attr{Mode: 0o640, UID: 5, GID: 6}
			for name, n := range map[string]int64{"a": 20*bs + 100, "b": 9 * bs, "same": 20*bs + 100} {
				m.files[name] = content(int(n), int(n))
				check(t, w.Create("/"+name, a))
				check(t, w.WriteAt("/"+name, m.files[name], 0))
			}
			for _, o := range []shareOp{
				{what: "copy", a: "a", b: "clone"},
				{what: "copy", a: "a", b: "b2"},
				{what: "copy", a: "b", b: "b2"}, // over an old one
				{what: "clone", a: "b", aOff: 2 * bs, b: "clone", bOff: 4 * bs, n: 3 * bs},
				{what: "clone", a: "b", b: "b", bOff: 20 * bs, n: 2 * bs}, // in one file, beyond its end
				{what: "clone", a: "a", b: "b2", bOff: 12 * bs},           // up to the end of the source
				{what: "dedupe", a: "a", b: "same", n: 20*bs + 100},
				{what: "exchange", a: "a", aOff: 2 * bs, b: "b2", bOff: 3 * bs, n: 4 * bs},
				{what: "swap", a: "same", b: "clone"},
				{what: "unshare", a: "a", aOff: 5 * bs, n: 6 * bs},
				{what: "truncate", a: "b2", n: 7 * bs},
				{what: "punch", a: "clone", aOff: bs, n: 3 * bs},
			} {
				if err := m.onVolume(w, o); err != nil {
					t.Fatalf("%v: %v", o, err)
				}
				m.run(o)
				m.compare(t, w.Volume)
			}
			i, err := w.Lookup("/clone")
			check(t, err)
			if i.Mode() != format.ModeReg|0o640 || i.UID() != 5 || i.GID() != 6 {
				t.Errorf("a clone with mode %#o, owner %d, group %d", i.Mode(), i.UID(), i.GID())
			}
			check(t, w.Close())
			oracle.RepairClean(t, oracle.Gen7, path)
			kernelReads(t, path, m.files)

			w = openWriter(t, path)
			for name := range m.files {
				check(t, w.Unshare("/"+name, 0, 0))
				if reflinked(t, w.Volume, name) {
					t.Errorf("%s is still marked as sharing blocks", name)
				}
			}
			for at, first := range sharing(t, w.Volume) {
				if at != first {
					t.Errorf("%v is still shared with %v", at, first)
				}
			}
			m.compare(t, w.Volume)
			check(t, w.Close())
			oracle.RepairClean(t, oracle.Gen7, path)
			kernelReads(t, path, m.files)
		})
	}
}

// What can't be shared is refused, with nothing changed.
func TestShareRefuses(t *testing.T) {
	path := emptyImage(t, geometry("default"))
	w := openWriter(t, path)
	bs := int64(w.Geo.BlockSize)
	big := content(1, int(10*bs+100))
	check(t, w.Create("/a", volume.Attr{}))
	check(t, w.WriteAt("/a", big, 0))
	check(t, w.Create("/b", volume.Attr{}))
	check(t, w.WriteAt("/b", big, 0))
	check(t, w.Mkdir("/d", volume.Attr{}))
	check(t, w.Symlink("nowhere", "/l", volume.Attr{}))
	for what, c := range map[string]struct {
		err  error
		want error
	}{
		"source offset":       {w.CloneRange("/a", 1, "/b", 0, bs), volume.ErrRange},
		"destination offset":  {w.CloneRange("/a", 0, "/b", 512, bs), volume.ErrRange},
		"length":              {w.CloneRange("/a", 0, "/b", 0, bs+1), volume.ErrRange},
		"end within another":  {w.CloneRange("/a", 10*bs, "/b", 0, 100), volume.ErrRange},
		"beyond the end":      {w.CloneRange("/a", 10*bs, "/b", 0, bs), volume.ErrRange},
		"negative":            {w.CloneRange("/a", -bs, "/b", 0, bs), volume.ErrRange},
		"too far":             {w.CloneRange("/a", 0, "/b", math.MaxInt64/bs*bs, bs), volume.ErrRange},
		"overlap":             {w.CloneRange("/a", 0, "/a", 2*bs, 4*bs), volume.ErrRange},
		"onto itself":         {w.Clone("/a", "/a"), volume.ErrRange},
		"a directory":         {w.CloneRange("/d", 0, "/b", 0, 0), volume.ErrNotRegular},
		"into a directory":    {w.CloneRange("/a", 0, "/d", 0, 0), volume.ErrNotRegular},
		"clone of a link":     {w.Clone("/l", "/x"), fs.ErrNotExist},
		"over a directory":    {w.Clone("/a", "/d"), volume.ErrNotRegular},
		"no source":           {w.Clone("/none", "/x"), fs.ErrNotExist},
		"exchange misaligned": {w.Exchange("/a", 0, "/b", 1, bs), volume.ErrRange},
		"exchange too long":   {w.Exchange("/a", 0, "/b", 0, 11*bs), volume.ErrRange},
		"exchange overlap":    {w.Exchange("/a", 0, "/a", bs, 2*bs), volume.ErrRange},
		"exchange of itself":  {w.Exchange("/a", 0, "/a", 0, 0), volume.ErrRange},
		"exchange of a link":  {w.Exchange("/a", 0, "/d", 0, bs), volume.ErrNotRegular},
		"unshare a directory": {w.Unshare("/d", 0, 0), volume.ErrNotRegular},
		"unshare":             {w.Unshare("/a", -1, 5), fs.ErrInvalid},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v, want %v", what, c.err, c.want)
		}
	}
	_, err := w.Dedupe("/a", 0, "/b", 0, 11*bs)
	if !errors.Is(err, volume.ErrRange) {
		t.Errorf("dedupe too long: %v", err)
	}
	if reflinked(t, w.Volume, "/a") || reflinked(t, w.Volume, "/b") {
		t.Error("a refused clone has left the mark of sharing")
	}
	check(t, w.WriteAt("/b", []byte("x"), 5*bs))
	same, err := w.Dedupe("/a", 0, "/b", 0, 10*bs+100)
	if check(t, err); same != 5*bs {
		t.Errorf("%d bytes are the same, want %d", same, 5*bs)
	}
	for at, first := range sharing(t, w.Volume) {
		if at != first {
			t.Fatalf("%v is shared with %v, though other bytes differ", at, first)
		}
	}
	check(t, w.Close())
	oracle.RepairClean(t, oracle.Gen7, path)

	w = openWriter(t, emptyImage(t, geometry("no-reflink")))
	check(t, w.Create("/a", volume.Attr{}))
	check(t, w.WriteAt("/a", big, 0))
	for what, err := range map[string]error{"clone": w.Clone("/a", "/b"), "hint": w.SetCowExtSize("/a", bs)} {
		if !errors.Is(err, format.ErrUnsupported) {
			t.Errorf("%s without reflink: %v", what, err)
		}
	}
	check(t, w.Close())
}

// A file of so many extents that its clone takes several transactions, and a part of it into a hole
// of another file whose neighbours its ends go on from.
func TestCloneManyExtents(t *testing.T) {
	for _, g := range []string{"default", "no-rmapbt"} {
		t.Run(g, func(t *testing.T) {
			t.Parallel()
			path := emptyImage(t, geometry(g))
			w := openWriter(t, path)
			const bs, extents = 4096, 2500
			want := content(3, (2*extents-1)*bs)
			check(t, w.Create("/a", volume.Attr{Mode: 0o644}))
			check(t, w.WriteAt("/a", want, 0))
			for i := range int64(extents - 1) {
				check(t, w.Punch("/a", (2*i+1)*bs, bs))
				clear(want[(2*i+1)*bs:][:bs])
			}
			check(t, w.Clone("/a", "/b"))
			check(t, w.Clone("/a", "/c"))
			check(t, w.Punch("/c", 100*bs, 1000*bs))
			check(t, w.CloneRange("/b", 100*bs, "/c", 100*bs, 1000*bs)) // as it was, and joined at both ends
			check(t, w.CloneRange("/b", 200*bs, "/c", 2*extents*bs, 100*bs))
			check(t, w.Close())
			long := append(append(bytes.Clone(want), make([]byte, bs)...), want[200*bs:300*bs]...)
			files := map[string][]byte{"a": want, "b": want, "c": long}
			oracle.RepairClean(t, oracle.Gen7, path)
			kernelReads(t, path, files)
			w = openWriter(t, path)
			same := 0
			for at, first := range sharing(t, w.Volume) {
				if first.file != "a" || at.off < 2*extents && at.off != first.off {
					t.Fatalf("%v is shared with %v", at, first)
				}
				same++
			}
			if want := 3*extents + 50; same != want {
				t.Errorf("%d blocks, want %d", same, want)
			}
			check(t, w.Close())
		})
	}
}
