package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/internal/cmdtest"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/source"
)

var update = flag.Bool("update", false, "rewrite what the scripts expect; look at the difference")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"cowdb": main})
}

// TestScripts runs the sessions in testdata: what a user types, and what he should see. Each one
// also checks that the image was not changed.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   "testdata",
		Setup: cmdtest.Setup,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"image":  makeImage,
			"exit":   cmdtest.Exit,
			"poke":   poke,
			"shift":  shift,
			"hash":   hash,
			"sound":  sound,
			"sparse": isSparse,
		},
		UpdateScripts:      *update,
		RequireUniqueNames: true,
	})
}

// archive is the content of the images: the same on every run.
func archive() ([]byte, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	var failed error
	add := func(h tar.Header, data []byte) {
		h.ModTime = time.Unix(1_700_000_000, 5_000_000)
		h.Format, h.Size = tar.FormatPAX, int64(len(data))
		err := w.WriteHeader(&h)
		if err == nil {
			_, err = w.Write(data)
		}
		failed = errors.Join(failed, err)
	}
	add(tar.Header{Typeflag: tar.TypeDir, Name: "etc", Mode: 0o755}, nil)
	add(tar.Header{Typeflag: tar.TypeReg, Name: "etc/hostname", Mode: 0o644, Uid: 3, Gid: 4, PAXRecords: map[string]string{
		"SCHILY.xattr.user.comment": "a name", "SCHILY.xattr.user.binary": "\x00\x01", "SCHILY.xattr.trusted.t": "x",
	}}, []byte("cowhost\n"))
	add(tar.Header{Typeflag: tar.TypeSymlink, Name: "etc/link", Linkname: "hostname", Mode: 0o777}, nil)
	add(tar.Header{Typeflag: tar.TypeLink, Name: "etc/hard", Linkname: "etc/hostname"}, nil)
	add(tar.Header{Typeflag: tar.TypeChar, Name: "null", Mode: 0o666, Devmajor: 1, Devminor: 3}, nil)
	add(tar.Header{Typeflag: tar.TypeReg, Name: "tool", Mode: 0o6755, PAXRecords: map[string]string{"SCHILY.xattr.user.large": strings.Repeat("large", 1500)}},
		bytes.Repeat([]byte("0123456789abcdef"), 4096))
	add(tar.Header{Typeflag: tar.TypeReg, Name: "odd\n\xff", Mode: 0o600}, nil)
	add(tar.Header{Typeflag: tar.TypeDir, Name: "many", Mode: 0o1777}, nil)
	for i := range 600 {
		add(tar.Header{Typeflag: tar.TypeLink, Name: fmt.Sprintf("many/%04d", i), Linkname: "tool"}, nil)
	}
	failed = errors.Join(failed, w.Close())
	return buf.Bytes(), failed
}

// makeImage makes an image with the content above: image FILE [no-rmapbt]...
func makeImage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: image FILE [no-rmapbt|no-parent]...")
	}
	content, err := archive()
	ts.Check(err)
	seed := uint64(1)
	job := mkfs.Job{
		Config: mkfs.Config{Size: 64 << 20, Label: "script"}, Path: ts.MkAbs(args[0]), Time: time.Unix(1_600_000_000, 0), Seed: &seed,
		Source: mkfs.Source{Tars: []string{"-"}, Options: source.Options{Stdin: bytes.NewReader(content)}},
	}
	for _, feature := range args[1:] {
		switch feature {
		case "no-rmapbt":
			job.Config.Rmapbt = mkfs.Off
		case "no-parent":
			job.Config.Parent = mkfs.Off
		default:
			ts.Fatalf("feature %s is not known", feature)
		}
	}
	_, err = mkfs.Make(context.Background(), job)
	ts.Check(err)
}

// poke changes bytes of an image: poke FILE OFFSET BYTE...
func poke(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: poke FILE OFFSET BYTE...")
	}
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_RDWR, 0)
	ts.Check(err)
	off, err := strconv.ParseInt(args[1], 0, 64)
	ts.Check(err)
	for i, arg := range args[2:] {
		b, err := strconv.ParseUint(arg, 0, 8)
		ts.Check(err)
		_, err = f.WriteAt([]byte{byte(b)}, off+int64(i))
		ts.Check(err)
	}
	ts.Check(f.Close())
}

// shift copies the first 32 MiB of an image to 1 MiB in another file: shift FROM TO
func shift(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: shift FROM TO")
	}
	from, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	to, err := os.Create(ts.MkAbs(args[1]))
	ts.Check(err)
	_, err = to.WriteAt(from, 1<<20)
	ts.Check(err)
	ts.Check(to.Close())
}

// hash keeps the hash of a file in a variable, or compares it: hash FILE NAME
func hash(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: hash FILE NAME")
	}
	data, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	got := fmt.Sprintf("%x", sha256.Sum256(data))
	if want := ts.Getenv(args[1]); want != "" && want != got {
		ts.Fatalf("%s has changed", args[0])
	}
	ts.Setenv(args[1], got)
}

// sound checks that nothing is wrong with an image: sound FILE
func sound(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: sound FILE")
	}
	dev, err := device.Open(ts.MkAbs(args[0]), device.ReadOnly)
	ts.Check(err)
	defer dev.Close()
	report, err := check.Run(context.Background(), dev, check.Options{})
	ts.Check(err)
	for _, x := range report.Findings {
		ts.Fatalf("%s: %v", args[0], x)
	}
}

// isSparse checks the size and the mode of a file that was copied out: sparse FILE SIZE MODE
func isSparse(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: sparse FILE SIZE MODE")
	}
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := fmt.Sprintf("%d %04o", info.Size(), info.Mode().Perm()); got != args[1]+" "+args[2] {
		ts.Fatalf("%s: size and mode %s", args[0], got)
	}
}

// same is a host's interruptible without signals.
func same(ctx context.Context) (context.Context, context.CancelFunc) { return ctx, func() {} }

// A name in the image cannot write escape sequences to a terminal.
func TestQuoteOnTerminal(t *testing.T) {
	content, err := archive()
	if err != nil {
		t.Fatal(err)
	}
	path := t.TempDir() + "/image"
	if _, err := mkfs.Make(t.Context(), mkfs.Job{
		Path: path, Time: time.Unix(0, 0), Source: mkfs.Source{Tars: []string{"-"}, Options: source.Options{Stdin: bytes.NewReader(content)}},
	}); err != nil {
		t.Fatal(err)
	}
	for quote, want := range map[bool]string{true: `"odd\n\xff"`, false: "odd\n\xff"} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), []string{"cowdb", path, "ls"}, host{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, quote: quote, interruptible: same}); code != exitOK {
			t.Fatalf("exit code %d: %s", code, &errs)
		}
		if !strings.Contains(out.String(), want+"\n") {
			t.Errorf("quote %v: %q", quote, out.String())
		}
	}
	// A person at a terminal is asked again after an error.
	var out, errs bytes.Buffer
	in := strings.NewReader("ls /nothing\ncat /etc/hostname\nquit\nls\n")
	if code := run(t.Context(), []string{"cowdb", path}, host{stdin: in, stdout: &out, stderr: &errs, interactive: true, interruptible: same}); code != exitOK || out.String() != "cowhost\n" {
		t.Errorf("exit code %d, %q, %q", code, out.String(), errs.String())
	}
	if !strings.Contains(errs.String(), "file does not exist") {
		t.Errorf("errors %q", errs.String())
	}
}
