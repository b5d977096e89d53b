package btree

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
)

// change alters a block on the image, and makes its checksum right again if asked.
func (m *model) change(t testing.TB, block uint64, fix bool, edit func(b []byte)) {
	t.Helper()
	b := make([]byte, m.Geo.BlockSize)
	if _, err := m.image.ReadAt(b, m.offset(block)); err != nil {
		t.Fatal(err)
	}
	edit(b)
	if fix {
		format.SetChecksum(b, m.Kind.crcField())
	}
	if _, err := m.image.WriteAt(b, m.offset(block)); err != nil {
		t.Fatal(err)
	}
}

// damaged returns a copy of m on an image of its own.
func (m *model) damaged() *model {
	d := *m
	d.image = m.image.Clone()
	d.Dev = d.image
	d.Fork = append([]byte(nil), m.Fork...)
	return &d
}

// walks are all the ways to go through a whole tree.
func (m *model) walks() map[string]error {
	last := func(seq func(func([]byte, error) bool)) (err error) {
		seq(func(_ []byte, e error) bool {
			err = e
			return true
		})
		return err
	}
	k := m.Kind
	first := make([]byte, k.KeySize)
	out := map[string]error{
		"all":   last(m.All()),
		"walk":  m.Walk(func(int, uint64, []byte) error { return nil }),
		"range": last(m.Range(first, nodeKey(k, point{1<<32 - 1, 1<<64 - 1, 1<<61 - 1}))),
	}
	c := m.SeekLE(first)
	for ok := true; ok; {
		_, ok, out["seek"] = c.Next()
	}
	return out
}

