package source_test

import (
	"archive/tar"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/source"
	"github.com/google/go-cmp/cmp"
)

func mode(m member, mode int64) member {
	m.Mode = mode
	return m
}

func TestLayers(t *testing.T) {
	type layer = []member
	for _, c := range []struct {
		name   string
		layers []layer
		want   string
	}{
		{
			"upper over lower",
			[]layer{{file("a", "1"), folder("d"), file("d/x", "2"), file("f", "3")}, {file("a", "4"), mode(folder("d"), 0o700), file("d/y", "5"), folder("f")}},
			`"/" links=4
"/a" "4"
"/d" 040700 links=2
"/d/x" "2"
"/d/y" "5"
"/f" links=2`,
		},
		{
			"file instead of a directory, and back",
			[]layer{{file("d/x", "1")}, {file("d", "2")}, {file("d/y", "3"), folder("d")}},
			"error: not a directory",
		},
		{
			"directory is a new one after a file",
			[]layer{{file("d/x", "1")}, {file("d", "2")}, {folder("d"), file("d/y", "3")}},
			`"/" links=3
"/d" links=2
"/d/y" "3"`,
		},
		{
			"whiteouts",
			[]layer{{file("a", "1"), file("d/x", "2"), file("d/y", "3"), file("e/z", "4"), symlink("s", "d")}, {file(".wh.a", ""), file("d/.wh.x", ""), file(".wh.e", ""), file(".wh.none", ""), file("no/.wh.where", ""), file("s/.wh.y", "")}},
			`"/" links=3
"/d" links=2
"/s" -> "d"`,
		},
		{
			"whiteout of what the layer brings itself",
			[]layer{{file("a", "1"), file("d/x", "2")}, {file("a", "3"), file(".wh.a", ""), file("d/y", "4"), file(".wh.d", ""), file("d/z", "5")}},
			`"/" links=3
"/a" "3"
"/d" links=2
"/d/y" "4"
"/d/z" "5"`,
		},
		{
			"whiteout, then again, in one layer",
			[]layer{{file("d/x", "1"), file("f", "2")}, {file(".wh.d", ""), file("d/y", "3"), file(".wh.f", ""), file("f", "4")}},
			`"/" links=3
"/d" links=2
"/d/y" "3"
"/f" "4"`,
		},
		{
			"whiteout in a layer, and the name again in a later one",
			[]layer{{file("d/x", "1")}, {file(".wh.d", "")}, {file("d/y", "2")}, {file("d/x", "3")}},
			`"/" links=3
"/d" links=2
"/d/x" "3"
"/d/y" "2"`,
		},
		{
			"opaque, before and behind what the layer brings",
			[]layer{
				{file("d/x", "1"), file("d/sub/x", "2"), file("d/sub2/x", "3"), file("e/x", "4")},
				{file("d/new", "5"), file("d/sub/new", "6"), file("d/.wh..wh..opq", ""), file("d/later", "7"), file("e/.wh..wh..opq", ""), file("no/.wh..wh..opq", "")},
			},
			`"/" links=4
"/d" links=3
"/d/later" "7"
"/d/new" "5"
"/d/sub" links=2
"/d/sub/new" "6"
"/e" links=2`,
		},
		{
			"opaque root",
			[]layer{{file("a", "1"), file("d/x", "1")}, {file(".wh..wh..opq", ""), file("b", "2")}},
			`"/" links=2
"/b" "2"`,
		},
		{
			"hard links across layers",
			[]layer{
				{file("a", "1"), hardlink("b", "a")},
				{hardlink("c", "a"), file("a", "2")}, // c is the old one
				{file(".wh.b", ""), hardlink("d", "c")},
			},
			`"/" links=2
"/a" "2"
"/c" links=2 "1"
"/d" links=2 "1"`,
		},
		{
			"bookkeeping of AUFS",
			[]layer{{file(".wh..wh.aufs", ""), file(".wh..wh.plnk/1.2", "x"), file("d/.wh..wh.orph/x", ""), file("a", "1")}, {}},
			`"/" links=2
"/a" "1"`,
		},
		{
			"a symbolic link of a lower layer leads on",
			[]layer{{folder("usr/bin"), symlink("bin", "usr/bin")}, {file("bin/x", "1")}, {folder("bin"), file("bin/y", "2")}},
			`"/" links=4
"/bin" links=2
"/bin/y" "2"
"/usr" links=3
"/usr/bin" links=2
"/usr/bin/x" "1"`,
		},
		{"whiteout of nothing", []layer{{}, {file(".wh.", "")}}, "error: whiteout of no name"},
		{"whiteout of the directory", []layer{{}, {file("d/.wh..", "")}}, "error: whiteout of no name"},
		{"whiteout of the parent", []layer{{}, {file("d/.wh...", "")}}, "error: whiteout of no name"},
		{"hard link to what was hidden", []layer{{file("a", "1")}, {file(".wh.a", ""), hardlink("b", "a")}}, "error: not there"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var packed [][]byte
			for i, l := range c.layers {
				b := pack(t, l...)
				if i%2 == 1 {
					b = gzipped(t, b)
				}
				packed = append(packed, b)
			}
			tree, err := readTar(t, source.Options{}, packed...)
			if want, ok := strings.CutPrefix(c.want, "error: "); ok {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %s", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, short(t, tree)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestHostileLayers: archives that would take long if their cost were not bounded.
func TestHostileLayers(t *testing.T) {
	const n = 5_000
	var lower, upper, deep []member
	for i := range n {
		lower = append(lower, file(fmt.Sprintf("d/%d", i), ""))
		upper = append(upper, file(fmt.Sprintf("d/new%d", i), ""), file("d/.wh..wh..opq", ""), file("d/again", ""), file("d/.wh.again", ""))
	}
	path := ""
	for range 150 {
		path += "x/"
		for range 10 {
			deep = append(deep, file(path+"f", ""), file(path+".wh..wh..opq", ""))
		}
	}
	tree := mustReadTar(t, source.Options{}, pack(t, lower...), pack(t, upper...), pack(t, deep...))
	if id, ok := lookup(tree, "d"); !ok || tree.NumEntries(id) != n+1 {
		t.Errorf("%d entries", tree.NumEntries(id))
	}
	// A symbolic link that makes thousands of directories.
	const depth = 1000
	tree = mustReadTar(t, source.Options{}, pack(t, symlink("down", strings.Repeat("y/", depth)), file("down/file", "x")))
	if got := string(content(t, tree, strings.Repeat("y/", depth)+"file")); got != "x" {
		t.Errorf("content %q", got)
	}
}

func TestTooManyFollows(t *testing.T) {
	var members []member
	for i := range 60 {
		members = append(members, symlink(fmt.Sprintf("l%d", i), fmt.Sprintf("l%d", i+1)))
	}
	members = append(members, folder("l60"), file("l25/ok", ""))
	mustReadTar(t, source.Options{}, pack(t, members...))
	_, err := readTar(t, source.Options{}, pack(t, append(members, file("l5/x", ""))...))
	var ae *source.ArchiveError
	if !errors.As(err, &ae) || ae.Entry != "l5/x" {
		t.Error(err)
	}
}

// TestGlobalComment: git archive begins with one.
func TestGlobalComment(t *testing.T) {
	tree := mustReadTar(t, source.Options{}, pack(t,
		member{tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "0123"}}, ""}, file("a", "1")))
	if got := names(tree); got != "a" {
		t.Error(got)
	}
}
