package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/internal/oracle"
)

// mkcowfs accepts and refuses the options that mkfs.xfs 7.2 does, and says why in one line.
func TestOptionsAsMkfs(t *testing.T) {
	t.Parallel()
	mkfs := oracle.Tool(t, "mkfs.xfs", oracle.Gen7)
	for _, c := range []struct {
		size, args string
		ok         bool
	}{
		{"1g", "-b size=4096", true},
		{"1g", "-bsize=4k", true},
		{"1g", "-b log=12", false},
		{"1g", "-b size=3000", false},
		{"1g", "-b size=128k", false},
		{"1g", "-b size=512", false},
		{"1g", "-s size=1024 -b size=512", false},
		{"1g", "-i size=256", false},
		{"1g", "-i size=4096", false},
		{"1g", "-i size=1024 -b size=1024", false},
		{"1g", "-i size=512,perblock=8", false},
		{"1g", "-i maxpct=101", false},
		{"1g", "-i sparse=2", false},
		{"1g", "-m crc=1,finobt=1", true},
		{"1g", "-m rmapbt=0 -m reflink=0", true},
		{"1g", "-m rmapbt=0 -m rmapbt=1", false},
		{"1g", "-m inobtcount=1,finobt=0", false},
		{"1g", "-m uuid=nonsense", false},
		{"1g", "-m nosuch=1", false},
		{"1g", "-n ftype=0", false},
		{"1g", "-n ftype=1", true},
		{"1g", "-n size=512", false},
		{"1g", "-n size=128k", false},
		{"1g", "-d agcount=4,agsize=64m", false},
		{"1g", "-d agsize=1m", false},
		{"1g", "-d agsize=17000000", false},
		{"1g", "-d size=900m", true},
		{"1g", "-d su=64k", false},
		{"1g", "-d su=64k,sw=2,sunit=128", false},
		{"1g", "-d su=3k,sw=2", false},
		{"1g", "-l size=1m", false},
		{"1g", "-l size=4g", false},
		{"1g", "-l agnum=9", false},
		{"1g", "-l su=1m", false},
		{"1g", "-L thirteen-byte", false},
		{"1g", "-K", true},
		{"1g", "-b", false},
		{"1g", "-Z", false},
	} {
		t.Run(strings.ReplaceAll(c.size+" "+c.args, "/", "_"), func(t *testing.T) {
			t.Parallel()
			run := func(program string) oracle.Result {
				dir := t.TempDir()
				oracle.MustRun(t, "truncate", "--size", strings.ToUpper(c.size), filepath.Join(dir, "image"))
				cmd := exec.Command(program, append(strings.Fields(c.args), "-N", "image")...)
				cmd.Dir = dir
				return oracle.RunCmd(t, cmd)
			}
			want, got := run(mkfs), run(mkfsPath())
			if (want.Exit == 0) != c.ok {
				t.Fatalf("the table is wrong: mkfs.xfs exits with %d\n%s", want.Exit, want.Stderr)
			}
			if (got.Exit == 0) != c.ok {
				t.Fatalf("mkcowfs exits with %d, mkfs.xfs with %d\n%s%s", got.Exit, want.Exit, got.Stdout, got.Stderr)
			}
			if c.ok && got.Stdout != want.Stdout {
				t.Errorf("the tables differ; want\n%sgot\n%s", want.Stdout, got.Stdout)
			}
			if !c.ok && otherMkfs() == "" {
				oneClearLine(t, got.Stderr)
			}
		})
	}
}

// oneClearLine checks an error message: one line about it, at most another about --help.
func oneClearLine(t testing.TB, stderr string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	if len(lines) == 2 && strings.Contains(lines[1], "--help") {
		lines = lines[:1]
	}
	if len(lines) != 1 || !strings.HasPrefix(lines[0], "mkcowfs: ") || len(lines[0]) < 20 {
		t.Errorf("not one clear line: %q", stderr)
	}
	for _, leak := range []string{"panic", "goroutine", "0xc000", "%!"} {
		if strings.Contains(stderr, leak) {
			t.Errorf("the message shows its insides: %q", stderr)
		}
	}
}

