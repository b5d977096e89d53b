package source_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cowfs/cowfs/attr"
	"github.com/cowfs/cowfs/source"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// member is an entry of an archive to be made.
type member struct {
	tar.Header
	data string
}

// Kinds of entries, all of time 0 and owned by root.
func file(name, data string) member {
	return member{tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644}, data}
}
func folder(name string) member {
	return member{tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755}, ""}
}
func symlink(name, target string) member {
	return member{tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}, ""}
}
func hardlink(name, target string) member {
	return member{tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: target}, ""}
}

func pack(t testing.TB, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		h := m.Header
		h.Size = int64(len(m.data))
		if h.ModTime.IsZero() && h.Typeflag != tar.TypeXGlobalHeader {
			h.ModTime = time.Unix(0, 0)
		}
		if h.PAXRecords != nil {
			h.Format = tar.FormatPAX
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, m.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zstandard(t testing.TB, b []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(b, nil)
}

// readTar reads layers that lie in files of their own.
func readTar(t testing.TB, o source.Options, layers ...[]byte) (*source.Tree, error) {
	t.Helper()
	dir := t.TempDir()
	o.SpoolDir = dir
	var paths []string
	for i, l := range layers {
		p := filepath.Join(dir, fmt.Sprintf("layer%d.tar", i))
		if err := os.WriteFile(p, l, 0o644); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, p)
	}
	tree, err := source.ReadTar(context.Background(), paths, o)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { tree.Close() })
	checkTree(t, tree)
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != len(layers) {
		t.Errorf("left behind: %v", left)
	}
	return tree, nil
}

