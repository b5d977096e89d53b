package repair

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/internal/damage"
	"github.com/cowfs/cowfs/internal/oracle"
)

// TestEveryField damages fields of all structures, one at a time, and repairs the image. Then both
// checkers find nothing: ours in all cases, xfs_repair in some. COWFS_SOAK=1 takes all fields with
// all verbs; else it is a part of them.
func TestEveryField(t *testing.T) {
	path := damage.Rich(t, "-b", "size=1k")
	dev, err := device.Open(path, device.ReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	img, err := damage.Open(dev)
	if err != nil {
		t.Fatal(err)
	}
	share := uint64(1500) // one case of so many is run
	if os.Getenv("COWFS_SOAK") != "" {
		share = 1
	}
	if s := os.Getenv("SHARE"); s != "" {
		share, _ = strconv.ParseUint(s, 10, 64)
	}
	only := os.Getenv("ONLY")
	rng := rand.New(rand.NewPCG(3, 4))
	seen := map[string]int{}
	n := 0
	left := map[string]int{}
	for _, s := range img.Structures {
		if seen[s.Kind] >= 2 {
			continue
		}
		seen[s.Kind]++
		b := make([]byte, s.Len)
		if _, err := dev.ReadAt(b, s.Off); err != nil {
			t.Fatal(err)
		}
		fields := map[string]bool{}
		for _, f := range damage.Fields(img.Geo, s.Type, b) {
			if fields[f.Name] {
				continue
			}
			fields[f.Name] = true
			for v := range damage.Verbs {
				name := fmt.Sprintf("%s %s %v", s.Kind, f.Name, v)
				if only != "" && !strings.Contains(name, only) {
					continue
				}
				if rng.Uint64N(share) != 0 && only == "" {
					continue
				}
				bad := slices.Clone(b)
				if !f.Change(s.Type, bad, v, rng) {
					continue
				}
				n++
				o := device.NewOverlay(keepOpen{dev})
				if _, err := o.WriteAt(bad, s.Off); err != nil {
					t.Fatal(err)
				}
				j := &job{dev: o, r: &Result{}}
				err := j.mend(context.Background())
				switch {
				case err != nil:
					t.Errorf("%s: %v", name, err)
				case !mended(j.r.After):
					codes := map[string]bool{}
					for _, x := range j.r.After.Findings {
						if x.Code.Severity != check.Unchecked {
							codes[x.Code.Name+" "+x.Structure+"."+x.Field+" "+x.Got+" want "+x.Want] = true
						}
					}
					for c := range codes {
						left[c]++
					}
					t.Errorf("%s: left %v", name, codes)
				case n%8 == 0:
					out := filepath.Join(t.TempDir(), "image")
					writeOut(t, o, out)
					if got := oracle.Repair(t, oracle.Gen7, out); len(got) > 0 {
						t.Errorf("%s: xfs_repair: %v", name, got[:min(5, len(got))])
					}
				}
			}
		}
	}
	t.Logf("%d cases; left %v", n, left)
}

func writeOut(t *testing.T, dev device.Device, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 1<<20)
	for off := int64(0); off < dev.Size(); off += int64(len(b)) {
		p := b[:min(int64(len(b)), dev.Size()-off)]
		if _, err := dev.ReadAt(p, off); err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(p, off); err != nil {
			t.Fatal(err)
		}
	}
}