// Every sort of damage is found by every way through the tree, with the block and the field
// named. Checksums are right, unless they are the damage.
func TestDamage(t *testing.T) {
	rng := rand.New(rand.NewPCG(41, 42))
	for _, k := range kinds {
		short, long := func(s, l int) int { return pick(k.Long, l, s) }, k.Long
		put32 := func(off int, v uint32) func([]byte) {
			return func(b []byte) { binary.BigEndian.PutUint32(b[off:], v) }
		}
		put64 := func(off int, v uint64) func([]byte) {
			return func(b []byte) { binary.BigEndian.PutUint64(b[off:], v) }
		}
		putBlock := func(off int, v uint64) func([]byte) {
			if long {
				return put64(off, v)
			}
			return put32(off, uint32(v))
		}
		m := build(t, k, 1024, records(k, k.MaxRecs(1024, 0)*k.MaxRecs(1024, 1)*3/2, rng), pick(long, 36, 0))
		if m.shape[0] < 30 || m.shape[1] != 2 {
			t.Fatalf("%s: shape %v is not the one for this test", k.Name, m.shape)
		}
		const leaf = 5 // the sixth leaf, not at an edge of the tree
		node := m.shape[0]
		swap := func(i, j, size int) func([]byte) {
			return func(b []byte) {
				e := b[k.HeaderSize():]
				for n := range size {
					e[i*size+n], e[j*size+n] = e[j*size+n], e[i*size+n]
				}
			}
		}
		ptrs := k.HeaderSize() + k.MaxRecs(1024, 1)*k.KeySize
		null := k.Null()
		for _, tt := range []struct {
			field string
			block int // of the tree
			edit  func([]byte)
			named int // the block in the error, if another one
		}{
			{"magic", leaf, put32(0, uint32(Bnobt.Magic)^uint32(k.Magic)^0x100), leaf},
			{"crc", leaf, func(b []byte) { b[k.crcField()] ^= 1 }, leaf},
			{"crc", leaf, func(b []byte) { b[1023] ^= 1 }, leaf},
			{"crc", node, func(b []byte) { b[700] ^= 1 }, node},
			{"uuid", leaf, func(b []byte) { b[short(32, 40)+15] ^= 1 }, leaf},
			{"bno", leaf, func(b []byte) { b[short(16, 24)+7] ^= 1 }, leaf},
			{"owner", leaf, func(b []byte) { b[short(51, 63)] ^= 1 }, leaf},
			{"level", leaf, func(b []byte) { b[5] = 1 }, leaf},
			{"level", leaf, func(b []byte) { b[4] = 255 }, leaf},
			{"level", node, func(b []byte) { b[5] = 0 }, node},
			{"numrecs", leaf, func(b []byte) { b[6], b[7] = 0, 0 }, leaf},
			{"numrecs", leaf, func(b []byte) { b[7] = byte(k.MaxRecs(1024, 0) + 1) }, leaf},
			{"numrecs", leaf, func(b []byte) { b[6], b[7] = 255, 255 }, leaf},
			{"numrecs", node, func(b []byte) { b[6], b[7] = 0, 0 }, node},
			{"key order", leaf, swap(1, 2, k.RecSize), leaf},
			{"key order", node, swap(1, 2, k.KeySize), node},
			{"first key", leaf, func(b []byte) { copy(k.NodeOf(b).Rec(0), m.recs[0]) }, leaf},
			{"leftsib", leaf, putBlock(8, m.blocks[2]), leaf},
			{"leftsib", leaf, putBlock(8, null), leaf},
			{"leftsib", 0, putBlock(8, m.blocks[1]), 0},
			{"rightsib", leaf, putBlock(short(12, 16), m.blocks[2]), leaf},
			{"rightsib", leaf, putBlock(short(12, 16), null), leaf},
			{"rightsib", m.shape[0] - 1, putBlock(short(12, 16), m.blocks[0]), m.shape[0] - 1},
			{"block number", node, putBlock(ptrs, null), -1},
			{"block number", node, putBlock(ptrs, 0), -1}, // a header
			{"block number", node, putBlock(ptrs, 1<<31), -1},
			{"level", node, putBlock(ptrs, m.blocks[node]), node},          // itself
			{"rightsib", node, putBlock(ptrs+k.PtrSize(), m.blocks[0]), 0}, // twice the same child
			{"rightsib", node, putBlock(ptrs+3*k.PtrSize(), m.blocks[1]), 2},
			{"first key", node, putBlock(ptrs, m.blocks[1]), 1},
		} {
			d := m.damaged()
			d.change(t, m.blocks[tt.block], tt.field != "crc", tt.edit)
			d.expectDamage(t, tt.field, tt.named)
		}
		if k.Overlapping {
			d := m.damaged()
			d.change(t, m.blocks[node], true, func(b []byte) { b[k.HeaderSize()+2*40+23]++ })
			d.expectDamage(t, "high key", 2)
		}
		// The last record of a leaf moves beyond the first of the next one; here the leaf is the
		// last one of its parent, so that only the level above knows better.
		d := m.damaged()
		n := 0
		d.change(t, m.blocks[node], false, func(b []byte) { n = k.NodeOf(b).Len() - 1 })
		d.change(t, m.blocks[n], true, func(b []byte) {
			v := k.NodeOf(b)
			copy(v.Rec(v.Len()-1), m.recs[len(m.recs)-1])
		})
		d.expectDamage(t, "last key", n)
		// Links between leaves of different parents. Range in an overlapping kind does not know
		// what it skipped, and lets them pass.
		for field, at := range map[string]struct{ block, off int }{"leftsib": {n + 1, 8}, "rightsib": {n, short(12, 16)}} {
			d := m.damaged()
			d.change(t, m.blocks[at.block], true, putBlock(at.off, m.blocks[2]))
			d.expectDamageIn(t, field, at.block, func(way string) bool { return way != "range" || !k.Overlapping })
		}
		if root := len(m.blocks) - 1; !long {
			for field, off := range map[string]int{"leftsib": 8, "rightsib": 12} {
				d := m.damaged()
				d.change(t, m.Root, true, putBlock(off, m.blocks[2]))
				d.expectDamage(t, field, root)
			}
		}
	}
}