func mustReadTar(t testing.TB, o source.Options, layers ...[]byte) *source.Tree {
	t.Helper()
	tree, err := readTar(t, o, layers...)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// short is a dump with what is common to all entries left out.
func short(t testing.TB, tree *source.Tree) string {
	t.Helper()
	var lines []string
	r := tree.NewReader()
	defer r.Close()
	for line := range strings.Lines(dump(t, tree)) {
		for _, common := range []string{" 100644", " 040755", " 120777", " 0:0", " links=1", " mtime=0.000000000"} {
			line = strings.Replace(line, common, "", 1)
		}
		var words []string
		for _, w := range strings.Fields(line) {
			if !strings.HasPrefix(w, "sha256") && !strings.HasPrefix(w, "size=") {
				words = append(words, w)
			}
		}
		lines = append(lines, strings.Join(words, " "))
	}
	return strings.Join(lines, "\n")
}

func TestTar(t *testing.T) {
	pax := func(m member, records ...string) member {
		m.PAXRecords = map[string]string{}
		for i := 0; i < len(records); i += 2 {
			m.PAXRecords[records[i]] = records[i+1]
		}
		return m
	}
	with := func(m member, change func(h *tar.Header)) member {
		change(&m.Header)
		return m
	}
	access := attr.ACL{{Tag: attr.ACLUserObj, Perm: 7}, {Tag: attr.ACLUser, Perm: 4, ID: 9}, {Tag: attr.ACLGroupObj, Perm: 5},
		{Tag: attr.ACLMask, Perm: 1}, {Tag: attr.ACLOther}}
	minimal := attr.ACL{{Tag: attr.ACLUserObj, Perm: 7}, {Tag: attr.ACLGroupObj, Perm: 5}, {Tag: attr.ACLOther, Perm: 1}}
	for _, c := range []struct {
		name    string
		members []member
		o       source.Options
		want    string
	}{
		{name: "nothing", want: `"/" links=2`},
		{
			name: "all types",
			members: []member{
				with(folder("./"), func(h *tar.Header) { h.Mode, h.Uid, h.ModTime = 0o1777, 7, time.Unix(5, 0) }),
				file("f", "hello"), symlink("s", "to/where"), hardlink("h", "f"),
				with(file("c", ""), func(h *tar.Header) { h.Typeflag, h.Devmajor, h.Devminor = tar.TypeChar, 5, 1 }),
				with(file("b", ""), func(h *tar.Header) { h.Typeflag, h.Devmajor, h.Devminor = tar.TypeBlock, 259, 70000 }),
				with(file("p", ""), func(h *tar.Header) { h.Typeflag = tar.TypeFifo }),
				with(file("cont", "x"), func(h *tar.Header) { h.Typeflag = tar.TypeCont }),
			},
			want: `"/" 041777 7:0 links=2 mtime=5.000000000
"/b" 060644 dev=259:70000
"/c" 020644 dev=5:1
"/cont" "x"
"/f" links=2 "hello"
"/h" links=2 "hello"
"/p" 010644
"/s" -> "to/where"`,
		},
		{
			name:    "paths are cleaned",
			members: []member{file("./a//b", "1"), file("/c", "2"), file("d/../e", "3"), folder("f/"), file("f/./g", "4")},
			want: `"/" links=4
"/a" links=2
"/a/b" "1"
"/c" "2"
"/e" "3"
"/f" links=2
"/f/g" "4"`,
		},
		{
			name:    "parents that come later or never",
			members: []member{file("a/b/c", "1"), with(folder("a"), func(h *tar.Header) { h.Mode, h.Gid = 0o700, 3 })},
			want: `"/" links=3
"/a" 040700 0:3 links=3
"/a/b" links=2
"/a/b/c" "1"`,
		},
		{
			name:    "the last one counts",
			members: []member{file("a", "1"), hardlink("b", "a"), file("a", "2"), file("c/d", "3"), file("c", "4"), symlink("e", "x"), folder("e"), file("e/f", "5"), folder("e")},
			want: `"/" links=3
"/a" "2"
"/b" "1"
"/c" "4"
"/e" links=2
"/e/f" "5"`,
		},
		{
			name: "through symbolic links",
			members: []member{
				folder("usr/lib"), symlink("lib", "usr/lib"), file("lib/a", "1"), symlink("abs", "/usr"), file("abs/lib/b", "2"),
				symlink("usr/up", "../../../usr"), file("usr/up/c", "3"), symlink("dangling", "new/dir"), file("dangling/d", "4"),
				hardlink("lib/e", "abs/lib/a"), hardlink("link", "lib"), symlink("usr/lib/self", "."), file("lib/self/self/f", "5"),
			},
			want: `"/" links=4
"/abs" -> "/usr"
"/dangling" -> "new/dir"
"/lib" links=2 -> "usr/lib"
"/link" links=2 -> "usr/lib"
"/new" links=3
"/new/dir" links=2
"/new/dir/d" "4"
"/usr" links=3
"/usr/c" "3"
"/usr/lib" links=2
"/usr/lib/a" links=2 "1"
"/usr/lib/b" "2"
"/usr/lib/e" links=2 "1"
"/usr/lib/f" "5"
"/usr/lib/self" -> "."
"/usr/up" -> "../../../usr"`,
		},
		{
			name:    "whiteouts are names in a single archive",
			members: []member{file("a", "1"), file(".wh.a", ""), file(".wh..wh..opq", "")},
			want: `"/" links=2
"/.wh..wh..opq"
"/.wh.a"
"/a" "1"`,
		},
		{
			name: "times and owners",
			members: []member{
				with(pax(file("a", ""), "mtime", "1.5"), func(h *tar.Header) { h.ModTime = time.Unix(1, 500_000_000) }),
				with(pax(file("b", "")), func(h *tar.Header) { h.ModTime = time.Unix(-2, 1) }),
				with(pax(file("c", "")), func(h *tar.Header) { h.Uid, h.Gid = math.MaxUint32-1, 1<<31 }),
				with(file("d", ""), func(h *tar.Header) { h.ModTime, h.Mode = time.Unix(1<<32, 0), 0o7777 }),
			},
			want: `"/" links=2
"/a" mtime=1.500000000
"/b" mtime=-2.000000001
"/c" 4294967294:2147483648
"/d" 107777 mtime=4294967296.000000000`,
		},
		{
			name:    "owner of what no entry makes",
			members: []member{file("a/b", "")},
			o:       source.Options{Owner: &source.Owner{UID: 3, GID: 4}},
			want: `"/" 3:4 links=3
"/a" 3:4 links=2
"/a/b" 3:4`,
		},
		{
			name:    "maps do not change that",
			members: []member{with(file("a/b", ""), func(h *tar.Header) { h.Uid, h.Gid = 1000, 50 })},
			o: source.Options{
				UIDMap: []source.IDMap{{Inside: 5, Outside: 999, Count: 2}}, GIDMap: []source.IDMap{{Inside: 50, Outside: 50, Count: 1}},
				ClampMtime: new(int64),
			},
			want: `"/" links=3
"/a" links=2
"/a/b" 6:50`,
		},
		{
			name:    "left out",
			members: []member{file("a/x", "1"), hardlink("b", "a/x"), file("c/x", "2"), file("c/y", "3")},
			o:       source.Options{Exclude: []string{"a", "*/y"}},
			want: `"/" links=3
"/b" "1"
"/c" links=2
"/c/x" "2"`,
		},
		{
			name: "extended attributes",
			members: []member{
				pax(file("a", ""), "SCHILY.xattr.user.b", "\x00\x01", "SCHILY.xattr.user.a", "1", "SCHILY.xattr.security.capability", "c", "SCHILY.xattr.system.nfs4_acl", "x", "SCHILY.xattr.trusted.SGI_ACL_FILE", "x"),
				pax(file("b", ""), "LIBARCHIVE.xattr.user.%25%3d", "AQI", "LIBARCHIVE.xattr.user.x", "Aw==", "SCHILY.xattr.user.x", "\x04"),
				pax(file("acl", ""), "SCHILY.xattr.system.posix_acl_access", string(access.Host())),
				pax(file("mode", ""), "SCHILY.xattr.system.posix_acl_access", string(minimal.Host())),
				pax(folder("text"), "SCHILY.acl.access", "user::rwx\ngroup::r-x\nother::--x\n", "SCHILY.acl.default", "user::rwx,group::r-x,other::---,user:joe:r--:9,mask::r--"),
				pax(file("none", ""), "SCHILY.acl.access", "", "SCHILY.xattr.system.posix_acl_default", "\x02\x00\x00\x00"),
			},
			want: `"/" links=3
"/a" security.capability=63 user.a=31 user.b=0001
"/acl" 100710 system.posix_acl_access=0200000001000700ffffffff020004000900000004000500ffffffff10000100ffffffff20000000ffffffff
"/b" user.%==0102 user.x=04
"/mode" 100751
"/none"
"/text" 040751 links=2 system.posix_acl_default=0200000001000700ffffffff020004000900000004000500ffffffff10000400ffffffff20000000ffffffff`,
		},
		{
			name:    "attributes left out, broken ones, too",
			members: []member{pax(file("a", ""), "SCHILY.xattr.user.a", "1", "SCHILY.acl.access", "nonsense")},
			o:       source.Options{NoXattrs: true},
			want: `"/" links=2
"/a"`,
		},
		{
			name: "IDs in ACLs are mapped",
			members: []member{
				pax(folder("d"), "SCHILY.acl.default", "u::rwx,u:1000:r,g::r,g:1000:r,m::r,o::-"),
			},
			o: source.Options{UIDMap: []source.IDMap{{Inside: 0, Outside: 0, Count: 1}, {Inside: 1, Outside: 1000, Count: 1}}},
			want: `"/" links=3
"/d" links=2 system.posix_acl_default=0200000001000700ffffffff020004000100000004000400ffffffff08000400e803000010000400ffffffff20000000ffffffff`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			plain := pack(t, c.members...)
			for form, b := range map[string][]byte{"plain": plain, "gzip": gzipped(t, plain), "zstd": zstandard(t, plain)} {
				got := short(t, mustReadTar(t, c.o, b))
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", form, diff)
				}
			}
		})
	}
}

