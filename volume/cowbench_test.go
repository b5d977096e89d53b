package volume_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/volume"
)

// go run ./bench -sets cow-... races Linux with clones and writes; see docs/benchmarks.md.

// BenchmarkCowFlat tells what one operation costs on a file of so many extents that each share
// nothing with their neighbours, in memory: a lookup of a mapping, a clone of one extent, and a
// write of a block with its writeback. Times are those of the processor, so that it does not matter
// what else the machine does. -benchtime 1x is enough.
func BenchmarkCowFlat(b *testing.B) {
	for _, extents := range []int64{1000, 10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(extents), func(b *testing.B) {
			const bs, ops = 4096, 2000
			w := scatteredPair(b, extents)
			defer func() { check(b, w.Close()) }()
			rng := rand.New(rand.NewPCG(1, 1))
			at := func() int64 { return 2 * rng.Int64N(extents) * bs }
			p := noise(2, bs)
			i, err := w.Lookup("/f")
			check(b, err)
			f, err := w.FileOf("f", i)
			check(b, err)
			check(b, w.Create("/h", volume.Attr{Mode: 0o644}))
			for _, op := range []struct {
				name string
				do   func(k int64) error
			}{
				{"lookup", func(int64) error {
					_, _, err := f.Fork().Find(format.FileOff(at() / bs))
					return err
				}},
				{"clone", func(k int64) error { return w.CloneRange("/f", at(), "/h", 2*k*bs, bs) }},
				{"write", func(int64) error {
					off := at()
					if err := w.WriteAt("/f", p, off); err != nil {
						return err
					}
					return w.Writeback("/f", off, bs)
				}},
			} {
				runtime.GC() // of what the file was made with, which would be counted else
				start := cpuTime()
				for k := range int64(ops * b.N) {
					if err := op.do(k); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric((cpuTime()-start)*1e6/float64(ops*b.N), op.name+"-µs")
			}
		})
	}
}

// cpuTime is what this process has used so far, in seconds.
func cpuTime() float64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// scatteredPair is a volume in memory with a file /f of so many extents, apart in the file and on the
// device, each shared with /g. It holds zeroes, which take no memory.
func scatteredPair(b *testing.B, extents int64) *volume.Writer {
	b.Helper()
	const bs = 4096
	image := inMemory(b, emptyImage(b, mkfs.Config{Size: uint64(extents)*2*bs + 2<<30}))
	w, err := volume.OpenWriter(withoutZeroes{image}, volume.Options{})
	check(b, err)
	check(b, w.Create("/f", volume.Attr{Mode: 0o644}))
	p := make([]byte, 4<<20)
	for off := int64(0); off < 2*extents*bs; off += int64(len(p)) {
		check(b, w.WriteAt("/f", p[:min(int64(len(p)), 2*extents*bs-off)], off))
	}
	check(b, w.Clone("/f", "/g"))
	for i := range extents {
		check(b, w.Punch("/f", (2*i+1)*bs, bs))
	}
	check(b, w.Sync())
	return w
}

// withoutZeroes leaves large writes of zeroes out, to where there is nothing.
type withoutZeroes struct{ *device.Memory }

func (d withoutZeroes) WriteAt(p []byte, off int64) (int, error) {
	if len(p) >= 64<<10 && p[0] == 0 && p[len(p)-1] == 0 {
		if at, err := d.SeekData(off); err == io.EOF || err == nil && at >= off+int64(len(p)) {
			if bytes.Count(p, []byte{0}) == len(p) {
				return len(p), nil
			}
		}
	}
	return d.Memory.WriteAt(p, off)
}