// expectDamage checks that every way through m ends in an error about the field. block is the
// number within the tree of the block it must name, -1 for none of the tree's.
func (m *model) expectDamage(t *testing.T, field string, block int) {
	t.Helper()
	m.expectDamageIn(t, field, block, func(string) bool { return true })
}

// expectDamageIn is expectDamage for some of the ways.
func (m *model) expectDamageIn(t *testing.T, field string, block int, in func(way string) bool) {
	t.Helper()
	for way, err := range m.walks() {
		if !in(way) {
			continue
		}
		var c *format.CorruptError
		if !errors.As(err, &c) || !errors.Is(err, format.ErrCorrupt) {
			t.Errorf("%s, %s, %s: got %v", m.Kind.Name, way, field, err)
			continue
		}
		if c.Field != field {
			t.Errorf("%s, %s: got %v, want an error about %s", m.Kind.Name, way, err, field)
		}
		if block < 0 {
			continue
		}
		if want := fmt.Sprintf("%s block %d", m.Kind.Name, m.blocks[block]); c.Structure != want {
			t.Errorf("%s, %s, %s: got %v, want it in %s", m.Kind.Name, way, field, err, want)
		}
		if want := format.Daddr(m.offset(m.blocks[block]) >> 9); c.Place.Daddr != want {
			t.Errorf("%s, %s, %s: at daddr %d, want %d", m.Kind.Name, way, field, c.Place.Daddr, want)
		}
		if m.Kind.Long != (c.Place.Ino == 131) || m.Kind.Long == (c.Place.AG == 2) {
			t.Errorf("%s, %s, %s: wrong place %v", m.Kind.Name, way, field, c.Place)
		}
	}
}

// What is said of the root can be wrong as well.
func TestBadRoot(t *testing.T) {
	rng := rand.New(rand.NewPCG(43, 44))
	for _, k := range kinds {
		good := build(t, k, 1024, records(k, 3000, rng), 0)
		for name, edit := range map[string]func(*model){
			"no level":        func(m *model) { m.Levels = 0 },
			"negative level":  func(m *model) { m.Levels = -1 },
			"too many levels": func(m *model) { m.Levels = format.MaxBtreeLevels + 1 },
			"one too many":    func(m *model) { m.Levels++ },
			"one too few":     func(m *model) { m.Levels-- },
			"null root":       func(m *model) { m.Root = k.Null() },
			"header root":     func(m *model) { m.Root = 0 },
			"root far away":   func(m *model) { m.Root = 1<<64 - 2 },
			"a leaf as root":  func(m *model) { m.Root, m.Levels = m.blocks[3], 1 },
			"other owner":     func(m *model) { m.Owner, m.AG = 132, 3 },
			"no such group":   func(m *model) { m.AG, m.Root = 4, pick(k.Long, uint64(4<<16+10), m.Root) },
		} {
			m := good.damaged()
			m.Fork = nil
			edit(m)
			for way, err := range m.walks() {
				if !errors.Is(err, format.ErrCorrupt) || !strings.Contains(err.Error(), k.Name) {
					t.Errorf("%s, %s, %s: got %v", k.Name, name, way, err)
				}
			}
		}
	}
}

