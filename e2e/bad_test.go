package e2e

import (
	"bytes"
	"compress/gzip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/internal/oracle/zoo"
	"golang.org/x/sys/unix"
)

// assertGone checks that nothing was left behind: neither the image nor anything beside it.
func assertGone(t testing.TB, image string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(image))
	must(t, err)
	for _, e := range entries {
		t.Errorf("%q is left behind", e.Name())
	}
}

// failing runs mkcowfs, which has to fail with one line that contains each of the words, and
// to leave nothing.
func failing(t testing.TB, args []string, words ...string) {
	t.Helper()
	image := filepath.Join(t.TempDir(), "image")
	r := mkcowfs(t, append(args, image)...)
	if r.Exit == 0 {
		t.Fatalf("mkcowfs %q succeeds", args)
	}
	oneClearLine(t, r.Stderr)
	for _, w := range words {
		if !strings.Contains(r.Stderr, w) {
			t.Errorf("the message does not name %q: %q", w, r.Stderr)
		}
	}
	assertGone(t, image)
}

func TestFullImage(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	root := newTree(t, map[string]string{"small": "x"})
	big := filepath.Join(root, "directory", "too-big")
	must(t, os.MkdirAll(filepath.Dir(big), 0o755))
	must(t, os.WriteFile(big, bytes.Repeat([]byte("content "), 60<<17), 0o644)) // 60 MiB
	failing(t, []string{"--size", "64m", "--root", root}, "64")
	// The same into a file that is there already: it stays as it was.
	image := filepath.Join(t.TempDir(), "image")
	must(t, os.WriteFile(image, []byte("old"), 0o644))
	must(t, os.Truncate(image, 64<<20))
	if r := mkcowfs(t, "--root", root, image); r.Exit == 0 {
		t.Error("60 MiB fit into 64 MiB with a log")
	}
	if b := head(t, image, 3); b != "old" {
		t.Errorf("the old file became %q", b)
	}
}

func TestMissingSources(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	file := filepath.Join(newTree(t, map[string]string{"plain": "x"}), "plain")
	failing(t, []string{"--size", "400m", "--root", "/no/such/place"}, "/no/such/place")
	failing(t, []string{"--size", "400m", "--root", file}, file)
	failing(t, []string{"--size", "400m", "--tar", "/no/such.tar"}, "/no/such.tar")
	failing(t, []string{"--size", "400m", "--oci", "/no/such/layout"}, "/no/such/layout")
	failing(t, []string{"--size", "400m", "--oci", t.TempDir()})
	failing(t, []string{"--size", "400m", "--root", filepath.Dir(file), "--tar", file})
	// Nothing says how large it should be.
	failing(t, nil, "size")
}

