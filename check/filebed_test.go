package check_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/attr"
	"github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/damage"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/volume"
)

// newFileBed makes an image with directories, attributes and links in all their forms.
func newFileBed(t testing.TB, c mkfs.Config) *bed {
	t.Helper()
	path := filepath.Join(t.TempDir(), "content.tar")
	if err := os.WriteFile(path, fileTar(t), 0o644); err != nil {
		t.Fatal(err)
	}
	b := makeBed(t, mkfs.Job{Config: c, Source: mkfs.Source{Tars: []string{path}}})
	b.write(b.dev, func(w *volume.Writer) {
		for i := range int64(60) {
			b.must(w.Punch("/tree", 2*i<<10, 1<<10))
		}
	})
	b.sound(nil)
	return b
}

// fileTar is the content of the image as an archive.
func fileTar(t testing.TB) []byte {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	rng := rand.New(rand.NewPCG(6, 1))
	bytesOf := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(1 + rng.IntN(255))
		}
		return string(b)
	}
	add := func(h tar.Header, content string, attrs map[string]string) {
		h.Format, h.Size = tar.FormatPAX, int64(len(content))
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		h.PAXRecords = map[string]string{}
		for name, v := range attrs {
			h.PAXRecords["SCHILY.xattr."+name] = v
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	file := func(name, content string, attrs map[string]string) {
		add(tar.Header{Typeflag: tar.TypeReg, Name: name}, content, attrs)
	}
	for dir, n := range map[string]int{"short": 5, "block": 40, "leaf": 200, "node": 1200} {
		for i := range n {
			file(fmt.Sprintf("%s/%0*d", dir, 3+i%40, i), "", nil)
		}
		add(tar.Header{Typeflag: tar.TypeDir, Name: dir + "/sub/", Mode: 0o755}, "", nil)
	}
	add(tar.Header{Typeflag: tar.TypeDir, Name: "loop/a/b/c/", Mode: 0o755}, "", nil)
	file("short/same", "", nil)
	file("short/mesa", "", nil) // of the same length
	file("small", bytesOf(5000), nil)
	file("tree", bytesOf(120<<10), nil)
	for _, n := range []int{100, 400, 1023} {
		add(tar.Header{Typeflag: tar.TypeSymlink, Name: fmt.Sprintf("symlink-%d", n), Linkname: strings.Repeat("t/", n)[:n]}, "", nil)
	}
	add(tar.Header{Typeflag: tar.TypeFifo, Name: "fifo"}, "", nil)
	add(tar.Header{Typeflag: tar.TypeChar, Name: "char", Devmajor: 8, Devminor: 17}, "", nil)
	file("names", "many", nil)
	for i := range 30 {
		add(tar.Header{Typeflag: tar.TypeLink, Name: fmt.Sprintf("names.d/%0*d", 20+i%100, i), Linkname: "names"}, "", nil)
	}
	acl, err := attr.ParseACLText("u::rw-,u:7:r--,g::r--,m::r--,o::r--")
	if err != nil {
		t.Fatal(err)
	}
	few, several, many := map[string]string{"user.a": "b", "user.c": "d"}, map[string]string{}, map[string]string{}
	for i := range 12 {
		several[fmt.Sprintf("user.name%d", i)] = bytesOf(30 + i)
	}
	for i := range 300 {
		many[fmt.Sprintf("user.attribute-with-a-longer-name-%d", i)] = bytesOf(1 + i%40)
	}
	file("attr-short", "", few)
	file("attr-leaf", "", several)
	file("attr-node", "", many)
	file("attr-remote", "", map[string]string{"user.one": bytesOf(3000), "user.two": bytesOf(4000)})
	file("attr-acl", "", map[string]string{"system.posix_acl_access": string(acl.Host())})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// ino is the inode of a path.
func (b *bed) ino(dev *device.Memory, path string) format.Ino {
	b.Helper()
	v, err := volume.Open(stayOpen{dev}, volume.Options{})
	b.must(err)
	i, err := v.LookupLink(path)
	b.must(err)
	return i.Ino
}

// inode changes an inode and gives it a right checksum.
func (b *bed) inode(dev *device.Memory, path string, change func(raw []byte)) {
	b.Helper()
	b.inodeAt(dev, b.ino(dev, path), change)
}

func (b *bed) inodeAt(dev *device.Memory, ino format.Ino, change func(raw []byte)) {
	b.Helper()
	b.bytes(dev, b.geo.InoOffset(ino), b.geo.InodeSize, func(p []byte) {
		change(p)
		format.SetChecksum(p, format.DiCRC)
	})
}

// bytes changes bytes of an image.
func (b *bed) bytes(dev *device.Memory, off int64, n int, change func(p []byte)) {
	b.Helper()
	p := make([]byte, n)
	_, err := dev.ReadAt(p, off)
	b.must(err)
	change(p)
	_, err = dev.WriteAt(p, off)
	b.must(err)
}

// owned are the blocks of a type that belong to an inode, in order of their places.
func (b *bed) owned(dev *device.Memory, path string, typ *format.BlockType) (list []damage.Structure) {
	b.Helper()
	ino := b.ino(dev, path)
	m, err := damage.Open(stayOpen{dev})
	b.must(err)
	for _, s := range m.Structures {
		same := s.Type == typ || typ == format.TypeDirNode && s.Type == format.TypeAttrNode
		if !same {
			continue
		}
		head := make([]byte, typ.Table.Size)
		_, err := dev.ReadAt(head, s.Off)
		b.must(err)
		if typ.OwnerIno.Get(head) == ino {
			list = append(list, s)
		}
	}
	return list
}

// part changes block i of a type that belongs to an inode, and gives it a right checksum.
func (b *bed) part(dev *device.Memory, path string, typ *format.BlockType, i int, change func(p []byte)) {
	b.Helper()
	list := b.owned(dev, path, typ)
	if i >= len(list) {
		b.Fatalf("%s has %d blocks of type %v", path, len(list), typ)
	}
	b.bytes(dev, list[i].Off, list[i].Len, func(p []byte) {
		change(p)
		typ.SetChecksum(p)
	})
}

// entryAt is where the entry of a name starts in a block of a directory.
func entryAt(p []byte, name string) int {
	for off := format.DirData.Size; off < len(p); {
		it, _ := format.NextDirItem(p, off, len(p))
		if it.Size == 0 {
			break
		}
		if !it.Free && string(it.Name(p)) == name {
			return off
		}
		off += it.Size
	}
	panic("no entry " + name)
}

// shortAt is where the entry of a name starts in an inode with a shortform directory.
func shortAt(raw []byte, name string) int {
	b := raw[format.Dinode.Size:]
	for off := format.DirSFSize(format.DirSFInoSize(b)); ; {
		e := format.NextDirSF(b, off)
		if string(e.Name()) == name {
			return format.Dinode.Size + off
		}
		off += len(e)
	}
}

// TestFileFaults makes files, directories and attributes wrong, and sees that each code about
// them is found.
func TestFileFaults(t *testing.T) {
	b := newFileBed(t, mkfs.Config{})
	for _, faults := range [][]fault{chunkFaults, inodeFaults, dirFaults, linkFaults, attrFaults} {
		b.run(t, faults)
	}
}

// TestFileCodes sees that there is a fault for each code about files.
func TestFileCodes(t *testing.T) {
	tested := map[string]bool{"inode.reflink-stale": true} // in TestStaleReflink
	for _, faults := range [][]fault{chunkFaults, inodeFaults, dirFaults, linkFaults, attrFaults} {
		for _, f := range faults {
			for _, c := range strings.Fields(f.want) {
				tested[c] = true
			}
		}
	}
	areas := "chunk finobt inode fork symlink quota dir entry link unlinked attr parent"
	for _, c := range check.Codes() {
		area, _, _ := strings.Cut(c.Name, ".")
		if strings.Contains(" "+areas+" ", " "+area+" ") && !tested[c.Name] {
			t.Errorf("no fault gives %v", c)
		}
		if c.Means == "" || c.Lost == "" || c.Repair == "" || c.Summary == "" {
			t.Errorf("%v is not explained", c)
		}
	}
}

// TestPaths tells the paths of what findings are about.
func TestPaths(t *testing.T) {
	b := newFileBed(t, mkfs.Config{})
	for _, path := range []string{"/", "/small", "/loop/a/b/c", "/loop", "/node/sub", "/names.d", "/symlink-400"} {
		d := b.dev.Clone()
		b.inode(d, path, func(raw []byte) { format.DiNBlocks.Put(raw, 999) })
		r := b.check(d, check.Options{})
		if len(r.Findings) != 1 || r.Findings[0].Path != path {
			t.Errorf("%s: %d findings, the first about %q", path, len(r.Findings), r.Findings[0].Path)
		}
	}
	// Of several names there is one, and none where none leads.
	d := b.dev.Clone()
	b.inode(d, "/names", func(raw []byte) { format.DiNBlocks.Put(raw, 999) })
	b.remove(d)
	for _, f := range b.check(d, check.Options{}).Findings {
		want := ""
		if f.Code == check.InodeBlocks {
			want = "/names"
		}
		if f.Path != want {
			t.Errorf("%v: path %q, want %q", f.Code, f.Path, want)
		}
	}
}