func TestTarRefuses(t *testing.T) {
	with := func(m member, change func(h *tar.Header)) []member {
		change(&m.Header)
		return []member{m}
	}
	record := func(key, value string) []member {
		return with(file("some/file", ""), func(h *tar.Header) { h.PAXRecords = map[string]string{key: value} })
	}
	for _, c := range []struct {
		name    string
		members []member
		want    string // in the message, beside archive and entry
		class   error
	}{
		{"leads out", []member{file("a/../../b", "")}, "path leads out of the tree", source.ErrEscapes},
		{"target leads out", []member{hardlink("b", "../etc/passwd")}, `hard link to "../etc/passwd": path leads out`, source.ErrEscapes},
		{"file as parent", []member{file("a", ""), file("a/b", "")}, "a parent of the path is not a directory", source.ErrNotDirectory},
		{"long name", []member{file(strings.Repeat("x", 256), "")}, "name is longer than 255 bytes", source.ErrNameTooLong},
		{"long name of a parent", []member{file(strings.Repeat("x", 256)+"/y", "")}, "name is longer", source.ErrNameTooLong},
		{"long path", []member{file(strings.Repeat("x/", 40_000)+"y", "")}, "path is longer than 65536 bytes", nil},
		{"link to nothing", []member{hardlink("a", "b/c")}, `target of the hard link is not there: "b/c"`, source.ErrNoLinkTarget},
		{"link to itself only", []member{hardlink("a", "a")}, "target of the hard link", source.ErrNoLinkTarget},
		{"link to a directory", []member{folder("d"), hardlink("a", "d")}, "is a directory", nil},
		{"link to the root", []member{hardlink("a", "/")}, "is a directory", nil},
		{"root is a file", []member{file("a/..", "content")}, "the root cannot be anything but a directory", nil},
		{"root is a link", []member{file("x", ""), hardlink(".", "x")}, "the root cannot be", nil},
		{"symlink loop", []member{symlink("a", "b"), symlink("b", "a"), file("a/x", "")}, "too many symbolic links", nil},
		{"symlink to nothing", []member{symlink("a", "")}, "symbolic link to 0 bytes", nil},
		{"device", with(file("dev", ""), func(h *tar.Header) { h.Typeflag, h.Devmajor = tar.TypeChar, 1<<14 }), "device number 16384:0", nil},
		{"uid", with(file("f", ""), func(h *tar.Header) { h.Format, h.Uid = tar.FormatGNU, -5 }), "-5:0", nil},
		{"large uid", with(file("f", ""), func(h *tar.Header) { h.Format, h.Uid = tar.FormatGNU, math.MaxUint32 }), "4294967295:0", nil},
		{"unknown type", with(file("f", ""), func(h *tar.Header) { h.Typeflag = 'Q' }), "unknown type 'Q'", nil},
		{"multi-volume", with(file("f", ""), func(h *tar.Header) { h.Typeflag = 'M' }), "another volume", nil},
		{"global header", with(member{}, func(h *tar.Header) {
			h.Typeflag, h.PAXRecords = tar.TypeXGlobalHeader, map[string]string{"mtime": "1"}
		}), `sets "mtime" for all entries`, nil},
		{"large attribute", record("SCHILY.xattr.user.x", strings.Repeat("x", source.MaxXattrSize+1)), `"user.x": its value of 65537 bytes`, nil},
		{"attribute not base64", record("LIBARCHIVE.xattr.user.x", "*"), "LIBARCHIVE.xattr.user.x", nil},
		{"attribute name", record("LIBARCHIVE.xattr.user.%zz", "AQ"), "invalid URL escape", nil},
		{"ACL", record("SCHILY.xattr.system.posix_acl_access", "\x03\x00\x00\x00"), "malformed ACL: version 3", attr.ErrACL},
		{"text ACL", record("SCHILY.acl.access", "user::rwx,user:joe:r--,group::r--,mask::r--,other::---"), `"joe" is not a number`, attr.ErrACL},
		{"default ACL of a file", record("SCHILY.acl.default", "u::r,g::r,o::r"), "no such ACL", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := pack(t, c.members...)
			entry := c.members[len(c.members)-1].Name
			for form, b := range map[string][]byte{"plain": b, "gzip": gzipped(t, b)} {
				_, err := readTar(t, source.Options{}, b)
				var ae *source.ArchiveError
				if !errors.As(err, &ae) {
					t.Fatalf("%s: got %v", form, err)
				}
				if !strings.Contains(err.Error(), c.want) || ae.Entry != entry && entry != "" && len(entry) < 100 || !strings.Contains(ae.Archive, "layer0.tar") {
					t.Errorf("%s: got %v", form, err)
				}
				if c.class != nil && !errors.Is(err, c.class) {
					t.Errorf("%s: %v is not %v", form, err, c.class)
				}
			}
		})
	}
}

