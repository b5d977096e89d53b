package e2e

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// entry is one entry of a layer: a directory when its name ends in a slash, a hard link or a
// symbolic link when it says so, else a file.
type entry struct{ name, content, hard, soft string }

// layerTar is a layer as an archive.
func layerTar(t testing.TB, entries []entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: 0o644, ModTime: time.Unix(1_600_000_000, 0), Typeflag: tar.TypeReg, Size: int64(len(e.content))}
		switch {
		case e.name[len(e.name)-1] == '/':
			h.Typeflag, h.Mode = tar.TypeDir, 0o755
		case e.hard != "":
			h.Typeflag, h.Linkname = tar.TypeLink, e.hard
		case e.soft != "":
			h.Typeflag, h.Linkname = tar.TypeSymlink, e.soft
		}
		must(t, w.WriteHeader(h))
		_, err := io.WriteString(w, e.content)
		must(t, err)
	}
	must(t, w.Close())
	return b.Bytes()
}

var (
	// Three layers that use each rule: a file replaced, removed by a whiteout, a directory made
	// opaque, a directory replaced by a file and the reverse, links across layers, and parents
	// that no layer names.
	layers = [][]entry{
		{
			{name: "bin/"}, {name: "bin/tool", content: "old tool"}, {name: "bin/gone", content: "x"}, {name: "bin/alias", hard: "bin/tool"},
			{name: "etc/"}, {name: "etc/conf", content: "1"}, {name: "etc/link", soft: "conf"},
			{name: "opaque/"}, {name: "opaque/hidden", content: "x"}, {name: "opaque/sub/"}, {name: "opaque/sub/hidden", content: "x"},
			{name: "becomes-file/"}, {name: "becomes-file/inside", content: "x"}, {name: "becomes-dir", content: "x"},
			{name: "removed/"}, {name: "removed/inside", content: "x"},
		},
		{
			{name: "bin/tool", content: "new tool"}, {name: "bin/.wh.gone"}, {name: ".wh.removed"},
			{name: "opaque/.wh..wh..opq"}, {name: "opaque/fresh", content: "fresh"},
			{name: "becomes-file", content: "a file"}, {name: "becomes-dir/"}, {name: "becomes-dir/inside", content: "y"},
			{name: "unnamed/parent/file", content: "deep"},
		},
		{
			{name: "etc/conf", content: "3"}, {name: "etc/hard", hard: "bin/tool"}, {name: "removed/"}, {name: "removed/again", content: "back"},
		},
	}
	flattened = map[string]string{
		"bin": "/", "bin/tool": "new tool", "bin/alias": "old tool", "etc": "/", "etc/conf": "3", "etc/link": "-> conf", "etc/hard": "new tool",
		"opaque": "/", "opaque/fresh": "fresh", "becomes-file": "a file", "becomes-dir": "/", "becomes-dir/inside": "y",
		"removed": "/", "removed/again": "back", "unnamed": "/", "unnamed/parent": "/", "unnamed/parent/file": "deep",
	}
)

// checkFlattened compares an image with what the layers should have become.
func checkFlattened(t *testing.T, image string) {
	t.Helper()
	oracle.RepairClean(t, oracle.Gen7, image)
	m := oracle.Mount(t, image, oracle.MountOptions{ReadOnly: true})
	defer m.Unmount()
	got := make(map[string]string)
	must(t, filepath.WalkDir(m.Dir, func(p string, d os.DirEntry, err error) error {
		if err != nil || p == m.Dir {
			return err
		}
		rel := p[len(m.Dir)+1:]
		switch {
		case d.IsDir():
			got[rel] = "/"
		case d.Type()&os.ModeSymlink != 0:
			target, err := os.Readlink(p)
			got[rel] = "-> " + target
			return err
		default:
			b, err := os.ReadFile(p)
			got[rel] = string(b)
			return err
		}
		return nil
	}))
	if diff := cmp.Diff(flattened, got); diff != "" {
		t.Errorf("the layers are not applied (-want +got):\n%s", diff)
	}
}

func TestTarLayers(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	var args []string
	for _, l := range layers {
		p := filepath.Join(t.TempDir(), "layer.tar")
		must(t, os.WriteFile(p, layerTar(t, l), 0o644))
		args = append(args, "--tar", p)
	}
	checkFlattened(t, newImage(t, "400m", args...))
}

// containerImage packs the layers, with gzip, as registries hold them.
func containerImage(t testing.TB) v1.Image {
	t.Helper()
	img := v1.Image(empty.Image)
	for _, l := range layers {
		b := layerTar(t, l)
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil })
		must(t, err)
		img, err = mutate.AppendLayers(img, layer)
		must(t, err)
	}
	return img
}

func TestOCILayout(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	dir := t.TempDir()
	l, err := layout.Write(dir, empty.Index)
	must(t, err)
	// Another image comes first, so that the tag matters.
	must(t, l.AppendImage(empty.Image, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": "other"})))
	must(t, l.AppendImage(containerImage(t), layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": "v1"})))
	checkFlattened(t, newImage(t, "400m", "--oci", dir+":v1"))

	if r := mkcowfs(t, "--size", "400m", "--oci", dir+":v2", filepath.Join(t.TempDir(), "image")); r.Exit == 0 {
		t.Error("a tag that is not there is accepted")
	}
}

func TestDockerArchive(t *testing.T) {
	t.Parallel()
	needMkcowfs(t)
	archive := filepath.Join(t.TempDir(), "saved.tar")
	tag, err := name.NewTag("example/tool:v1")
	must(t, err)
	must(t, tarball.WriteToFile(archive, tag, containerImage(t)))
	checkFlattened(t, newImage(t, "400m", "--oci", archive))
}
