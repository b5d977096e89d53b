package volume_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/source"
	"github.com/cowfs/cowfs/volume"
)

// content is what file number n of the test image holds.
func content(n, size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i*i>>3 + n)
	}
	return b
}

// longTarget is the target of a link that does not fit in an inode.
var longTarget = strings.Repeat("x/../", 180) + "files/small"

// archive is the content of the test image: directories in all forms, files, links, devices and
// attributes in all forms. badLinks are links that lead nowhere.
func archive(t testing.TB, names int, badLinks bool) []byte {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	add := func(h tar.Header, data []byte) {
		h.ModTime = time.Unix(1_700_000_000, 123_456_789)
		h.Format = tar.FormatPAX
		h.Size = int64(len(data))
		check(t, w.WriteHeader(&h))
		_, err := w.Write(data)
		check(t, err)
	}
	dir := func(name string) { add(tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755}, nil) }
	file := func(name string, data []byte, xattrs map[string]string) {
		add(tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o4644, Uid: 7, Gid: 70_000, PAXRecords: xattrs}, data)
	}
	link := func(name, target string) {
		add(tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}, nil)
	}
	xattrs := func(n, size int) map[string]string {
		m := map[string]string{}
		for i := range n {
			m[fmt.Sprintf("SCHILY.xattr.user.number-%d", i)] = strings.Repeat("v", size*(i+1))
		}
		return m
	}
	for _, d := range []string{"files", "x", "links", "dev", "dirs", "attrs"} {
		dir(d)
	}
	file("files/empty", nil, nil)
	file("files/small", content(1, 100), nil)
	file("files/large", content(2, 300_000), nil)
	for i, target := range []string{"../files/small", "/files/small", "/", "../../../files"} {
		link(fmt.Sprintf("links/%d", i), target)
	}
	if badLinks {
		dir("bad")
		for i, target := range []string{"loop", "/files/small/", "nowhere", "../bad/3/x"} {
			link(fmt.Sprintf("bad/%d", i), target)
		}
		link("bad/loop", "loop")
	}
	link("links/long", "../"+longTarget)
	add(tar.Header{Typeflag: tar.TypeLink, Name: "links/hard", Linkname: "files/large"}, nil)
	add(tar.Header{Typeflag: tar.TypeChar, Name: "dev/null", Mode: 0o666, Devmajor: 1, Devminor: 3}, nil)
	add(tar.Header{Typeflag: tar.TypeFifo, Name: "dev/fifo", Mode: 0o600}, nil)
	for _, n := range []int{0, 3, names / 20, names / 4, names} { // shortform, block, leaf, node
		d := fmt.Sprintf("dirs/%d", n)
		dir(d)
		for i := range n { // most are names of one inode, which so has many parent pointers
			name := fmt.Sprintf("%s/%05d-%s", d, i, strings.Repeat("n", i%60))
			if i%10 == 0 {
				file(name, nil, nil)
			} else {
				add(tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: "files/empty"}, nil)
			}
		}
	}
	file("attrs/short", nil, xattrs(2, 10))
	file("attrs/leaf", nil, xattrs(5, 100))
	file("attrs/node", nil, xattrs(60, 10))
	file("attrs/remote", nil, map[string]string{"SCHILY.xattr.user.remote": string(content(3, 20_000))})
	check(t, w.Close())
	return buf.Bytes()
}

// buildImage makes an image of the archive and returns its path.
func buildImage(t testing.TB, config mkfs.Config, names int, badLinks bool) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image")
	_, err := mkfs.Make(t.Context(), mkfs.Job{
		Config: config, Path: path, Time: time.Unix(1_600_000_000, 0), Seed: new(uint64),
		Source: mkfs.Source{Tars: []string{"-"}, Options: source.Options{Stdin: bytes.NewReader(archive(t, names, badLinks))}},
	})
	check(t, err)
	return path
}

// buildVolume makes and opens an image of the archive with nodes in all forms of directories.
func buildVolume(t testing.TB) *volume.Volume {
	t.Helper()
	return open(t, buildImage(t, mkfs.Config{}, 3000, true))
}

// inMemory is a copy of an image in memory, to be damaged.
func inMemory(t testing.TB, path string) *device.Memory {
	t.Helper()
	f, err := device.Open(path, device.ReadOnly)
	check(t, err)
	defer f.Close()
	m := device.NewMemory(f.Size())
	buf := make([]byte, 1<<20)
	for off := int64(0); ; off += int64(len(buf)) {
		if off, err = device.SeekData(f, off); err != nil {
			return m
		}
		n := min(int64(len(buf)), f.Size()-off)
		_, err := f.ReadAt(buf[:n], off)
		check(t, err)
		_, err = m.WriteAt(buf[:n], off)
		check(t, err)
	}
}