// TestTarOldDirectory: before there was a type for directories, a slash at the end said it.
func TestTarOldDirectory(t *testing.T) {
	for _, kind := range []byte{'0', 0} {
		b := pack(t, file("old_", ""), file("old/new", "x"))
		copy(b, "old/")
		b[156] = kind
		sum := 0
		copy(b[148:], "        ")
		for _, c := range b[:512] {
			sum += int(c)
		}
		copy(b[148:], fmt.Sprintf("%06o\x00 ", sum))
		tree := mustReadTar(t, source.Options{}, b)
		if got := names(tree); got != "old old/new" {
			t.Errorf("type %q: %s", kind, got)
		}
	}
}

// TestTarCut cuts an archive at each block, and some bytes beside it.
func TestTarCut(t *testing.T) {
	whole := pack(t,
		folder("d"), file("d/a", string(pattern(1, 1500))), member{tar.Header{Typeflag: tar.TypeReg, Name: "d/" + strings.Repeat("long/", 60) + "b", Mode: 0o644,
			PAXRecords: map[string]string{"SCHILY.xattr.user.x": strings.Repeat("v", 600)}}, "content"},
		symlink("s", "d"), hardlink("h", "d/a"), file("last", string(pattern(2, 513))))
	end := len(whole) - 2*512 // where the end marker begins
	check := func(t *testing.T, cut int, tree *source.Tree, err error) {
		t.Helper()
		var ae *source.ArchiveError
		switch {
		case err == nil && cut <= end:
			t.Errorf("cut at %d of %d: read as %s", cut, len(whole), names(tree))
		case err != nil && (cut == end+512 || cut == len(whole)):
			t.Errorf("cut at %d behind the end at %d: %v", cut, end, err)
		case err != nil && !errors.As(err, &ae):
			t.Errorf("cut at %d: %v", cut, err)
		case err != nil && !errors.Is(err, source.ErrTruncated) && !errors.Is(err, source.ErrNoEnd):
			t.Errorf("cut at %d: %v", cut, err)
		}
	}
	for block := 0; block <= len(whole); block += 512 {
		for _, cut := range []int{block - 1, block, block + 1} {
			if cut < 0 || cut > len(whole) {
				continue
			}
			tree, err := readTar(t, source.Options{}, whole[:cut])
			check(t, cut, tree, err)
			tree, err = source.ReadTar(context.Background(), []string{"-"}, source.Options{
				Stdin: bytes.NewReader(whole[:cut]), SpoolDir: t.TempDir(),
			})
			if err == nil {
				tree.Close()
			}
			check(t, cut, tree, err)
		}
	}
	for form, b := range map[string][]byte{"gzip": gzipped(t, whole), "zstd": zstandard(t, whole)} {
		for cut := 0; cut < len(b); cut += 1 + len(b)/64 {
			if _, err := readTar(t, source.Options{}, b[:cut]); err == nil {
				t.Errorf("%s cut at %d of %d is read", form, cut, len(b))
			}
		}
	}
}

