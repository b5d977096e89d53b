package populate_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/populate"
	"github.com/cowfs/cowfs/source"
)

// BenchmarkSourceTree scans the toolchain's own source and makes an image of it.
func BenchmarkSourceTree(b *testing.B) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		b.Skip("no go command: ", err)
	}
	root := filepath.Join(strings.TrimSpace(string(out)), "src")
	ctx := context.Background()
	phase := map[string]float64{}
	for range b.N {
		start := b.Elapsed()
		mark := func(name string) {
			now := b.Elapsed()
			phase[name] += (now - start).Seconds() * 1000
			start = now
		}
		tree, err := source.ScanDir(ctx, root, source.Options{})
		if err != nil {
			b.Fatal(err)
		}
		mark("scan")
		plan, err := populate.NewPlan(ctx, populate.Options{Geo: geometry(12, 1<<18, 4, 1<<14), Tree: tree})
		if err != nil {
			b.Fatal(err)
		}
		mark("plan")
		path := filepath.Join(b.TempDir(), "image")
		dev, err := device.CreateTemp(path, 1<<30)
		if err != nil {
			b.Fatal(err)
		}
		if err := plan.Write(ctx, dev); err != nil {
			b.Fatal(err)
		}
		mark("write")
		if err := dev.Commit(false); err != nil {
			b.Fatal(err)
		}
		dev.Close()
		tree.Close()
		mark("close")
		os.Remove(path)
		start = b.Elapsed()
	}
	for name, ms := range phase {
		b.ReportMetric(ms/float64(b.N), name+"-ms/op")
	}
}
