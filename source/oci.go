package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Errors about container images.
var (
	ErrNoImage = errors.New("no such image")
	ErrDigest  = errors.New("content does not have the digest that its image names")
)

// ReadOCI reads a container image: ref is the path of an OCI layout folder or of an archive as
// docker save makes it, followed by :TAG or :NAME:TAG when it holds several images. Of an image for several
// platforms it takes the one for Linux on this machine's architecture.
func ReadOCI(ctx context.Context, ref string, o Options) (*Tree, error) {
	r, err := o.compile()
	if err != nil {
		return nil, err
	}
	layers, err := findImage(ref)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ref, err)
	}
	a := newArchives(ctx, r)
	a.b.whiteouts = true
	for _, l := range layers {
		if err := a.readLayer(l); err != nil {
			a.store.Close()
			return nil, fmt.Errorf("%s: %w", ref, err)
		}
	}
	return a.finish(), nil
}

// imageLayer is a layer of an image, to be opened.
type imageLayer struct {
	diffID v1.Hash // of the unpacked archive
	open   func() (io.ReadCloser, error)
}

func findImage(ref string) ([]imageLayer, error) {
	path, tag := splitRef(ref)
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if st.IsDir() {
		return fromLayout(path, tag)
	}
	return fromArchive(path, tag)
}

// splitRef cuts PATH:TAG, where both may have colons: PATH is the longest that exists.
func splitRef(ref string) (path, tag string) {
	for i := len(ref); i > 0; i = strings.LastIndexByte(ref[:i], ':') {
		if _, err := os.Stat(ref[:i]); err == nil {
			return ref[:i], strings.TrimPrefix(ref[i:], ":")
		}
	}
	return ref, ""
}

// readLayer puts a layer over those before. What is in it is sure to be what the image names: an
// archive without an end marker is complete.
func (a *archives) readLayer(l imageLayer) error {
	what := "layer " + l.diffID.String()
	f, err := l.open()
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	defer f.Close()
	z, err := decompress(f)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	defer z.Close()
	in := &spoolInput{r: z, hash: sha256.New()}
	if err := a.readSpooled(in, what, false); err != nil {
		return err
	}
	if got := hex.EncodeToString(in.hash.Sum(nil)); l.diffID.Algorithm != "sha256" || got != l.diffID.Hex {
		return fmt.Errorf("%s: %w: got sha256:%s", what, ErrDigest, got)
	}
	return nil
}

// fromArchive finds an image in what docker save made.
func fromArchive(path, tag string) ([]imageLayer, error) {
	manifest, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(path) })
	if err != nil {
		return nil, fmt.Errorf("not an archive of docker save: %w", err)
	}
	full, err := matchTag(manifest, tag)
	if err != nil {
		return nil, err
	}
	var want *name.Tag
	if full != "" {
		t, err := name.NewTag(full)
		if err != nil {
			return nil, err
		}
		want = &t
	}
	img, err := tarball.ImageFromPath(path, want)
	if err != nil {
		return nil, err
	}
	return layersOf(img, v1.Layer.Uncompressed)
}

// matchTag finds the full name of an image in the archive: NAME:TAG is given, or TAG alone.
// Without a tag it is "", and the only image is meant.
func matchTag(m tarball.Manifest, tag string) (string, error) {
	var all []string
	for _, image := range m {
		for _, full := range image.RepoTags {
			if tag != "" && (full == tag || strings.HasSuffix(full, ":"+tag)) {
				return full, nil
			}
			all = append(all, full)
		}
	}
	switch {
	case tag != "":
		return "", fmt.Errorf("%w: %q; there is %s", ErrNoImage, tag, list(all))
	case len(m) != 1:
		return "", fmt.Errorf("%w without a tag; there is %s", ErrNoImage, list(all))
	}
	return "", nil
}

// Names that an OCI layout's index gives to images.
const (
	refName        = "org.opencontainers.image.ref.name"
	containerdName = "io.containerd.image.name"
)

// fromLayout finds an image in an OCI layout folder.
func fromLayout(path, tag string) ([]imageLayer, error) {
	if _, err := os.Stat(filepath.Join(path, "oci-layout")); err != nil {
		return nil, fmt.Errorf("not an OCI layout: %w", err)
	}
	index, err := layout.ImageIndexFromPath(path)
	if err != nil {
		return nil, err
	}
	m, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	found, err := matchRef(m.Manifests, tag)
	if err != nil {
		return nil, err
	}
	img, err := pickImage(index, found, 0)
	if err != nil {
		return nil, err
	}
	manifest, err := img.Manifest()
	if err != nil {
		return nil, err
	}
	if err := verify(img.RawConfigFile, manifest.Config.Digest); err != nil {
		return nil, err
	}
	return layersOf(img, v1.Layer.Compressed)
}

