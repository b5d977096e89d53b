package source

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
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

// layersOf pairs the openers of an image's layers, the lowest first, with the digests that its
// configuration gives them.
func layersOf(config []byte, open []func() (io.ReadCloser, error)) ([]imageLayer, error) {
	c, err := v1.ParseConfigFile(bytes.NewReader(config))
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	if len(open) != len(c.RootFS.DiffIDs) {
		return nil, fmt.Errorf("image has %d layers, its configuration names %d", len(open), len(c.RootFS.DiffIDs))
	}
	out := make([]imageLayer, len(open))
	for i, o := range open {
		out[i] = imageLayer{c.RootFS.DiffIDs[i], o}
	}
	return out, nil
}

// maxDocument bounds the indexes, manifests and configurations that are read, in bytes.
const maxDocument = 64 << 20

// readDocument reads a small part of an image, and closes it.
func readDocument(r io.ReadCloser) ([]byte, error) {
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, maxDocument+1))
	if err == nil && len(b) > maxDocument {
		err = fmt.Errorf("longer than %d bytes", maxDocument)
	}
	return b, err
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
