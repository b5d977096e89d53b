package source

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// dirents encodes names as getdents64 gives them.
func dirents(names ...string) []byte {
	var b []byte
	for i, name := range names {
		size := (19 + len(name) + 1 + 7) &^ 7
		r := make([]byte, size)
		binary.NativeEndian.PutUint64(r, uint64(i+1))
		binary.NativeEndian.PutUint16(r[16:], uint16(size))
		copy(r[19:], name)
		b = append(b, r...)
	}
	return b
}

func listed(l *listing) []string {
	names := make([]string, len(l.ents))
	for i := range l.ents {
		names[i] = strings.TrimSuffix(string(l.name(i)), "\x00")
	}
	return names
}

func TestListingSorts(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for round := range 300 {
		alphabet := []byte("ab\xff\x01z")[:1+rng.IntN(5)]
		prefix := strings.Repeat("p", rng.IntN(12))
		seen := map[string]bool{}
		var in, want []string
		for range rng.IntN(60) {
			name := []byte(prefix)
			for range 1 + rng.IntN(30) {
				name = append(name, alphabet[rng.IntN(len(alphabet))])
			}
			in = append(in, string(name))
			if !seen[string(name)] {
				want = append(want, string(name))
			}
			seen[string(name)] = true
		}
		slices.Sort(want)
		l := &listing{}
		if err := l.parse(dirents(append(in, ".", "..")...), &rules{}); err != nil {
			t.Fatal(err)
		}
		l.sort()
		if diff := cmp.Diff(want, listed(l)); diff != "" && len(want) > 0 {
			t.Fatalf("round %d: %s", round, diff)
		}
	}
}

func TestListingRefuses(t *testing.T) {
	long := dirents(strings.Repeat("x", 256))
	short := dirents("a", "b")
	binary.NativeEndian.PutUint16(short[16:], 5)
	for name, b := range map[string][]byte{
		"long name": long, "slash": dirents("a/b"), "record size": short,
		"no end": bytes.ReplaceAll(dirents("abcd")[:23], []byte{0}, []byte{24}),
	} {
		l := &listing{}
		if l.parse(b, &rules{}) == nil {
			t.Errorf("%s: taken as %q", name, listed(l))
		}
	}
}

func TestCarve(t *testing.T) {
	data := func(pairs ...int64) (r []Range) {
		for i := 0; i < len(pairs); i += 2 {
			r = append(r, Range{Off: pairs[i], Len: pairs[i+1] - pairs[i]})
		}
		return r
	}
	unwritten := func(pairs ...int64) []Range {
		r := data(pairs...)
		for i := range r {
			r[i].Unwritten = true
		}
		return r
	}
	for _, c := range []struct {
		data, unwritten, want []Range
	}{
		{data(0, 4, 8, 12), nil, data(0, 4, 8, 12)},
		{nil, unwritten(0, 8), unwritten(0, 8)},
		{data(0, 8), unwritten(0, 8), unwritten(0, 8)},
		{data(0, 4), unwritten(4, 8), slices.Concat(data(0, 4), unwritten(4, 8))},
		{data(4, 8), unwritten(0, 12), unwritten(0, 12)},
		{data(0, 12), unwritten(4, 8), slices.Concat(data(0, 4), unwritten(4, 8), data(8, 12))},
		{data(4, 8), unwritten(2, 6), slices.Concat(unwritten(2, 6), data(6, 8))},
		{data(4, 8), unwritten(6, 10), slices.Concat(data(4, 6), unwritten(6, 10))},
		{data(0, 2, 4, 6, 8, 20), unwritten(1, 9, 12, 14), slices.Concat(data(0, 1), unwritten(1, 9), data(9, 12), unwritten(12, 14), data(14, 20))},
	} {
		if diff := cmp.Diff(c.want, carve(slices.Clone(c.data), c.unwritten)); diff != "" {
			t.Errorf("data %v, unwritten %v: %s", c.data, c.unwritten, diff)
		}
	}
}