func TestTarJunk(t *testing.T) {
	good := pack(t, file("a", "content"), file("b", "content"))
	flipped := bytes.Clone(good)
	flipped[1024+3] ^= 1 // name of the second entry
	broken := gzipped(t, good)
	broken[len(broken)-5] ^= 1 // checksum
	trailing := append(gzipped(t, good), "trailing junk"...)
	for _, c := range []struct {
		name string
		b    []byte
		want string // "" : it is read
	}{
		{"empty", nil, "cut off"},
		{"text", []byte(strings.Repeat("this is no archive\n", 100)), "not a tar archive"},
		{"short text", []byte("x"), "cut off"},
		{"flipped bit", flipped, `in or behind entry "a": offset`},
		{"gzip of nothing", gzipped(t, nil), "end marker is missing"},
		{"gzip of junk", gzipped(t, bytes.Repeat([]byte("junk"), 500)), "not a tar archive"},
		{"checksum", broken, "checksum"},
		{"junk behind gzip", trailing, ""},
		{"junk behind the end", append(bytes.Clone(good), "junk"...), ""},
		{"xz", []byte("\xfd7zXZ\x00\x00"), "compressed with xz"},
		{"bzip2", []byte("BZh91AY"), "compressed with bzip2"},
		{"damaged gzip header", []byte("\x1f\x8b\x07"), ""},
	} {
		_, err := readTar(t, source.Options{}, c.b)
		if c.name == "damaged gzip header" {
			if err == nil {
				t.Errorf("%s: read", c.name)
			}
			continue
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
		if err != nil && !strings.Contains(err.Error(), "layer0.tar") {
			t.Errorf("%s: %v does not name the archive", c.name, err)
		}
	}
}

func gunzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	b, err = io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