// matchRef finds the images of a layout that have a tag; without one, all when they have at most
// one name.
func matchRef(all []v1.Descriptor, tag string) ([]v1.Descriptor, error) {
	var found []v1.Descriptor
	var names []string
	for _, d := range all {
		name := d.Annotations[refName]
		if name == "" {
			name = d.Annotations[containerdName]
		}
		if name != "" {
			names = append(names, name)
		}
		if tag == "" || name == tag || strings.HasSuffix(name, ":"+tag) || d.Annotations[containerdName] == tag {
			found = append(found, d)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%w: %q; there is %s", ErrNoImage, tag, list(names))
	}
	if tag == "" && len(names) > 1 {
		return nil, fmt.Errorf("%w without a tag; there is %s", ErrNoImage, list(names))
	}
	return found, nil
}

// maxIndexDepth bounds how deep an index may lie in others.
const maxIndexDepth = 4

// pickImage takes of several images, or indexes of them, the one for this machine.
func pickImage(index v1.ImageIndex, all []v1.Descriptor, depth int) (v1.Image, error) {
	if depth > maxIndexDepth {
		return nil, fmt.Errorf("indexes lie too deep in one another")
	}
	var images []v1.Descriptor
	var platforms []string
	for _, d := range all {
		switch {
		case d.MediaType.IsIndex():
			inner, err := index.ImageIndex(d.Digest)
			if err != nil {
				return nil, err
			}
			if err := verify(inner.RawManifest, d.Digest); err != nil {
				return nil, err
			}
			m, err := inner.IndexManifest()
			if err != nil {
				return nil, err
			}
			if len(all) == 1 {
				return pickImage(inner, m.Manifests, depth+1)
			}
			if img, err := pickImage(inner, m.Manifests, depth+1); err == nil {
				return img, nil
			}
		case d.MediaType.IsImage() && !isAttestation(d):
			images = append(images, d)
			platforms = append(platforms, platformOf(d))
		}
	}
	want := "linux/" + runtime.GOARCH
	for i, d := range images {
		if len(images) == 1 && d.Platform == nil || platforms[i] == want || strings.HasPrefix(platforms[i], want+"/") {
			img, err := index.Image(d.Digest)
			if err != nil {
				return nil, err
			}
			return img, verify(img.RawManifest, d.Digest)
		}
	}
	return nil, fmt.Errorf("%w for %s; there is %s", ErrNoImage, want, list(platforms))
}

// isAttestation reports whether a descriptor is that of a statement about another image.
func isAttestation(d v1.Descriptor) bool {
	return d.Annotations["vnd.docker.reference.type"] != ""
}

func platformOf(d v1.Descriptor) string {
	if d.Platform == nil {
		return "an image for no platform"
	}
	p := d.Platform.OS + "/" + d.Platform.Architecture
	if d.Platform.Variant != "" {
		p += "/" + d.Platform.Variant
	}
	return p
}

// verify compares the digest of a manifest or a configuration with the one that led to it.
func verify(raw func() ([]byte, error), want v1.Hash) error {
	b, err := raw()
	if err != nil {
		return err
	}
	sum := sha256.Sum256(b)
	if got := hex.EncodeToString(sum[:]); want.Algorithm != "sha256" || got != want.Hex {
		return fmt.Errorf("blob %s: %w: got sha256:%s", want, ErrDigest, got)
	}
	return nil
}

// layersOf lists an image's layers, the lowest first, with the digests that its configuration
// gives them.
func layersOf(img v1.Image, open func(v1.Layer) (io.ReadCloser, error)) ([]imageLayer, error) {
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	layers, err := img.Layers()
	if err != nil {
		return nil, err
	}
	if len(layers) != len(config.RootFS.DiffIDs) {
		return nil, fmt.Errorf("image has %d layers, its configuration names %d", len(layers), len(config.RootFS.DiffIDs))
	}
	out := make([]imageLayer, len(layers))
	for i, l := range layers {
		out[i] = imageLayer{config.RootFS.DiffIDs[i], func() (io.ReadCloser, error) { return open(l) }}
	}
	return out, nil
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
