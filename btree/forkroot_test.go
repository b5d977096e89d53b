package btree

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cowfs/cowfs/format"
)

// The beginning and the end of a tree in a fork, byte by byte.
func TestBuild(t *testing.T) {
	recs := slices.Concat(records(Bmbt, 22, rand.New(rand.NewPCG(91, 92)))...)
	m := newEdited(t, Bmbt, 4096, 336)
	copy(m.Fork, recs) // an extents fork, full
	if err := m.Build(recs, uint64(m.Geo.FSB(1, 77))); err != nil {
		t.Fatal(err)
	}
	leaf := m.pages.number(0)
	want := make([]byte, 336)
	copy(want, []byte{0, 1, 0, 1})
	copy(want[4:], nodeKey(Bmbt, low(Bmbt, recs)))
	format.LongPtrTo.Put(want[4+20*8:], format.FSBlock(leaf))
	if !bytes.Equal(m.Fork, want) {
		t.Errorf("got  %x\nwant %x", m.Fork, want)
	}
	b := m.pages.blocks[leaf]
	if got := b[72:][:len(recs)]; !bytes.Equal(got, recs) || format.LongNumRecs.Get(b) != 22 || format.LongOwner.Get(b) != 131 {
		t.Errorf("leaf %x", b[:72+len(recs)])
	}
	flat, err := m.Flatten([]byte("x"))
	if err != nil || string(flat) != "x"+string(recs) {
		t.Errorf("flattened to %x, %v", flat, err)
	}
	if len(m.pages.blocks) != 0 || !bytes.Equal(m.Fork, want) {
		t.Errorf("%d blocks left, fork %x", len(m.pages.blocks), m.Fork)
	}
}

// Build makes trees of any size, with the root in a block as well.
func TestBuildLarge(t *testing.T) {
	for _, fork := range []int{0, 20, 336} {
		for _, n := range []int{0, 1, 59, 60, 5000} {
			m := newEdited(t, Bmbt, 1024, max(fork, 20))
			if fork == 0 {
				m.Fork = nil
			}
			m.recs = records(Bmbt, n, rand.New(rand.NewPCG(93, 94)))
			if err := m.Build(slices.Concat(m.recs...), 9); err != nil {
				t.Fatal(err)
			}
			if n > 0 || fork == 0 {
				m.check()
			}
			m.flatten()
			if m.Root != 0 || m.Levels != 0 {
				t.Errorf("root %d, %d levels after flattening", m.Root, m.Levels)
			}
		}
	}
}

func TestBuildErrors(t *testing.T) {
	recs := slices.Concat(records(Bmbt, 100, rand.New(rand.NewPCG(95, 96)))...)
	swapped := slices.Concat(recs[:32], recs[16:])
	for name, build := range map[string]func() error{
		"half a record":     func() error { return newEdited(t, Bmbt, 1024, 336).Build(recs[:24], 9) },
		"no room":           func() error { return newEdited(t, Bmbt, 1024, 19).Build(recs, 9) },
		"not a fork's kind": func() error { return newEdited(t, Bnobt, 1024, 336).Build(recs[:8], 9) },
		"twice":             func() error { return newEdited(t, Bmbt, 1024, 336).Build(swapped, 9) },
		"late":              func() error { return newEdited(t, Bmbt, 1024, 336).Build(slices.Concat(recs, recs[:16]), 9) },
		"no space": func() error {
			m := newEdited(t, Bmbt, 1024, 336)
			m.pages.fault = failAt("new", new(int), errNoSpace)
			return m.Build(recs, 9)
		},
	} {
		err := build()
		switch {
		case err == nil:
			t.Errorf("%s: no error", name)
		case name == "twice" && !errors.Is(err, ErrOrder), name == "late" && !errors.Is(err, ErrExists), name == "no space" && !errors.Is(err, errNoSpace):
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A fork changes its size under a tree, as when attributes appear and go.
func TestResize(t *testing.T) {
	rng := rand.New(rand.NewPCG(97, 98))
	for _, n := range []int{1, 59, 60, 700, 3000, 10000} {
		pool := records(Bmbt, n+100, rng)
		m := newEdited(t, Bmbt, 1024, 336)
		m.watch, m.pages.copying = true, true
		for _, i := range rng.Perm(len(pool))[:n] {
			m.insert(pool[i])
		}
		area := make([]byte, 2000) // the forks lie in one inode, and overlap
		copy(area, m.Fork)
		m.Fork = area[:336]
		deepest, flattest := 0, 99
		for range 60 {
			size := []int{20, 36, 56, 100, 216, 336, 472, 1872}[rng.IntN(8)]
			m.change(fmt.Sprintf("resize to %d", size), func() error { return m.Resize(area[:size]) })
			if len(m.Fork) != size || &m.Fork[0] != &area[0] {
				t.Fatalf("the fork has %d bytes, want %d", len(m.Fork), size)
			}
			clear(area[size:]) // somebody else's
			m.check()
			level := int(format.RootLevel.Get(m.Fork))
			deepest, flattest = max(deepest, level), min(flattest, level)
			for range rng.IntN(30) {
				m.update(m.recs[rng.IntN(len(m.recs))], pool[rng.IntN(len(pool))])
			}
			m.check()
		}
		if n == 3000 && deepest == flattest {
			t.Error("the root never moved")
		}
		if err := m.Resize(area[:19]); err == nil {
			t.Error("a fork of 19 bytes is large enough")
		}
	}
}

// A resize that finds no space leaves the blocks alone.
func TestResizeNoSpace(t *testing.T) {
	m := loaded(t, Bmbt, 1024, records(Bmbt, 59*20, rand.New(rand.NewPCG(99, 100))), 336)
	blocks := len(m.pages.blocks)
	m.pages.fault = failAt("new", new(int), errNoSpace)
	if err := m.Resize(make([]byte, 200)); !errors.Is(err, errNoSpace) {
		t.Errorf("got %v", err)
	}
	if len(m.pages.blocks) != blocks {
		t.Errorf("%d blocks, want %d", len(m.pages.blocks), blocks)
	}
}

// The last leaf below a root in a fork may become empty, and fill again.
func TestEmptyForkLeaf(t *testing.T) {
	recs := records(Bmbt, 30, rand.New(rand.NewPCG(101, 102)))
	m := newEdited(t, Bmbt, 1024, 36)
	m.insert(recs[20])
	m.change("delete", func() error { return m.Delete(recs[20]) })
	m.recs = nil
	m.checkReads(recs, rand.New(rand.NewPCG(103, 104)), 5)
	for range m.Range(nodeKey(Bmbt, point{}), nodeKey(Bmbt, point{1 << 50})) {
		t.Error("a record in an empty tree")
	}
	for _, i := range []int{25, 3, 20} {
		m.change("insert", func() error { return m.Insert(recs[i]) })
	}
	m.recs = [][]byte{recs[3], recs[20], recs[25]}
	m.check()
}
