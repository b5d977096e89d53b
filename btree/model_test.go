package btree

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
)

var kinds = []*Kind{Bnobt, Cntbt, Inobt, Finobt, Rmapbt, Refcountbt, Bmbt}

var blockSizes = []int{1024, 4096, 65536}

// geometry is that of a volume of four groups which nobody made; only what trees need is set.
func geometry(blockSize int) *format.Geometry {
	g := &format.Geometry{
		BlockSize: blockSize, BlockLog: uint(bits.TrailingZeros(uint(blockSize))), SectSize: 512, SectLog: 9,
		AGBlocks: 50000, AGBlkLog: 16, AGCount: 4, DBlocks: 4*50000 - 777,
		MetaUUID: format.UUID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
	}
	return g
}

// model is a tree on an image, and the sorted records that went into it.
type model struct {
	Tree
	recs   [][]byte
	shape  []int
	image  *device.Memory
	blocks []uint64 // where block i of the tree lies
}

// build loads records into a new image. forkSize 0 puts the root in a block.
func build(t testing.TB, k *Kind, blockSize int, recs [][]byte, forkSize int) *model {
	t.Helper()
	g := geometry(blockSize)
	m := &model{recs: recs, image: device.NewMemory(int64(g.DBlocks) << g.BlockLog)}
	m.Tree = Tree{Kind: k, Geo: g, Dev: m.image, AG: 2, Owner: 131}
	m.shape = Shape(k, blockSize, len(recs), format.RootMaxRecs(forkSize))
	l := &Load{Kind: k, Geo: g, AG: 2, Owner: 131, Block: func(i int) uint64 {
		b := uint64(i*7919%40000) + 4 // all over the place, never twice
		if k.Long {
			return uint64(g.FSB(format.AGNumber(i%4), format.AGBlock(b)))
		}
		return b
	}}
	l.Write = func(i int, b []byte) error {
		if i != len(m.blocks) {
			t.Errorf("block %d written after %d others", i, len(m.blocks))
		}
		m.blocks = append(m.blocks, l.Block(i))
		_, err := m.image.WriteAt(b, m.offset(l.Block(i)))
		return err
	}
	next := 0
	rec := func(i int, b []byte) {
		if i != next || len(b) != k.RecSize {
			t.Errorf("record %d, %d bytes, asked for after %d others", i, len(b), next)
		}
		next++
		copy(b, recs[i])
	}
	var err error
	if forkSize > 0 {
		m.Fork = make([]byte, forkSize)
		m.Levels, err = l.RunInode(len(recs), rec, m.Fork)
	} else {
		m.Root, m.Levels, err = l.Run(len(recs), rec)
	}
	if err != nil {
		t.Fatal(err)
	}
	if next != len(recs) {
		t.Fatalf("%d of %d records asked for", next, len(recs))
	}
	return m
}

// records makes n sorted records at random.
func records(k *Kind, n int, rng *rand.Rand) [][]byte {
	var recs [][]byte
	seen := map[point]bool{}
	for at := uint64(0); len(recs) < n; {
		rec := make([]byte, k.RecSize)
		length := rng.Uint64N(20) + 1
		switch k {
		case Bnobt:
			binary.BigEndian.PutUint32(rec, uint32(at))
			binary.BigEndian.PutUint32(rec[4:], uint32(length))
		case Cntbt:
			binary.BigEndian.PutUint32(rec, rng.Uint32())
			binary.BigEndian.PutUint32(rec[4:], uint32(length))
		case Inobt, Finobt:
			length = 64
			binary.BigEndian.PutUint32(rec, uint32(at))
			binary.BigEndian.PutUint64(rec[8:], rng.Uint64())
		case Refcountbt:
			binary.BigEndian.PutUint32(rec, uint32(at))
			binary.BigEndian.PutUint32(rec[4:], uint32(length))
			binary.BigEndian.PutUint32(rec[8:], rng.Uint32())
		case Bmbt:
			format.Mapping{
				Off: format.FileOff(at), Start: format.FSBlock(rng.Uint64N(1 << 52)), Count: uint32(length), Unwritten: rng.IntN(2) == 0,
			}.Pack(rec)
		case Rmapbt:
			// Extents start close together and may be long, so that many overlap.
			binary.BigEndian.PutUint32(rec, uint32(rng.IntN(n)))
			if length == 20 {
				length = rng.Uint64N(uint64(n)) + 1
			}
			binary.BigEndian.PutUint32(rec[4:], uint32(length))
			owner, offset := uint64(128+rng.IntN(8)), rng.Uint64N(1000)
			switch rng.IntN(6) {
			case 0:
				owner, offset = -uint64(3+rng.IntN(7)), 0
			case 1:
				offset = 1 << 62
			case 2:
				offset |= 1 << 63
			case 3:
				offset |= 1 << 61
			}
			binary.BigEndian.PutUint64(rec[8:], owner)
			binary.BigEndian.PutUint64(rec[16:], offset)
		}
		at += length + rng.Uint64N(30)
		if p := low(k, rec); !seen[p] {
			seen[p] = true
			recs = append(recs, rec)
		}
	}
	slices.SortFunc(recs, func(a, b []byte) int { return low(k, a).compare(low(k, b)) })
	return recs
}

