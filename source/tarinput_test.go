package source_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/source"
)

// TestTarInput reads one archive in all ways there are.
func TestTarInput(t *testing.T) {
	dir := t.TempDir()
	big := string(pattern(3, 3<<20+17))
	b := pack(t, file("a", "first"), file("big", big), file("c", "last"))
	path := filepath.Join(dir, "in.tar")
	if err := os.WriteFile(path, append(make([]byte, 100), b...), 0o644); err != nil {
		t.Fatal(err)
	}
	redirected, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer redirected.Close()
	if _, err := redirected.Seek(100, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	go func() {
		w.Write(b)
		w.Write(make([]byte, 1<<20)) // more than a pipe holds
		w.Close()
	}()
	for name, stdin := range map[string]io.Reader{
		"reader": bytes.NewReader(b), "slow reader": &oneByte{bytes.NewReader(b)}, "file": redirected, "pipe": r,
		"gzip": bytes.NewReader(gzipped(t, b)), "zstd with a skippable frame": io.MultiReader(strings.NewReader("\x50\x2a\x4d\x18\x03\x00\x00\x00abc"), bytes.NewReader(zstandard(t, b))),
		"two gzip members": io.MultiReader(bytes.NewReader(gzipped(t, b[:1000])), bytes.NewReader(gzipped(t, b[1000:]))),
	} {
		tree, err := source.ReadTar(context.Background(), []string{"-"}, source.Options{Stdin: stdin, SpoolDir: dir})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		checkTree(t, tree)
		if got := names(tree); got != "a big c" {
			t.Errorf("%s: %s", name, got)
		}
		if string(content(t, tree, "a")) != "first" || string(content(t, tree, "big")) != big || string(content(t, tree, "c")) != "last" {
			t.Errorf("%s: content differs", name)
		}
		id, _ := lookup(tree, "c")
		fd, base, ok := tree.NewReader().Host(id)
		p := make([]byte, 4)
		if n, err := preadFD(fd, p, base); !ok || err != nil || n != 4 || string(p) != "last" {
			t.Errorf("%s: host file: %v %d %v %q", name, ok, n, err, p)
		}
		if err := tree.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := source.ReadTar(context.Background(), []string{"-"}, source.Options{}); err == nil {
		t.Error("no standard input is read")
	}
	for _, p := range []string{dir, filepath.Join(dir, "none")} {
		if _, err := source.ReadTar(context.Background(), []string{p}, source.Options{}); err == nil || !strings.Contains(err.Error(), p) {
			t.Errorf("%s: %v", p, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := source.ReadTar(ctx, []string{path}, source.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	_, err = source.ReadTar(context.Background(), []string{"-"}, source.Options{Stdin: bytes.NewReader(b), SpoolDir: filepath.Join(dir, "none")})
	if err == nil || !strings.Contains(err.Error(), "file for unpacked contents") {
		t.Errorf("no place for the spool: %v", err)
	}
}

type oneByte struct{ r io.Reader }

func (o *oneByte) Read(p []byte) (int, error) { return o.r.Read(p[:1]) }

func TestArchiveChanges(t *testing.T) {
	p := filepath.Join(t.TempDir(), "a.tar")
	if err := os.WriteFile(p, pack(t, file("a", "content")), 0o644); err != nil {
		t.Fatal(err)
	}
	tree, err := source.ReadTar(context.Background(), []string{p}, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	r := tree.NewReader()
	id, _ := lookup(tree, "a")
	buf := make([]byte, 7)
	if err := r.ReadAt(id, buf, 0); err != nil || string(buf) != "content" {
		t.Fatal(err)
	}
	if err := os.Truncate(p, 600); err != nil {
		t.Fatal(err)
	}
	err = r.ReadAt(id, buf, 0)
	var ce *source.ChangedError
	if !errors.As(err, &ce) || !strings.Contains(err.Error(), "/a: ") || ce.Path != p {
		t.Errorf("cut: %v", err)
	}
	if _, _, ok := r.Host(id); ok {
		t.Error("Host gives a changed archive")
	}
}
