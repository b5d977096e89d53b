package source

import (
	"archive/tar"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// savedImage is what manifest.json in an archive of docker save says of an image: the names of
// members of the archive, layers from the lowest on.
type savedImage struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// fromArchive finds an image in what docker save made.
func fromArchive(archive, tag string) ([]imageLayer, error) {
	b, err := readMember(archive, "manifest.json")
	if err != nil {
		return nil, fmt.Errorf("not an archive of docker save: %w", err)
	}
	var all []savedImage
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, fmt.Errorf("not an archive of docker save: manifest.json: %w", err)
	}
	img, err := matchTag(all, tag)
	if err != nil {
		return nil, err
	}
	config, err := readMember(archive, img.Config)
	if err != nil {
		return nil, err
	}
	var open []func() (io.ReadCloser, error)
	for _, name := range img.Layers {
		open = append(open, func() (io.ReadCloser, error) { return openMember(archive, name) })
	}
	return layersOf(config, open)
}

// matchTag finds the image that a tag means: NAME:TAG is given, or TAG alone. Without a tag it is
// the only image.
func matchTag(all []savedImage, tag string) (*savedImage, error) {
	var names []string
	for i := range all {
		for _, full := range all[i].RepoTags {
			if tag != "" && (full == tag || strings.HasSuffix(full, ":"+tag)) {
				return &all[i], nil
			}
			names = append(names, full)
		}
	}
	switch {
	case tag != "":
		return nil, fmt.Errorf("%w: %q; there is %s", ErrNoImage, tag, list(names))
	case len(all) != 1:
		return nil, fmt.Errorf("%w without a tag; there is %s", ErrNoImage, list(names))
	}
	return &all[0], nil
}

// maxMemberLinks is how many links lead from one member of an archive to another: old layers that
// are the same are one member and links to it.
const maxMemberLinks = 8

// openMember opens a member of a tar archive.
func openMember(archive, name string) (io.ReadCloser, error) {
	f, err := os.Open(archive)
	if err != nil {
		return nil, err
	}
	r, err := findMember(f, name)
	if err != nil {
		f.Close()
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{r, f}, nil
}

func findMember(f *os.File, name string) (io.Reader, error) {
	want := path.Clean(name)
	for range maxMemberLinks {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		r := tar.NewReader(f)
		h, err := r.Next()
		for err == nil && path.Clean(h.Name) != want {
			h, err = r.Next()
		}
		switch {
		case err == io.EOF:
			return nil, fmt.Errorf("%s: %w in the archive", name, os.ErrNotExist)
		case err != nil:
			return nil, err
		case h.Typeflag == tar.TypeSymlink:
			want = path.Join(path.Dir(want), h.Linkname)
		case h.Typeflag == tar.TypeLink:
			want = path.Clean(h.Linkname)
		default:
			return r, nil
		}
	}
	return nil, fmt.Errorf("%s: too many links in the archive", name)
}

func readMember(archive, name string) ([]byte, error) {
	r, err := openMember(archive, name)
	if err != nil {
		return nil, err
	}
	b, err := readDocument(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return b, nil
}
