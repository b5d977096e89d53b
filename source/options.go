package source

import (
	"io"
)

// Owner is a user and a group.
type Owner struct{ UID, GID uint32 }

// IDMap maps Count user or group IDs of the source, from Outside on, to as many in the image,
// from Inside on; as the maps of a Linux user namespace do.
type IDMap struct{ Inside, Outside, Count uint32 }

// FileID names a file of the host.
type FileID struct{ Dev, Ino uint64 }

// Options say what to take from a source and what to change on the way. The zero value takes
// everything as it is.
type Options struct {
	// Owner, when not nil, owns everything.
	Owner *Owner
	// AllRoot is Owner{0, 0}.
	AllRoot bool
	// UIDMap and GIDMap change owners, and the users and groups that ACLs name. An ID that a
	// map does not cover is an error. An empty map changes nothing.
	UIDMap, GIDMap []IDMap
	// Exclude has glob patterns for paths below the root, e.g. "usr/share/doc/*", "**/*.o". A
	// leading slash is allowed. * and ? stop at slashes, ** does not. A directory that matches
	// is left out with all that it holds; x/** matches x, too, and x/* only what is in it.
	Exclude []string
	// ClampMtime, in seconds since 1970: later modification times become this one.
	ClampMtime *int64
	// NoXattrs leaves extended attributes out, ACLs among them.
	NoXattrs bool
	// SkipFile, when not nil, is a file that ScanDir leaves out: the image, when it lies in its
	// own source.
	SkipFile *FileID
	// Stdin is what the archive "-" is read from.
	Stdin io.Reader
	// SpoolDir is where ReadTar and ReadOCI put contents that cannot be read in place:
	// compressed ones, and those from a pipe. Empty: os.TempDir.
	SpoolDir string
	// Progress, when not nil, is called now and then with the number of nodes found so far,
	// from any goroutine but one at a time.
	Progress func(nodes int)
}
