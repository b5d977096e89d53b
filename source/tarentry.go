package source

import (
	"archive/tar"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/cowfs/cowfs/attr"
	"github.com/cowfs/cowfs/format"
)

// Keys of PAX records that hold extended attributes and ACLs, and a record that says nothing
// about files.
const (
	paxXattr      = "SCHILY.xattr."
	paxBSDXattr   = "LIBARCHIVE.xattr."
	paxACLAccess  = "SCHILY.acl.access"
	paxACLDefault = "SCHILY.acl.default"
	paxComment    = "comment"
)

var (
	errMulti      = errors.New("continues a file of another volume; join the volumes first")
	errNegativeID = errors.New("user or group is not an ID")
)

// take adds an entry to the tree. It returns the bytes that the content takes in the archive.
func (l *layer) take(h *tar.Header) (int64, error) {
	switch h.Typeflag {
	case tar.TypeXGlobalHeader:
		for key := range h.PAXRecords {
			if key != paxComment {
				return 0, fmt.Errorf("a global header sets %q for all entries, which is not supported", key)
			}
		}
		return 0, nil
	case 'V': // name of the volume
		return l.contentSize(h, h.Size)
	case tar.TypeReg: // BSD's way of saying that it is a directory
		if h.Size == 0 && strings.HasSuffix(h.Name, "/") {
			h.Typeflag = tar.TypeDir
		}
	}
	size := h.Size
	var ranges []Range
	if isSparse(h) {
		var err error
		if ranges, size, err = sparseRanges(h, l.s.head); err != nil {
			return 0, err
		}
	}
	size, err := l.contentSize(h, size)
	if err != nil {
		return 0, err
	}
	path, err := cleanPath(h.Name)
	if err != nil {
		return 0, err
	}
	if l.b.whiteouts {
		if ok, err := l.b.whiteout(path); ok || err != nil {
			return size, err
		}
	}
	if h.Typeflag == tar.TypeLink {
		target, err := cleanPath(h.Linkname)
		if err != nil {
			return 0, fmt.Errorf("hard link to %q: %w", h.Linkname, err)
		}
		return size, l.b.hardLink(path, target)
	}
	n, err := l.node(h)
	if err != nil {
		return 0, err
	}
	if n.Mode&modeType == modeReg {
		off := l.start + l.s.pos
		if off > offsetMask {
			return 0, errTooFar
		}
		n.at = uint64(l.file)<<offsetBits | uint64(off)
		if ranges != nil {
			l.b.t.extents = append(l.b.t.extents, ranges)
			n.extents = uint32(len(l.b.t.extents))
		}
	}
	return size, l.b.put(path, n)
}

// contentSize checks that the content is all there, as far as that is known already. size is what
// the header says; some types of entries have none in spite of it.
func (l *layer) contentSize(h *tar.Header, size int64) (int64, error) {
	switch h.Typeflag {
	case tar.TypeLink, tar.TypeSymlink, tar.TypeChar, tar.TypeBlock, tar.TypeDir, tar.TypeFifo:
		return 0, nil
	}
	if l.size >= 0 && size > l.size-l.s.pos {
		return 0, ErrTruncated
	}
	if size > offsetMask {
		return 0, errTooFar
	}
	return size, nil
}

// node makes a node of what a header says, all but where the content is.
func (l *layer) node(h *tar.Header) (Node, error) {
	n := Node{Mode: uint16(h.Mode & 0o7777)}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeCont, tar.TypeGNUSparse:
		n.Mode |= modeReg
		n.Size = h.Size
	case tar.TypeDir, 'D': // of GNU's incremental archives, with a list of names as content
		n.Mode |= modeDir
	case tar.TypeSymlink:
		n.Mode |= modeLink
		if h.Linkname == "" || len(h.Linkname) > maxTarget {
			return n, fmt.Errorf("symbolic link to %d bytes", len(h.Linkname))
		}
		ref, err := l.b.names.addBytes([]byte(h.Linkname))
		if err != nil {
			return n, err
		}
		l.b.names.flush()
		n.at, n.Size = uint64(ref), int64(len(h.Linkname))
	case tar.TypeChar, tar.TypeBlock:
		n.Mode |= format.ModeChar
		if h.Typeflag == tar.TypeBlock {
			n.Mode = n.Mode&^modeType | format.ModeBlk
		}
		var err error
		if n.Rdev, err = encodeDev(uint64(h.Devmajor), uint64(h.Devminor)); err != nil {
			return n, err
		}
	case tar.TypeFifo:
		n.Mode |= format.ModeFIFO
	case 'M':
		return n, errMulti
	default:
		return n, fmt.Errorf("unknown type %q", h.Typeflag)
	}
	if h.Uid < 0 || uint64(h.Uid) > maxID || h.Gid < 0 || uint64(h.Gid) > maxID {
		return n, fmt.Errorf("%w: %d:%d", errNegativeID, h.Uid, h.Gid)
	}
	if err := l.b.rules.apply(&n, uint32(h.Uid), uint32(h.Gid), h.ModTime.Unix(), uint32(h.ModTime.Nanosecond())); err != nil {
		return n, err
	}
	return n, l.setXattrs(&n, h.PAXRecords)
}

// setXattrs gives a node the extended attributes that PAX records hold.
func (l *layer) setXattrs(n *Node, records map[string]string) error {
	if l.b.rules.NoXattrs || len(records) == 0 {
		return nil
	}
	set, err := paxXattrs(records)
	if err == nil && len(set) > 0 {
		set, err = l.b.rules.finishXattrs(n, set)
	}
	if err == nil && len(set) > 0 {
		n.xattrs = l.b.xattrs.add(set)
	}
	return err
}

// paxXattrs decodes the records that hold extended attributes: those of star and GNU tar, those of
// libarchive, and ACLs as text. Where an attribute is there twice, the first kind of these counts.
func paxXattrs(records map[string]string) ([]Xattr, error) {
	var set []Xattr
	add := func(name string, value []byte) error {
		if !attr.IsHostName(name) || slices.ContainsFunc(set, func(x Xattr) bool { return x.Name == name }) {
			return nil
		}
		if len(value) > MaxXattrSize {
			return fmt.Errorf("extended attribute %q: its value of %d bytes is longer than %d", name, len(value), MaxXattrSize)
		}
		set = append(set, Xattr{name, value})
		return nil
	}
	for key, value := range records {
		if name, ok := strings.CutPrefix(key, paxXattr); ok {
			if err := add(name, []byte(value)); err != nil {
				return nil, err
			}
		}
	}
	for key, value := range records {
		if name, ok := strings.CutPrefix(key, paxBSDXattr); ok {
			name, err := url.PathUnescape(name)
			if err != nil {
				return nil, fmt.Errorf("record %q: %w", key, err)
			}
			b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(value, "="))
			if err != nil {
				return nil, fmt.Errorf("record %q: %w", key, err)
			}
			if err := add(name, b); err != nil {
				return nil, err
			}
		}
	}
	for key, name := range map[string]string{paxACLAccess: attr.HostACLAccess, paxACLDefault: attr.HostACLDefault} {
		text, ok := records[key]
		if !ok {
			continue
		}
		acl, err := attr.ParseACLText(text)
		if err != nil {
			return nil, fmt.Errorf("record %q: %w", key, err)
		}
		if acl != nil {
			if err := add(name, acl.Host()); err != nil {
				return nil, err
			}
		}
	}
	return set, nil
}