// An unreadable file ends it, by name. Root may read everything, so another user runs it.
func TestUnreadableFile(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	oracle.NeedRoot(t)
	root := newTree(t, map[string]string{"a/readable": "x", "a/secret": "x"})
	must(t, os.Chmod(filepath.Join(root, "a/secret"), 0))
	out := t.TempDir()
	for p := root; p != "/"; p = filepath.Dir(p) {
		if p != os.TempDir() {
			must(t, os.Chmod(p, 0o755))
		}
	}
	for p := out; p != os.TempDir() && p != "/"; p = filepath.Dir(p) {
		must(t, os.Chmod(p, 0o777))
	}
	must(t, os.Chmod(bin, 0o755))
	cmd := exec.Command(mkfsPath(), "--size", "400m", "--root", root, filepath.Join(out, "image"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	r := oracle.RunCmd(t, cmd)
	if r.Exit == 0 || !strings.Contains(r.Stderr, "a/secret") {
		t.Errorf("exit %d, %q", r.Exit, r.Stderr)
	}
	assertGone(t, filepath.Join(out, "image"))

	// The same user can make an image when nothing is in the way.
	must(t, os.Remove(filepath.Join(root, "a/secret")))
	cmd = exec.Command(mkfsPath(), "-q", "--size", "400m", "--root", root, filepath.Join(out, "image"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if r := oracle.RunCmd(t, cmd); r.Exit != 0 {
		t.Fatalf("without privilege: exit %d\n%s", r.Exit, r.Stderr)
	}
	oracle.RepairClean(t, oracle.Gen7, filepath.Join(out, "image"))
}

// A tar archive can hold names that XFS cannot.
func TestNamesTooLong(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	for what, e := range map[string]entry{
		"name":   {name: "dir/" + strings.Repeat("n", 256), content: "x"},
		"target": {name: "link", soft: strings.Repeat("t", 1025)},
	} {
		archive := filepath.Join(t.TempDir(), what+".tar")
		must(t, os.WriteFile(archive, layerTar(t, []entry{{name: "dir/"}, e}), 0o644))
		failing(t, []string{"--size", "400m", "--tar", archive}, e.name[:4])
	}
}

// Archives that end early, are damaged, or are none at all.
func TestBadArchives(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	root := newTree(t, map[string]string{"one": strings.Repeat("first file ", 1000), "two": strings.Repeat("second file ", 5000)})
	var plain, packed bytes.Buffer
	zoo.Tar(t, root, &plain)
	compress(t, gzip.NewWriter(&packed), plain.Bytes())
	damaged := func(b []byte, at int) []byte {
		b = bytes.Clone(b)
		b[at] ^= 0x55
		return b
	}
	for name, b := range map[string][]byte{
		"truncated in a file":   plain.Bytes()[:plain.Len()/2],
		"truncated in a header": plain.Bytes()[:512*3+100],
		"truncated gzip":        packed.Bytes()[:packed.Len()*2/3],
		"damaged header":        damaged(plain.Bytes(), 150),
		"damaged gzip":          damaged(packed.Bytes(), packed.Len()/2),
		"not an archive":        bytes.Repeat([]byte("no tar at all. "), 1000),
		"name outside":          layerTar(t, []entry{{name: "../outside", content: "x"}}),
		"link to nothing":       layerTar(t, []entry{{name: "a", hard: "not/there"}}),
		"file below a file":     layerTar(t, []entry{{name: "a", content: "x"}, {name: "a/b", content: "x"}}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			archive := filepath.Join(t.TempDir(), "archive.tar")
			must(t, os.WriteFile(archive, b, 0o644))
			failing(t, []string{"--size", "400m", "--tar", archive}, archive)

			image := filepath.Join(t.TempDir(), "image")
			cmd := exec.Command(mkfsPath(), "--size", "400m", "--tar", "-", image)
			cmd.Stdin = bytes.NewReader(b)
			if r := oracle.RunCmd(t, cmd); r.Exit == 0 {
				t.Error("the same on standard input is accepted")
			} else {
				oneClearLine(t, r.Stderr)
			}
			assertGone(t, image)
		})
	}
}

// A file that keeps changing while it is read is never half in an image: either the run fails
// and names it, or the image holds it as it was at one moment of its size.
func TestChangingSource(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	root := newTree(t, map[string]string{"dir/still": "x"})
	changing := filepath.Join(root, "dir", "changing")
	f, err := os.Create(changing)
	must(t, err)
	defer f.Close()
	block := bytes.Repeat([]byte("0123456789abcdef"), 64<<10) // 1 MiB
	write := func(i int) error {
		_, err := f.WriteAt(block, int64(i%32)<<20)
		return err
	}
	for i := range 32 {
		must(t, write(i))
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				if err := write(i); err != nil {
					t.Error(err)
					return
				}
			}
		}
	}()
	failed := 0
	for range 5 {
		image := filepath.Join(t.TempDir(), "image")
		r := mkcowfs(t, "-q", "--size", "400m", "--root", root, image)
		if r.Exit == 0 {
			oracle.RepairClean(t, oracle.Gen7, image)
			continue
		}
		failed++
		if !strings.Contains(r.Stderr, "dir/changing") {
			t.Errorf("the message does not name the file: %q", r.Stderr)
		}
		assertGone(t, image)
	}
	close(stop)
	<-stopped
	if failed == 0 {
		t.Error("no run noticed that the file changed")
	}
}

// Ctrl-C at any moment leaves nothing behind, and an image that was there as it was.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	root := t.TempDir()
	zoo.Many(t, root, 5000, 50)
	interrupted := 0
	for i := range 12 {
		image := filepath.Join(t.TempDir(), "image")
		cmd := exec.Command(mkfsPath(), "-q", "--size", "400m", "--root", root, image)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		must(t, cmd.Start())
		timer := time.AfterFunc(time.Duration(i*i+1)*time.Millisecond, func() { cmd.Process.Signal(unix.SIGINT) })
		err := cmd.Wait()
		timer.Stop()
		if err == nil { // done before the signal came
			oracle.RepairClean(t, oracle.Gen7, image)
			continue
		}
		interrupted++
		// Before the program has set up its handler, the signal itself ends it.
		if code := cmd.ProcessState.ExitCode(); code != 130 && code != -1 {
			t.Errorf("exit code %d: %s", code, stderr.String())
		}
		assertGone(t, image)
	}
	if interrupted == 0 {
		t.Error("no run was interrupted; the tree is too small for this machine")
	}
}