func TestBadForkRoot(t *testing.T) {
	good := build(t, Bmbt, 1024, records(Bmbt, 59*59*3, rand.New(rand.NewPCG(45, 46))), 68) // three of four entries used
	for name, edit := range map[string]func(fork []byte){
		"level 0":        func(f []byte) { f[1] = 0 },
		"level too high": func(f []byte) { f[1] = format.MaxBtreeLevels + 1 },
		"level huge":     func(f []byte) { f[0] = 255 },
		"empty":          func(f []byte) { f[3] = 0 },
		"too full":       func(f []byte) { f[3] = 5 },
		"huge":           func(f []byte) { f[2] = 255 },
		"keys equal":     func(f []byte) { copy(f[12:20], f[4:12]) },
		"key wrong":      func(f []byte) { f[11]++ },
		"pointer wrong":  func(f []byte) { f[4+4*8+7]++ },
		"pointers equal": func(f []byte) { copy(f[4+5*8:][:8], f[4+4*8:][:8]) },
		"pointer null":   func(f []byte) { format.LongPtrTo.Put(f[4+4*8:], format.NullFSBlock) },
		"one child less": func(f []byte) { f[3]-- },
	} {
		m := good.damaged()
		edit(m.Fork)
		for way, err := range m.walks() {
			if !errors.Is(err, format.ErrCorrupt) || !strings.Contains(err.Error(), "inode 131") {
				t.Errorf("%s, %s: got %v", name, way, err)
			}
		}
	}
	for _, fork := range [][]byte{{}, {0, 1, 0}, {0, 1, 0, 1}} {
		m := good.damaged()
		m.Fork = fork
		for way, err := range m.walks() {
			if err == nil {
				t.Errorf("a fork of %d bytes, %s: no error", len(fork), way)
			}
		}
	}
	m := build(t, Bnobt, 1024, nil, 0)
	m.Fork = make([]byte, 100)
	for way, err := range m.walks() {
		if err == nil {
			t.Errorf("a bnobt in a fork, %s: no error", way)
		}
	}
}

// A truncated image and a failing device are no corruption of the tree.
func TestReadErrors(t *testing.T) {
	m := build(t, Rmapbt, 1024, records(Rmapbt, 3000, rand.New(rand.NewPCG(47, 48))), 0)
	d := m.damaged()
	if err := d.image.Truncate(m.offset(m.Root) + 100); err != nil {
		t.Fatal(err)
	}
	for way, err := range d.walks() {
		var short *device.ShortError
		if !errors.As(err, &short) || short.Got != 100 || errors.Is(err, format.ErrCorrupt) || !strings.Contains(err.Error(), fmt.Sprintf("rmapbt block %d", m.Root)) {
			t.Errorf("%s: got %v", way, err)
		}
	}
	d = m.damaged()
	d.Dev = io.NewSectionReader(m.image, 0, m.offset(m.Root)+100)
	for way, err := range d.walks() {
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: got %v", way, err)
		}
	}
	for n := range Blocks(m.shape) {
		d = m.damaged()
		d.Dev = device.MustFault(m.image, fmt.Sprintf("(Err (From %d))", n))
		for way, err := range map[string]error{"walk": d.Walk(func(int, uint64, []byte) error { return nil }), "all": lastError(&d.Tree)} {
			d.Dev = device.MustFault(m.image, fmt.Sprintf("(Err (From %d))", n))
			if !errors.Is(err, device.ErrInjected) || errors.Is(err, format.ErrCorrupt) {
				t.Errorf("%s, read %d: got %v", way, n, err)
			}
		}
	}
	stop := errors.New("enough")
	seen := 0
	if err := m.Walk(func(int, uint64, []byte) error {
		if seen++; seen == 5 {
			return stop
		}
		return nil
	}); err != stop || seen != 5 {
		t.Errorf("a visit's error: got %v after %d", err, seen)
	}
	// A cursor repeats its error.
	d = m.damaged()
	d.Dev = device.MustFault(m.image, "(Err (Index 5))")
	c := d.Seek(make([]byte, 40))
	var first error
	for first == nil {
		_, _, first = c.Next()
	}
	if _, ok, err := c.Next(); ok || err != first {
		t.Errorf("after an error: %v, %v", ok, err)
	}
}

func lastError(t *Tree) (err error) {
	for _, err = range t.All() {
	}
	return err
}

func pick[T any](cond bool, yes, no T) T {
	if cond {
		return yes
	}
	return no
}
