package source

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Names that an OCI layout's index gives to images.
const (
	refName        = "org.opencontainers.image.ref.name"
	containerdName = "io.containerd.image.name"
)

// ociLayout is the path of an OCI layout folder. Of go-containerregistry only the documents'
// types are used: its readers of layouts bring in half a registry client, which every start of the
// program would pay for.
type ociLayout string

// fromLayout finds an image in an OCI layout folder.
func fromLayout(path, tag string) ([]imageLayer, error) {
	if _, err := os.Stat(filepath.Join(path, "oci-layout")); err != nil {
		return nil, fmt.Errorf("not an OCI layout: %w", err)
	}
	f, err := os.Open(filepath.Join(path, "index.json"))
	if err != nil {
		return nil, err
	}
	b, err := readDocument(f)
	if err != nil {
		return nil, fmt.Errorf("index.json: %w", err)
	}
	index, err := v1.ParseIndexManifest(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("index.json: %w", err)
	}
	found, err := matchRef(index.Manifests, tag)
	if err != nil {
		return nil, err
	}
	l := ociLayout(path)
	m, err := l.pickImage(found, 0)
	if err != nil {
		return nil, err
	}
	config, err := l.document(m.Config.Digest)
	if err != nil {
		return nil, err
	}
	var open []func() (io.ReadCloser, error)
	for _, d := range m.Layers {
		open = append(open, func() (io.ReadCloser, error) { return l.blob(d.Digest) })
	}
	return layersOf(config, open)
}

// blob opens the blob of a digest. Its content is not compared with that.
func (l ociLayout) blob(h v1.Hash) (io.ReadCloser, error) {
	return os.Open(filepath.Join(string(l), "blobs", h.Algorithm, h.Hex))
}

// document reads a blob that is an index, a manifest or a configuration, and compares it with the
// digest that led to it.
func (l ociLayout) document(h v1.Hash) ([]byte, error) {
	r, err := l.blob(h)
	if err != nil {
		return nil, err
	}
	b, err := readDocument(r)
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", h, err)
	}
	sum := sha256.Sum256(b)
	if got := hex.EncodeToString(sum[:]); h.Algorithm != "sha256" || got != h.Hex {
		return nil, fmt.Errorf("blob %s: %w: got sha256:%s", h, ErrDigest, got)
	}
	return b, nil
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
func (l ociLayout) pickImage(all []v1.Descriptor, depth int) (*v1.Manifest, error) {
	if depth > maxIndexDepth {
		return nil, fmt.Errorf("indexes lie too deep in one another")
	}
	var images []v1.Descriptor
	var platforms []string
	for _, d := range all {
		switch {
		case d.MediaType.IsIndex():
			b, err := l.document(d.Digest)
			if err != nil {
				return nil, err
			}
			inner, err := v1.ParseIndexManifest(bytes.NewReader(b))
			if err != nil {
				return nil, fmt.Errorf("blob %s: %w", d.Digest, err)
			}
			m, err := l.pickImage(inner.Manifests, depth+1)
			if err == nil || len(all) == 1 {
				return m, err
			}
		case d.MediaType.IsImage() && !isAttestation(d):
			images = append(images, d)
			platforms = append(platforms, platformOf(d))
		}
	}
	want := "linux/" + runtime.GOARCH
	for i, d := range images {
		if len(images) == 1 && d.Platform == nil || platforms[i] == want || strings.HasPrefix(platforms[i], want+"/") {
			return l.manifest(d.Digest)
		}
	}
	return nil, fmt.Errorf("%w for %s; there is %s", ErrNoImage, want, list(platforms))
}

func (l ociLayout) manifest(h v1.Hash) (*v1.Manifest, error) {
	b, err := l.document(h)
	if err != nil {
		return nil, err
	}
	m, err := v1.ParseManifest(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", h, err)
	}
	return m, nil
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