// point is a place in the order of records, worked out here without the package's help.
type point [3]uint64

func (p point) compare(q point) int { return slices.Compare(p[:], q[:]) }

func low(k *Kind, rec []byte) point {
	u32, u64 := binary.BigEndian.Uint32, binary.BigEndian.Uint64
	switch k {
	case Cntbt:
		return point{uint64(u32(rec[4:])), uint64(u32(rec))}
	case Rmapbt:
		return point{uint64(u32(rec)), u64(rec[8:]), u64(rec[16:]) & 0xdfffffffffffffff}
	case Bmbt:
		return point{u64(rec) << 1 >> 10}
	}
	return point{uint64(u32(rec))}
}

func high(k *Kind, rec []byte) point {
	p := low(k, rec)
	n := uint64(binary.BigEndian.Uint32(rec[4:])) - 1
	switch k {
	case Bnobt, Refcountbt:
		p[0] += n
	case Inobt, Finobt:
		p[0] += 63
	case Bmbt:
		p[0] += binary.BigEndian.Uint64(rec[8:])&0x1fffff - 1
	case Rmapbt:
		p[0] += n
		if p[1]>>63 == 0 && p[2]>>62&1 == 0 {
			p[2] += n
		}
	}
	return p
}

// nodeKey is the low key of p as it lies in a node.
func nodeKey(k *Kind, p point) []byte {
	key := make([]byte, k.LowSize())
	switch k {
	case Cntbt:
		binary.BigEndian.PutUint32(key, uint32(p[1]))
		binary.BigEndian.PutUint32(key[4:], uint32(p[0]))
	case Rmapbt:
		binary.BigEndian.PutUint32(key, uint32(p[0]))
		binary.BigEndian.PutUint64(key[4:], p[1])
		binary.BigEndian.PutUint64(key[12:], p[2])
	case Bmbt:
		binary.BigEndian.PutUint64(key, p[0])
	default:
		binary.BigEndian.PutUint32(key, uint32(p[0]))
	}
	return key
}

// around are the keys of all records, each with its neighbours in the order.
func (m *model) around() []point {
	var ps []point
	for _, rec := range m.recs {
		p := low(m.Kind, rec)
		last := lastPart(m.Kind)
		before, after := p, p
		after[last]++
		if before[last] > 0 {
			before[last]--
		}
		ps = append(ps, before, p, after)
	}
	return ps
}

// lastPart is the last of the parts of a point that the kind's order looks at.
func lastPart(k *Kind) int {
	switch k {
	case Cntbt:
		return 1
	case Rmapbt:
		return 2
	}
	return 0
}

// index is the first record that is not below p.
func (m *model) index(p point) int {
	return sort.Search(len(m.recs), func(i int) bool { return low(m.Kind, m.recs[i]).compare(p) >= 0 })
}

// sizes are numbers of records that come out in different shapes, none above most.
func sizes(k *Kind, blockSize, most int, rng *rand.Rand) []int {
	leaf, node := k.MaxRecs(blockSize, 0), k.MaxRecs(blockSize, 1)
	var out []int
	for _, n := range []int{
		0, 1, 2, leaf - 1, leaf, leaf + 1, 2 * leaf, 2*leaf + 1, leaf*node - 1, leaf * node, leaf*node + 1, leaf*node*node + 1, rng.IntN(most), rng.IntN(most / 10),
	} {
		if n <= most {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func forEachKind(t *testing.T, test func(t *testing.T, k *Kind, blockSize int)) {
	for _, k := range kinds {
		for _, bs := range blockSizes {
			t.Run(fmt.Sprintf("%s/%d", k.Name, bs), func(t *testing.T) {
				t.Parallel()
				test(t, k, bs)
			})
		}
	}
}

func sign(n int) int { return cmp.Compare(n, 0) }
