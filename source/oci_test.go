package source_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/source"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// image makes an image of layers; the last one has no end marker, as some builders leave it out.
func image(t testing.TB, layers ...[]member) v1.Image {
	t.Helper()
	img := empty.Image
	for i, members := range layers {
		b := pack(t, members...)
		if i == len(layers)-1 {
			b = b[:len(b)-1024]
		}
		l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil },
			tarball.WithMediaType(types.OCILayer))
		if err != nil {
			t.Fatal(err)
		}
		if img, err = mutate.AppendLayers(img, l); err != nil {
			t.Fatal(err)
		}
	}
	return mutate.MediaType(img, types.OCIManifestSchema1)
}

func marked(t testing.TB, mark string) v1.Image {
	return image(t, []member{file("lower", mark), file("gone", "x"), folder("d")}, []member{file(".wh.gone", ""), hardlink("d/link", "lower")})
}

const markedNames = "d d/link lower"

func tagged(tag string) layout.Option {
	return layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": tag})
}

func newLayout(t testing.TB) (layout.Path, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "oci")
	l, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	return l, dir
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// checkImage reads an image and expects the mark in it.
func checkImage(t *testing.T, ref, mark string) {
	t.Helper()
	tree, err := source.ReadOCI(context.Background(), ref, source.Options{SpoolDir: t.TempDir()})
	if err != nil {
		t.Errorf("%s: %v", ref, err)
		return
	}
	defer tree.Close()
	checkTree(t, tree)
	if diff := cmp.Diff(markedNames, names(tree)); diff != "" {
		t.Errorf("%s: %s", ref, diff)
	} else if got := string(content(t, tree, "d/link")); got != mark {
		t.Errorf("%s: image %q, want %q", ref, got, mark)
	}
}

func refused(t *testing.T, ref string, class error, want string) {
	t.Helper()
	_, err := source.ReadOCI(context.Background(), ref, source.Options{SpoolDir: t.TempDir()})
	if err == nil || class != nil && !errors.Is(err, class) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), ref) {
		t.Errorf("%s: got %v, want %s", ref, err, want)
	}
}

func TestOCILayout(t *testing.T) {
	l, dir := newLayout(t)
	refused(t, dir, source.ErrNoImage, "there is none")
	must(t, l.AppendImage(marked(t, "one"), tagged("v1")))
	checkImage(t, dir, "one")
	checkImage(t, dir+":v1", "one")
	must(t, l.AppendImage(marked(t, "two"), tagged("example.org/name:v2")))
	checkImage(t, dir+":v1", "one")
	checkImage(t, dir+":v2", "two")
	checkImage(t, dir+":example.org/name:v2", "two")
	refused(t, dir, source.ErrNoImage, "without a tag; there is v1, example.org/name:v2")
	refused(t, dir+":v3", source.ErrNoImage, `"v3"; there is v1, example.org/name:v2`)
	refused(t, t.TempDir(), nil, "not an OCI layout")
	refused(t, filepath.Join(dir, "none"), os.ErrNotExist, "none")

	colon := filepath.Join(filepath.Dir(dir), "with:colon")
	must(t, os.Rename(dir, colon))
	checkImage(t, colon+":v1", "one")
	refused(t, colon, source.ErrNoImage, "without a tag")
}

func TestOCIPlatforms(t *testing.T) {
	l, dir := newLayout(t)
	platform := func(img v1.Image, os, arch, variant string) mutate.IndexAddendum {
		return mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: os, Architecture: arch, Variant: variant}}}
	}
	attestation := platform(marked(t, "attestation"), "unknown", "unknown", "")
	attestation.Annotations = map[string]string{"vnd.docker.reference.type": "attestation-manifest"}
	index := mutate.AppendManifests(empty.Index, attestation, platform(marked(t, "windows"), "windows", runtime.GOARCH, ""),
		platform(marked(t, "other"), "linux", "s390", ""), platform(marked(t, "this"), "linux", runtime.GOARCH, "v8"))
	must(t, l.AppendIndex(index, tagged("many")))
	checkImage(t, dir, "this")
	foreign := mutate.AppendManifests(empty.Index, attestation, platform(marked(t, "other"), "linux", "s390", ""), platform(marked(t, "arm"), "linux", "m68k", "v7"))
	must(t, l.AppendIndex(foreign, tagged("foreign")))
	checkImage(t, dir+":many", "this")
	refused(t, dir+":foreign", source.ErrNoImage, "for linux/"+runtime.GOARCH+"; there is linux/s390, linux/m68k/v7")
}

