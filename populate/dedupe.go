package populate

import (
	"context"
	"crypto/sha256"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/source"
)

// minShared is the least number of bytes in a row that are worth an extent of their own. A
// whole file, and the end of one, are shared even when smaller.
const minShared = 16 << 10

// digest identifies the content of a block: enough of a cryptographic hash that equal digests
// mean equal blocks.
type digest [16]byte

// Duplicates knows which blocks of files have the content of blocks that come earlier, in the
// order of the walk. It does not change once made.
type Duplicates struct {
	files map[source.ID][]duplicate
}

// duplicate says that count blocks of a file, from off on, equal those of another file (or the
// same one) from fromOff on.
type duplicate struct {
	off, count uint64 // blocks
	from       source.ID
	fromOff    uint64
}

// of lists the duplicates that lie within blocks first to end of a file.
func (d *Duplicates) of(id source.ID, first, end uint64) (out []duplicate) {
	for _, q := range d.files[id] {
		lo, hi := max(q.off, first), min(q.off+q.count, end)
		if lo < hi {
			out = append(out, duplicate{lo, hi - lo, q.from, q.fromOff + lo - q.off})
		}
	}
	return out
}

// seen is where a block's content was met first.
type seen struct {
	id  source.ID
	off uint32 // block of the file
}

// hashed is the digests of a stretch of a file, whole blocks.
type hashed struct {
	id      source.ID
	first   uint64
	digests []digest
}

// hashBatch is how many bytes of a file are hashed at a time.
const hashBatch = 4 << 20

// FindDuplicates reads all files and finds equal blocks. They are the same for all geometries
// of one block size. Its memory is about 40 bytes for each distinct block.
func FindDuplicates(ctx context.Context, g *format.Geometry, t *source.Tree) (*Duplicates, error) {
	if !g.HasReflink() {
		return nil, fmt.Errorf("sharing blocks needs the reflink feature")
	}
	f := &finder{g: g, t: t, first: map[digest]seen{}, d: &Duplicates{files: map[source.ID][]duplicate{}}}
	eg, ctx := errgroup.WithContext(ctx)
	// Workers hash in parallel; results are taken in order, through a queue of their promises.
	type job struct {
		hashed
		n    int
		done chan []digest
	}
	jobs, queue := make(chan *job), make(chan *job, 2*runtime.GOMAXPROCS(0))
	eg.Go(func() error {
		defer close(jobs)
		defer close(queue)
		return f.stretches(func(id source.ID, first uint64, n int) error {
			j := &job{hashed{id: id, first: first}, n, make(chan []digest, 1)}
			for _, c := range []chan *job{queue, jobs} {
				select {
				case c <- j:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		})
	})
	for range runtime.GOMAXPROCS(0) {
		eg.Go(func() error {
			r := t.NewReader()
			defer r.Close()
			buf := make([]byte, hashBatch)
			for j := range jobs {
				b := buf[:j.n]
				if err := r.ReadAt(j.id, b, int64(j.first)<<g.BlockLog); err != nil {
					return err
				}
				j.done <- digestsOf(b, g.BlockSize)
			}
			return nil
		})
	}
	eg.Go(func() error {
		for j := range queue {
			select {
			case j.digests = <-j.done:
				f.take(j.hashed)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	if err := eg.Wait(); err != nil {
		return nil, err
	}
	return f.d, nil
}

// digestsOf hashes b block by block, the last one filled up with zeroes.
func digestsOf(b []byte, blockSize int) []digest {
	out := make([]digest, 0, (len(b)+blockSize-1)/blockSize)
	for len(b) > 0 {
		n := min(len(b), blockSize)
		block := b[:n]
		if n < blockSize {
			block = append(make([]byte, 0, blockSize), block...)[:blockSize]
		}
		sum := sha256.Sum256(block)
		out = append(out, digest(sum[:]))
		b = b[n:]
	}
	return out
}

// finder matches digests in the order of the walk.
type finder struct {
	g     *format.Geometry
	t     *source.Tree
	first map[digest]seen
	d     *Duplicates
}

// stretches calls f for all written content, in order, n bytes from block first of a file.
func (f *finder) stretches(visit func(id source.ID, first uint64, n int) error) error {
	for i := range f.t.Len() {
		id := source.ID(i)
		n := f.t.Node(id)
		if !isReg(n) {
			continue
		}
		ranges := f.t.Extents(id)
		if ranges == nil {
			ranges = []source.Range{{Len: n.Size}}
		}
		end := int64(0)
		for _, r := range ranges {
			if r.Unwritten {
				continue
			}
			off := max(r.Off&^int64(f.g.BlockSize-1), end)
			end = max(int64(f.g.BlocksUp(uint64(r.End())))<<f.g.BlockLog, off)
			for ; off < min(end, n.Size); off += hashBatch {
				size := min(hashBatch, end-off, n.Size-off)
				if err := visit(id, uint64(off)>>f.g.BlockLog, int(size)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// take finds the duplicates in a stretch, and remembers what is new in it.
func (f *finder) take(h hashed) {
	n := len(h.digests)
	for i := 0; i < n; {
		s, ok := f.first[h.digests[i]]
		if !ok {
			f.first[h.digests[i]] = seen{h.id, uint32(h.first) + uint32(i)}
			i++
			continue
		}
		run := 1
		for i+run < n {
			next, ok := f.first[h.digests[i+run]]
			if !ok || next != (seen{s.id, s.off + uint32(run)}) {
				break
			}
			run++
		}
		if f.worth(h, i, run) {
			f.d.files[h.id] = append(f.d.files[h.id], duplicate{h.first + uint64(i), uint64(run), s.id, uint64(s.off)})
		}
		i += run
	}
}

// worth reports whether run blocks of a stretch, from its block i on, are worth sharing.
func (f *finder) worth(h hashed, i, run int) bool {
	last := h.first+uint64(i+run) == f.g.BlocksUp(uint64(f.t.Node(h.id).Size))
	return last || int64(run)<<f.g.BlockLog >= minShared
}

// sharedBlocks maps a duplicate to the blocks of the one it equals.
func (s *sizer) sharedBlocks(id source.ID, d duplicate) {
	var buf [1]piece
	pieces := s.piecesOf(d.from, &buf)
	if d.from == id {
		pieces = s.pieces
	}
	off, left := format.FileOff(d.fromOff), d.count
	for _, q := range pieces {
		if left == 0 {
			break
		}
		end := q.off + format.FileOff(q.count)
		if off < q.off || off >= end {
			continue
		}
		n := min(uint64(end-off), left)
		s.addPiece(piece{
			run: run{q.place + place(off-q.off), uint32(n)}, off: format.FileOff(d.off + d.count - left), copied: true,
		})
		off, left = off+format.FileOff(n), left-n
	}
	s.stats.SharedBlocks += d.count - left
	s.nodes[id].flags |= shares
	s.nodes[d.from].flags |= shares
}