// A dry run tells the same and makes nothing, neither a new file nor a change to an old one.
func TestDryRun(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	root := newTree(t, map[string]string{"a": "content"})
	image := filepath.Join(t.TempDir(), "image")
	if r := mkcowfs(t, "--dry-run", "--size", "400m", "--root", root, image); r.Exit != 0 || !strings.Contains(r.Stdout, "meta-data=") {
		t.Errorf("exit %d\n%s%s", r.Exit, r.Stdout, r.Stderr)
	}
	assertGone(t, image)
	must(t, os.WriteFile(image, []byte("something else"), 0o644))
	must(t, os.Truncate(image, 400<<20))
	if r := mkcowfs(t, "--dry-run", "--root", root, image); r.Exit != 0 {
		t.Errorf("exit %d\n%s", r.Exit, r.Stderr)
	}
	if b := head(t, image, 14); b != "something else" {
		t.Errorf("a dry run changed the file to %q", b)
	}
}

func head(t testing.TB, p string, n int) string {
	t.Helper()
	f, err := os.Open(p)
	must(t, err)
	defer f.Close()
	b := make([]byte, n)
	_, err = f.ReadAt(b, 0)
	must(t, err)
	return string(b)
}

// What is already there is not overwritten unasked: filesystems of each kind that the system
// can make here, and partition tables.
func TestRefusesToOverwrite(t *testing.T) {
	t.Parallel()
	makers := map[string]func(t *testing.T, image string){
		"xfs":   func(t *testing.T, p string) { oracle.MustRun(t, oracle.Tool(t, "mkfs.xfs", oracle.Gen6), "-q", p) },
		"ext4":  func(t *testing.T, p string) { oracle.MustRun(t, oracle.Program(t, "mke2fs"), "-q", "-t", "ext4", p) },
		"btrfs": func(t *testing.T, p string) { oracle.MustRun(t, oracle.Program(t, "mkfs.btrfs"), "-q", p) },
		"swap":  func(t *testing.T, p string) { oracle.MustRun(t, oracle.Program(t, "mkswap"), p) },
		"gpt": func(t *testing.T, p string) {
			cmd := exec.Command(oracle.Program(t, "sfdisk"), "-q", p)
			cmd.Stdin = strings.NewReader("label: gpt\n,,L\n")
			if r := oracle.RunCmd(t, cmd); r.Exit != 0 {
				t.Fatal(r.Stderr)
			}
		},
		"dos": func(t *testing.T, p string) {
			cmd := exec.Command(oracle.Program(t, "sfdisk"), "-q", p)
			cmd.Stdin = strings.NewReader("label: dos\n,,L\n")
			if r := oracle.RunCmd(t, cmd); r.Exit != 0 {
				t.Fatal(r.Stderr)
			}
		},
	}
	for name, makeIt := range makers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			image := filepath.Join(t.TempDir(), "image")
			oracle.MustRun(t, "truncate", "--size", "600M", image)
			makeIt(t, image)
			before := oracle.FileHash(t, image)
			r := mkcowfs(t, image)
			if r.Exit == 0 {
				t.Fatal("it is overwritten")
			}
			if !strings.Contains(r.Stderr, "-f") {
				t.Errorf("the message does not tell about -f: %q", r.Stderr)
			}
			if after := oracle.FileHash(t, image); after != before {
				t.Error("the refusal changed the file")
			}
			if r := mkcowfs(t, "-f", "-q", image); r.Exit != 0 || r.Stdout != "" {
				t.Fatalf("with -f: exit %d\n%s%s", r.Exit, r.Stdout, r.Stderr)
			}
			oracle.RepairClean(t, oracle.Gen7, image)
		})
	}
}