// TestOCIDigests: every part of an image has a digest, and is what that says.
func TestOCIDigests(t *testing.T) {
	img := marked(t, "mark")
	m, err := img.Manifest()
	must(t, err)
	digest, err := img.Digest()
	must(t, err)
	for what, h := range map[string]v1.Hash{"manifest": digest, "configuration": m.Config.Digest, "layer": m.Layers[1].Digest} {
		l, dir := newLayout(t)
		must(t, l.AppendImage(img))
		checkImage(t, dir, "mark")
		blob := filepath.Join(dir, "blobs", h.Algorithm, h.Hex)
		old, err := os.ReadFile(blob)
		must(t, err)
		// Still valid, but another.
		replaced := append(bytes.Clone(old), ' ')
		if what == "layer" {
			replaced = gzipped(t, pack(t, file("evil", "")))
		}
		must(t, os.WriteFile(blob, replaced, 0o644))
		refused(t, dir, source.ErrDigest, "does not have the digest")
		must(t, os.WriteFile(blob, old[:len(old)/2], 0o644))
		refused(t, dir, nil, "")
		must(t, os.Remove(blob))
		refused(t, dir, os.ErrNotExist, h.Hex)
	}
}

func TestDockerSave(t *testing.T) {
	tag := func(s string) name.Tag {
		full, err := name.NewTag(s)
		must(t, err)
		return full
	}
	one := filepath.Join(t.TempDir(), "one.tar")
	must(t, tarball.WriteToFile(one, tag("example.org/app:v1"), marked(t, "one")))
	checkImage(t, one, "one")
	checkImage(t, one+":v1", "one")
	refused(t, one+":v9", source.ErrNoImage, `"v9"; there is example.org/app:v1`)

	many := filepath.Join(t.TempDir(), "many.tar")
	must(t, tarball.MultiWriteToFile(many, map[name.Tag]v1.Image{tag("example.org/app:v1"): marked(t, "one"), tag("example.org/app:v2"): marked(t, "two")}))
	checkImage(t, many+":v1", "one")
	checkImage(t, many+":v2", "two")
	checkImage(t, many+":example.org/app:v2", "two")
	refused(t, many, source.ErrNoImage, "without a tag")

	// Layers that are not compressed, as docker used to save them.
	plain := filepath.Join(t.TempDir(), "plain.tar")
	must(t, os.WriteFile(plain, uncompressed(t, one), 0o644))
	checkImage(t, plain, "one")

	// A layer that is a link to another member.
	for _, link := range []member{hardlink("x/layer", "blobs/layer"), symlink("x/layer", "../blobs/layer")} {
		linked := filepath.Join(t.TempDir(), "linked.tar")
		must(t, os.WriteFile(linked, lastLayerLinked(t, plain, link), 0o644))
		checkImage(t, linked, "one")
	}
	loop := filepath.Join(t.TempDir(), "loop.tar")
	must(t, os.WriteFile(loop, lastLayerLinked(t, plain, symlink("x/layer", "layer")), 0o644))
	refused(t, loop, nil, "too many links")

	junk := filepath.Join(t.TempDir(), "junk.tar")
	must(t, os.WriteFile(junk, pack(t, file("a", "")), 0o644))
	refused(t, junk, nil, "not an archive of docker save")
}

// lastLayerLinked makes the last layer of an archive of docker save the member blobs/layer, and
// names in its place the link x/layer.
func lastLayerLinked(t testing.TB, path string, link member) []byte {
	t.Helper()
	var members []member
	eachMember(t, path, func(name string, content []byte) {
		if name == "manifest.json" {
			var m []struct {
				Config           string
				RepoTags, Layers []string
			}
			must(t, json.Unmarshal(content, &m))
			last := &m[0].Layers[len(m[0].Layers)-1]
			for i := range members {
				if members[i].Name == *last {
					members[i].Name = "blobs/layer"
				}
			}
			*last = "x/layer"
			b, err := json.Marshal(m)
			must(t, err)
			content = b
		}
		members = append(members, file(name, string(content)))
	})
	members = append(members, link)
	return pack(t, members...)
}

// uncompressed unpacks the layers in an archive of docker save.
func uncompressed(t testing.TB, path string) []byte {
	t.Helper()
	var members []member
	eachMember(t, path, func(name string, content []byte) {
		if strings.HasSuffix(name, ".tar.gz") {
			content = gunzipped(t, content)
		}
		members = append(members, file(name, string(content)))
	})
	return pack(t, members...)
}

// eachMember calls do for all members of an archive.
func eachMember(t testing.TB, path string, do func(name string, content []byte)) {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if err == io.EOF {
			return
		}
		must(t, err)
		b, err := io.ReadAll(r)
		must(t, err)
		do(h.Name, b)
	}
}
