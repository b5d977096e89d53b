package check_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/internal/damage"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/internal/oracle/dirty"
	"github.com/cowfs/cowfs/internal/oracle/zoo"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/volume"
)

// checkFile checks an image file.
func checkFile(t testing.TB, path string) *check.Report {
	t.Helper()
	dev, err := device.Open(path, device.ReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	r, err := check.Run(context.Background(), dev, check.Options{Threads: 2})
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return r
}

// clean fails the test unless nothing is wrong with an image and all of it was judged.
func clean(t testing.TB, path, when string) {
	t.Helper()
	r := checkFile(t, path)
	for i, f := range r.Findings {
		if i == 10 {
			t.Errorf("%s: %d more", when, len(r.Findings)-i)
			break
		}
		t.Errorf("%s: false alarm: %s at %+v", when, told(f), f.Place)
	}
	if !r.Complete {
		t.Errorf("%s: not all was judged", when)
	}
}

// shapes are the ways to lay a volume out; the first ones are tried in every run.
var shapes = []string{
	"", "-b size=1k", "-b size=64k", "-m rmapbt=0,reflink=0,finobt=0,inobtcount=0,bigtime=0 -i sparse=0,nrext64=0,exchange=0 -n parent=0",
	"-b size=2k", "-b size=8k", "-b size=16k", "-b size=32k", "-n parent=0", "-i exchange=0 -n parent=0", "-m rmapbt=0", "-m reflink=0",
	"-m rmapbt=0,reflink=0", "-m finobt=0,inobtcount=0", "-m inobtcount=0", "-m bigtime=0", "-i nrext64=0", "-i sparse=0",
	"-i size=1024", "-i size=2048", "-s size=4k", "-n size=8k", "-n size=64k", "-n size=64k -b size=1k", "-d agcount=1", "-d agcount=2",
	"-d agcount=7", "-d agcount=64", "-d agsize=100m", "-d su=64k,sw=4", "-l size=100m", "-l su=32k", "-i maxpct=0",
}

func shapesToTry() []string {
	if oracle.Soaking() {
		return shapes
	}
	return shapes[:4]
}

// makeImage makes an image of 5 GiB with the content of a directory.
func makeImage(t testing.TB, args, dir string) string {
	t.Helper()
	settings := []mkfs.Setting{{Section: 'd', Key: "size", Value: "5g"}}
	words := strings.Fields(args)
	for i := 0; i < len(words); i += 2 {
		more, err := mkfs.ParseSuboptions(mkfs.Section(words[i][1]), words[i+1])
		if err != nil {
			t.Fatal(err)
		}
		settings = append(settings, more...)
	}
	config, err := mkfs.NewConfig(settings, nil)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "image")
	job := mkfs.Job{Config: *config, Path: path, Time: time.Unix(1_700_000_000, 0)}
	job.Dedupe = !strings.Contains(args, "reflink=0")
	job.Source.Dir = dir
	if _, err := mkfs.Make(context.Background(), job); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestSoundFilled checks what mkcowfs makes of every kind of file, and that after the kernel has
// worked with it.
func TestSoundFilled(t *testing.T) {
	home := zoo.Home(t)
	zoo.Small(t, home)
	for i, args := range shapesToTry() {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			image := makeImage(t, args, home)
			clean(t, image, "made")
			m := oracle.Mount(t, image, oracle.MountOptions{})
			oracle.KernelExercise(t, m.Dir, uint64(i))
			m.Unmount()
			clean(t, image, "after the kernel's work")
		})
	}
}

// TestSoundEmpty checks what mkcowfs and mkfs.xfs make without content.
func TestSoundEmpty(t *testing.T) {
	for _, args := range shapesToTry() {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			clean(t, makeImage(t, args, ""), "made by mkcowfs")
			clean(t, dirty.Fresh(t, 5<<30, strings.Fields(args)...), "made by mkfs.xfs")
		})
	}
}

// TestSoundDirty checks images with logs that crashes left dirty: as they are, which changes
// nothing in them, and after the kernel has recovered them.
func TestSoundDirty(t *testing.T) {
	cases := dirty.Cases()
	if !oracle.Soaking() {
		cases = append(cases[:4:4], cases[9], cases[10])
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			image := dirty.Image(t, c, 7)
			r := checkFile(t, image)
			if !r.Dirty {
				t.Error("the log is dirty, and the report does not say so")
			}
			clean(t, image, "with a dirty log")
			m := oracle.Mount(t, image, oracle.MountOptions{Data: c.Data, Loud: true})
			m.Unmount()
			clean(t, image, "after recovery by the kernel")
		})
	}
}

