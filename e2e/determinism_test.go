package e2e

import (
	"archive/tar"
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/internal/oracle/zoo"
)

// fixed are the variables that ask for images without chance and time.
var fixed = []string{"SOURCE_DATE_EPOCH=1700000000", "DETERMINISTIC_SEED=42"}

// The same input gives the same bytes, whatever the umask, time zone, number of processors,
// locale, image path and order of directory entries.
func TestSameBytes(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	home := zoo.Home(t)
	zoo.Small(t, home)
	for _, args := range []string{
		"--size 500m", "--minimize", "--free 20%", "--size 500m --dedupe", "--size 1g -b size=1k -d agcount=9", "--size 500m -n parent=0",
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			flags := append(strings.Fields(args), "--root", home)
			plain := makeWith(t, "", fixed, flags)
			for name, how := range map[string]struct {
				shell string
				env   []string
			}{
				"again":                  {"", nil},
				"umask and working dir":  {"umask 077; cd /;", nil},
				"time zone and locale":   {"", []string{"TZ=Pacific/Chatham", "LC_ALL=tr_TR.UTF-8"}},
				"one processor":          {"", []string{"GOMAXPROCS=1"}},
				"many processors":        {"", []string{"GOMAXPROCS=13"}},
				"little memory":          {"", []string{"GOGC=5"}},
				"pinned to one":          {"taskset 1 ", nil},
				"another user's umask 0": {"umask 0;", nil},
			} {
				if got := makeWith(t, how.shell, append(slices.Clone(fixed), how.env...), flags); got != plain {
					t.Errorf("%s: another image", name)
				}
			}
			if other := makeWith(t, "", []string{fixed[0], "DETERMINISTIC_SEED=43"}, flags); other == plain {
				t.Error("the seed makes no difference")
			}
		})
	}
}

// makeWith runs mkcowfs in a shell with that in front of it and returns the image's hash.
func makeWith(t testing.TB, shell string, env, flags []string) string {
	t.Helper()
	image := filepath.Join(t.TempDir(), "image")
	cmd := exec.Command("/bin/sh", append([]string{"-c", shell + ` "$0" "$@"`, mkfsPath(), "-q"}, append(flags, image)...)...)
	cmd.Env = append(os.Environ(), env...)
	if r := oracle.RunCmd(t, cmd); r.Exit != 0 {
		t.Fatalf("%v: exit %d\n%s", cmd.Args, r.Exit, r.Stderr)
	}
	defer os.Remove(image)
	return oracle.FileHash(t, image)
}

// A copy of a tree has its entries in another order on disk and other inode numbers.
func TestSameBytesFromACopy(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	home, copied := zoo.Home(t), zoo.Home(t)
	zoo.Small(t, home)
	names := strings.Fields(oracle.MustRun(t, "ls", home))
	slices.Reverse(names)
	for _, n := range names {
		oracle.MustRun(t, "cp", "-a", "--sparse=always", filepath.Join(home, n), copied)
	}
	// cp breaks links between the copies, and fills nothing that was reserved.
	for _, dir := range []string{home, copied} {
		for _, n := range []string{"links", "sparse"} {
			must(t, os.RemoveAll(filepath.Join(dir, n)))
		}
	}
	oracle.MustRun(t, "touch", "--reference", home, copied)
	oracle.MustRun(t, "setfattr", "-n", "trusted.of-the-root", "-v", "root", copied)
	if diff := oracle.Compare(oracle.Snapshot(t, home), oracle.Snapshot(t, copied), oracle.CompareOptions{AnyHoles: true}); len(diff) > 0 {
		t.Fatalf("not a copy: %q", diff)
	}
	must(t, os.Remove(filepath.Join(home, "files/zeros"))) // which --sparse=always made a hole
	must(t, os.Remove(filepath.Join(copied, "files/zeros")))
	oracle.MustRun(t, "touch", "--reference", home, filepath.Join(home, "files"), filepath.Join(copied, "files"))
	a := makeWith(t, "", fixed, []string{"--size", "500m", "--root", home})
	if b := makeWith(t, "", fixed, []string{"--size", "500m", "--root", copied}); a != b {
		t.Error("a copy of the tree gives another image")
	}
}

// The order of an archive's entries does not matter, nor how it is packed.
func TestSameBytesFromShuffledTar(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	home := newTree(t, map[string]string{"a/b/c": "1", "a/b/d": "2", "a/e": "3", "f": "4", "g/h": "5", "z": strings.Repeat("6", 100_000)})
	must(t, os.Link(filepath.Join(home, "f"), filepath.Join(home, "g/link")))
	var archive bytes.Buffer
	zoo.Tar(t, home, &archive)
	var images []string
	for seed := range uint64(4) {
		file := filepath.Join(t.TempDir(), "shuffled.tar")
		must(t, os.WriteFile(file, shuffle(t, archive.Bytes(), seed), 0o644))
		images = append(images, makeWith(t, "", fixed, []string{"--size", "400m", "--tar", file}))
	}
	images = append(images, makeWith(t, "cat '"+filepath.Join(home, "z")+"' >/dev/null;", fixed, []string{"--size", "400m", "--root", home}))
	for i, got := range images[1:] {
		if got != images[0] {
			t.Errorf("image %d differs", i+1)
		}
	}
}

// shuffle reorders the entries of an archive; hard links stay behind what they link to.
func shuffle(t testing.TB, archive []byte, seed uint64) []byte {
	t.Helper()
	type member struct {
		h    *tar.Header
		body []byte
	}
	var members []member
	r := tar.NewReader(bytes.NewReader(archive))
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		must(t, err)
		body, err := io.ReadAll(r)
		must(t, err)
		members = append(members, member{h, body})
	}
	rng := rand.New(rand.NewPCG(seed, seed))
	rng.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	isLink := func(m member) bool { return m.h.Typeflag == tar.TypeLink }
	links := slices.Collect(func(yield func(member) bool) {
		for _, m := range members {
			if isLink(m) && !yield(m) {
				return
			}
		}
	})
	members = append(slices.DeleteFunc(members, isLink), links...)
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, m := range members {
		must(t, w.WriteHeader(m.h))
		_, err := w.Write(m.body)
		must(t, err)
	}
	must(t, w.Close())
	return out.Bytes()
}

// A malformed value of a variable that asks for reproducible images is an error.
func TestMalformedEnvironment(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	for _, env := range []string{"SOURCE_DATE_EPOCH=yesterday", "SOURCE_DATE_EPOCH=1.5", "DETERMINISTIC_SEED=x", "DETERMINISTIC_SEED=99999999999999999999999"} {
		image := filepath.Join(t.TempDir(), "image")
		cmd := exec.Command(mkfsPath(), "--size", "400m", image)
		cmd.Env = append(os.Environ(), env)
		name, _, _ := strings.Cut(env, "=")
		if r := oracle.RunCmd(t, cmd); r.Exit == 0 || !strings.Contains(r.Stderr, name) {
			t.Errorf("%s: exit %d, %q", env, r.Exit, r.Stderr)
		}
		assertGone(t, image)
	}
}