// TestUnwrittenWithDirtyPages: data that is not written back yet lies in ranges that the host
// still calls unwritten.
func TestUnwrittenWithDirtyPages(t *testing.T) {
	p := filepath.Join(t.TempDir(), "f")
	f, err := os.Create(p)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Fallocate(int(f.Fd()), 0, 0, 1<<20); err != nil {
		t.Skip("no preallocation here: ", err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(bytes.Repeat([]byte{1}, 8192), 256<<10); err != nil {
		t.Fatal(err)
	}
	tree, err := ScanDir(context.Background(), filepath.Dir(p), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	if tree.Extents(1) == nil {
		t.Skip("this filesystem does not tell unwritten ranges")
	}
	want := []Range{{0, 256 << 10, true}, {256 << 10, 8192, false}, {256<<10 + 8192, 1<<20 - 256<<10 - 8192, true}}
	if diff := cmp.Diff(want, tree.Extents(1)); diff != "" {
		t.Error(diff)
	}
	// Reading it, which brings unwritten ranges into the page cache, changes nothing.
	if _, err := f.ReadAt(make([]byte, 1<<20), 0); err != nil {
		t.Fatal(err)
	}
	again, err := ScanDir(context.Background(), filepath.Dir(p), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if diff := cmp.Diff(want, again.Extents(1)); diff != "" {
		t.Error(diff)
	}
}

// TestXattrsOnOldKernels reads by path what is otherwise read relative to the directory.
func TestXattrsOnOldKernels(t *testing.T) {
	dir := t.TempDir()
	for i := range 20 {
		p := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(p, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := unix.Lsetxattr(p, "user.some", []byte(fmt.Sprint("value ", i/10)), 0); err != nil {
			t.Skip("no extended attributes here: ", err)
		}
	}
	r, err := Options{}.compile()
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []bool{false, true} {
		fd, err := unix.Open(dir, unix.O_DIRECTORY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if at && !haveXattrAt(fd) {
			t.Skip("the kernel has no listxattrat")
		}
		tree := &Tree{store: &dirStore{fd: fd, root: dir}}
		s := &scanner{t: tree, rules: r, root: dir, fd: fd, xattrAt: at}
		if err := s.run(context.Background()); err != nil {
			t.Fatal(err)
		}
		for name, id := range tree.Entries(0) {
			x := tree.Xattrs(id)
			want := "value 0"
			if len(name) > 1 {
				want = "value 1"
			}
			if len(x) != 1 || x[0].Name != "user.some" || string(x[0].Value) != want {
				t.Errorf("relative %v: %s has %v", at, name, x)
			}
		}
		if len(tree.xattrs) != 2 {
			t.Errorf("%d sets of attributes, want 2", len(tree.xattrs))
		}
		tree.Close()
	}
}

func TestArenaHoldsLongStrings(t *testing.T) {
	var a arena
	w := arenaWriter{a: &a}
	type stored struct {
		ref  nameRef
		text string
		name bool
	}
	var all []stored
	rng := rand.New(rand.NewPCG(5, 6))
	for range 3000 {
		s := stored{name: rng.IntN(2) == 0}
		n := rng.IntN(maxTarget + 1)
		if s.name || rng.IntN(20) > 0 {
			n %= 256
		}
		s.text = strings.Repeat(string(rune('a'+rng.IntN(26))), n)
		var err error
		if s.name {
			s.ref, err = w.addName([]byte(s.text))
		} else {
			s.ref, err = w.addBytes([]byte(s.text))
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	w.flush()
	for _, s := range all {
		got := ""
		if s.name {
			got = a.name(s.ref)
		} else {
			got = a.bytes(s.ref, len(s.text))
		}
		if got != s.text {
			t.Fatalf("%d bytes come back as %d", len(s.text), len(got))
		}
	}
}
