package source

import (
	"context"
	"errors"

	"github.com/cowfs/cowfs/format"
)

const (
	modeType = format.ModeType
	modeLink = format.ModeLink
)

func (n *Node) isDir() bool { return n.Mode&modeType == format.ModeDir }

// ErrChanged is the class of errors about a file that is no longer what was scanned.
var ErrChanged = errors.New("changed while it was read")

var errNotYet = errors.New("source: not there yet")

// ScanDir reads a directory of the host.
func ScanDir(ctx context.Context, root string, o Options) (*Tree, error) { return nil, errNotYet }

// ReadTar reads tar archives, applied on one another in order.
func ReadTar(ctx context.Context, layers []string, o Options) (*Tree, error) { return nil, errNotYet }

// ReadOCI reads an image.
func ReadOCI(ctx context.Context, ref string, o Options) (*Tree, error) { return nil, errNotYet }
