package mkfs

import (
	"context"
	"os"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/source"
)

// Source says what goes into the image: at most one of Dir, Tars and OCI; without any the image
// is empty.
type Source struct {
	Dir  string   // a directory of the host
	Tars []string // archives, applied on one another in order; "-" is Options.Stdin
	OCI  string   // an OCI layout or docker archive, PATH[:TAG]

	Options source.Options
}

// Given reports whether there is any content.
func (s *Source) Given() bool { return s.Dir != "" || len(s.Tars) > 0 || s.OCI != "" }

// open reads the source's tree.
func (s *Source) open(ctx context.Context, t *target) (*source.Tree, error) {
	o := s.Options
	given := 0
	for _, has := range []bool{s.Dir != "", len(s.Tars) > 0, s.OCI != ""} {
		if has {
			given++
		}
	}
	switch {
	case given == 0:
		return nil, nil
	case given > 1:
		return nil, conflict("only one of --root, --tar and --oci can be given")
	case s.Dir != "":
		if info, err := os.Stat(s.Dir); err == nil && info.Mode().IsRegular() {
			return nil, conflictf("%s is a file; content comes from a directory, --tar or --oci, and prototype files are not supported", s.Dir)
		}
		o.SkipFile = t.id()
		return source.ScanDir(ctx, s.Dir, o)
	case s.OCI != "":
		return source.ReadOCI(ctx, s.OCI, o)
	}
	return source.ReadTar(ctx, s.Tars, o)
}

// contentBytes is about what a tree takes in an image, in bytes.
func contentBytes(t *source.Tree, c *Config) uint64 {
	block := uint64(c.blockSize())
	bytes := uint64(t.Len()) * max(format.MinInodeSize, uint64(c.InodeSize))
	for i := range t.Len() {
		id := source.ID(i)
		switch n := t.Node(id); n.Mode & format.ModeType {
		case format.ModeDir:
			if names := uint64(t.NumEntries(id)); names > 16 {
				bytes += roundUp(names*40, block)
			}
		case format.ModeReg:
			ranges := t.Extents(id)
			if ranges == nil {
				bytes += roundUp(uint64(n.Size), block)
			}
			for _, r := range ranges {
				bytes += roundUp(uint64(r.Len), block)
			}
		}
	}
	return bytes + bytes/64 + 8*mib // and a log
}
