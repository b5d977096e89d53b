package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

// nasty is what a name can hold to deceive who reads it on a terminal: it clears the screen, forges a
// line and turns the direction of writing. Its last byte is no UTF-8.
const nasty = "A\x1b]0;PWNED\a\x1b[2J\nfake.img: clean; 4 groups\u202egmi\xff"

// TestPrintable has texts with anything that is not printable in quotes, and others as they are.
func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"/dir/a file":  "/dir/a file",
		`C:\dir "x"`:   `C:\dir "x"`,
		"/größe/日本":    "/größe/日本",
		"a\x1b[2J":     `"a\x1b[2J"`,
		"a\nb\\":       `"a\nb\\"`,
		"a\u202eb":     `"a\u202eb"`,
		"a\u00a0b":     `"a\u00a0b"`,
		"a\xffb":       `"a\xffb"`,
		"a\u200bb\x7f": `"a\u200bb\x7f"`,
	} {
		if got := printable(text); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
	if got, want := escaped("stat \"a\x1b\xff\u202e\\\": no"), `stat "a\x1b\xff\u202e\": no`; got != want {
		t.Errorf("escaped: got %s, want %s", got, want)
	}
}

// TestUnprintable prints names, targets and the image's own name so that they can do no harm, in all
// that the program prints.
func TestUnprintable(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(nasty, filepath.Join(dir, nasty[:len(nasty)-1])); err != nil {
		t.Fatal(err)
	}
	image := imageOf(t, dir, "x"+nasty)
	if err := damageField(image, "inode symlink local+local", "core.size", "add"); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{image}, {"-v", image}, {"--plan", image}, {"-p", image}, {"-y", "--strict", image},
		{"-y", image}, {"-v", image}, {"--undo-apply", image + ".undo", image}, {"-y", "--undo", image + ".undo", image},
		{image + "x"}, {"--" + nasty, image}, {"--only", nasty, image}, {"--explain", nasty}, {image, nasty}} {
		_, stdout, stderr := cowfsck(context.Background(), t, args...)
		for _, line := range strings.Split(stdout+stderr, "\n") {
			bad := strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar })
			if bad || strings.HasPrefix(line, "fake.img") {
				t.Errorf("%q prints %q", args, line)
			}
		}
		if stdout+stderr == "" {
			t.Errorf("%q prints nothing", args)
		}
	}
}

// TestJSONBytes has programs get every byte of a name, even those that are not UTF-8.
func TestJSONBytes(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("a\xfe\xff", filepath.Join(dir, "link\xfd")); err != nil {
		t.Fatal(err)
	}
	image := imageOf(t, dir, "image")
	if err := damageField(image, "inode symlink local+local", "core.size", "add"); err != nil {
		t.Fatal(err)
	}
	for _, flag := range []string{"-n", "--plan"} {
		_, stdout, _ := cowfsck(context.Background(), t, "--json", flag, image)
		if strings.Contains(stdout, `\ufffd`) || strings.ContainsRune(stdout, unicode.ReplacementChar) || !strings.Contains(stdout, `a\\xfe\\xff`) {
			t.Errorf("%s: bytes are lost: %s", flag, stdout)
		}
	}
}