// TestSoundUnderLoad checks images that the kernel has worked with for a while: after each mount, and
// while they are mounted, with removed files that are still open.
func TestSoundUnderLoad(t *testing.T) {
	rounds := oracle.Soak(2, 12)
	for _, args := range shapesToTry() {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			image := dirty.Fresh(t, 1<<30, strings.Fields(args)...)
			rng := rand.New(rand.NewPCG(5, uint64(len(args))))
			for i := range rounds {
				m := oracle.Mount(t, image, oracle.MountOptions{})
				w := dirty.NewWork(t, m.Dir, rng.Uint64())
				w.Cow = true
				w.Names(fmt.Sprintf("n%d", i), 150)
				w.Attributes(fmt.Sprintf("n%d", i), 150)
				w.Files(fmt.Sprintf("f%d", i))
				w.Reshuffle(fmt.Sprintf("n%d", i), 150)
				w.Busy(500)
				open := w.DeleteOpen()
				w.Frozen(func() { clean(t, image, fmt.Sprintf("round %d, mounted", i)) })
				for _, f := range open {
					f.Close()
				}
				oracle.KernelExercise(t, m.Dir, rng.Uint64())
				if i > 0 {
					if err := os.RemoveAll(w.Path("n%d", i-1)); err != nil {
						t.Fatal(err)
					}
				}
				m.Unmount()
				clean(t, image, fmt.Sprintf("round %d", i))
			}
			oracle.RepairClean(t, oracle.Gen7, image)
		})
	}
}

// tooSmall finds shapes for which the images of damage.Rich are.
var tooSmall = regexp.MustCompile(`size=(8|16|32|64)k|^-[dl]|^-n parent=0$|^-i exchange=0 -n parent=0$`)

// TestSoundRich checks the images that other tests damage.
func TestSoundRich(t *testing.T) {
	for _, args := range shapesToTry() {
		if tooSmall.MatchString(args) {
			continue // the image, or its log, would have to be larger
		}
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			clean(t, damage.Rich(t, strings.Fields(args)...), "made by the kernel")
		})
	}
}

// TestSoundEdited checks an image after each of many changes that are made through a Writer. It
// needs no oracle.
func TestSoundEdited(t *testing.T) {
	for _, args := range []string{"-b size=1k", "", "-m rmapbt=0 -n parent=0"} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			image := makeImage(t, args, "")
			rng := rand.New(rand.NewPCG(9, 9))
			for round := range 4 {
				edit(t, image, rng, round)
				clean(t, image, fmt.Sprintf("after round %d", round))
			}
		})
	}
}

// edit makes some hundred changes.
func edit(t testing.TB, image string, rng *rand.Rand, round int) {
	t.Helper()
	dev, err := device.Open(image, device.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	w, err := volume.OpenWriter(dev, volume.Options{})
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir := fmt.Sprintf("/dir%d", round)
	must(w.Mkdir(dir, volume.Attr{Mode: 0o755}))
	for i := range 150 {
		p := fmt.Sprintf("%s/%0*d", dir, 1+rng.IntN(100), i)
		switch i % 6 {
		case 0:
			must(w.Mkdir(p, volume.Attr{Mode: 0o700}))
		case 1:
			must(w.Symlink(strings.Repeat("x", 1+rng.IntN(1000)), p, volume.Attr{Mode: 0o777}))
		default:
			must(w.Create(p, volume.Attr{Mode: 0o644}))
			for range rng.IntN(5) {
				must(w.WriteAt(p, make([]byte, rng.IntN(20_000)), rng.Int64N(1<<20)))
			}
			must(w.Punch(p, rng.Int64N(1<<19), rng.Int64N(1<<19)+1))
			must(w.Fallocate(p, 2<<20, 100_000, true))
			for k := range rng.IntN(8) {
				must(w.SetXattr(p, fmt.Sprintf("user.a%d", k), make([]byte, rng.IntN(3000)), false, false))
			}
			must(w.Link(p, p+"-link"))
			if i%3 == 0 {
				must(w.Remove(p))
			}
		}
	}
	must(w.Close())
}
