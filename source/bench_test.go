package source_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/cowfs/cowfs/source"
)

// goSource is a real tree that is there wherever Go is.
func goSource(tb testing.TB) string {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		tb.Skip("no Go toolchain: ", err)
	}
	dir := filepath.Join(strings.TrimSpace(string(out)), "src")
	if _, err := os.Stat(dir); err != nil {
		tb.Skip("no source of the Go toolchain: ", err)
	}
	return dir
}

func BenchmarkScan(b *testing.B) {
	dir := goSource(b)
	nodes := 0
	b.ReportAllocs()
	for b.Loop() {
		tree, err := source.ScanDir(context.Background(), dir, source.Options{})
		if err != nil {
			b.Fatal(err)
		}
		nodes = tree.Len()
		tree.Close()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(nodes), "ns/node")
	b.ReportMetric(float64(nodes), "nodes")
}

func BenchmarkRead(b *testing.B) {
	tree, err := source.ScanDir(context.Background(), goSource(b), source.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer tree.Close()
	const workers = 2
	var bytes int64
	b.ReportAllocs()
	for b.Loop() {
		var wg sync.WaitGroup
		var sums [workers]int64
		for w := range workers {
			wg.Add(1)
			go func() {
				defer wg.Done()
				r := tree.NewReader()
				defer r.Close()
				unit := make([]byte, 1<<20)
				n := source.ID(tree.Len())
				for id := n * source.ID(w) / workers; id < n*source.ID(w+1)/workers; id++ {
					size := tree.Node(id).Size
					if tree.Node(id).Mode>>12 != 8 {
						continue
					}
					sums[w] += size
					for off := int64(0); off < size; off += int64(len(unit)) {
						if err := r.ReadAt(id, unit[:min(size-off, int64(len(unit)))], off); err != nil {
							b.Error(err)
						}
					}
				}
			}()
		}
		wg.Wait()
		bytes = sums[0] + sums[1]
	}
	b.SetBytes(bytes)
}

// BenchmarkScanMillion scans a million files in one directory: COWFS_MILLION has the directory,
// and it is filled when it is empty.
func BenchmarkScanMillion(b *testing.B) {
	dir := os.Getenv("COWFS_MILLION")
	if dir == "" {
		b.Skip("COWFS_MILLION names no directory")
	}
	const files = 1_000_000
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	first := filepath.Join(dir, fmt.Sprintf("file%07d", files-1))
	if _, err := os.Lstat(first); err != nil {
		for i := range files {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("file%07d", i)), nil, 0o644); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		before := liveHeap()
		tree, err := source.ScanDir(context.Background(), dir, source.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		b.ReportMetric(float64(liveHeap()-before)/float64(tree.Len()), "live-B/node")
		tree.Close()
		b.StartTimer()
	}
}

func liveHeap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkPath(b *testing.B) {
	tree, err := source.ScanDir(context.Background(), goSource(b), source.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer tree.Close()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if i++; strings.Count(tree.Path(source.ID(i%tree.Len())), "/") == 0 {
			b.Fatal("path without a slash")
		}
	}
}
