package source

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/cowfs/cowfs/attr"
)

// MaxXattrSize is how long the value of an extended attribute may be, in bytes.
const MaxXattrSize = 1 << 16

// xattrTable collects sets of extended attributes. Equal small sets, such as labels of a security
// module, default ACLs and capabilities, are kept once.
type xattrTable struct {
	mu    sync.Mutex
	sets  [][]Xattr
	known map[string]uint32 // encoded set: what add returned for it
	key   []byte
}

// smallSet is the encoded size in bytes up to which equal sets are looked for.
const smallSet = 1 << 10

// add stores a set, which is the table's from then on, and returns what Node.xattrs holds for it.
func (x *xattrTable) add(set []Xattr) uint32 {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.key = x.key[:0]
	for _, a := range set {
		x.key = binary.AppendUvarint(x.key, uint64(len(a.Name)))
		x.key = append(x.key, a.Name...)
		x.key = binary.AppendUvarint(x.key, uint64(len(a.Value)))
		x.key = append(x.key, a.Value...)
	}
	if id, ok := x.known[string(x.key)]; ok {
		return id
	}
	x.sets = append(x.sets, slices.Clone(set))
	id := uint32(len(x.sets))
	if len(x.key) <= smallSet {
		if x.known == nil {
			x.known = map[string]uint32{}
		}
		x.known[string(x.key)] = id
	}
	return id
}

// finishXattrs brings a node's attributes into the form a tree holds: sorted, IDs in ACLs mapped,
// and the mode agreeing with the access ACL, as it does after the kernel has set one.
func (r *rules) finishXattrs(n *Node, set []Xattr) ([]Xattr, error) {
	slices.SortFunc(set, func(a, b Xattr) int { return strings.Compare(a.Name, b.Name) })
	keep := set[:0]
	for _, x := range set {
		if x.Name == attr.HostACLAccess || x.Name == attr.HostACLDefault {
			var err error
			if x.Value, err = r.finishACL(n, x); err != nil {
				return nil, fmt.Errorf("extended attribute %q: %w", x.Name, err)
			}
			if x.Value == nil {
				continue
			}
		}
		keep = append(keep, x)
	}
	return keep, nil
}

// finishACL returns an ACL's value as the image gets it, nil when it gets none.
func (r *rules) finishACL(n *Node, x Xattr) ([]byte, error) {
	acl, err := attr.ParseHostACL(x.Value)
	if err != nil || len(acl) == 0 {
		return nil, err
	}
	access := x.Name == attr.HostACLAccess
	if n.Mode&modeType == modeLink || !access && !n.isDir() {
		return nil, fmt.Errorf("this type of file has no such ACL")
	}
	for i, e := range acl {
		maps := r.UIDMap
		switch e.Tag {
		case attr.ACLGroup:
			maps = r.GIDMap
		case attr.ACLUser:
		default:
			continue
		}
		var ok bool
		if acl[i].ID, ok = mapID(maps, e.ID); !ok {
			return nil, fmt.Errorf("the ID map does not cover %d", e.ID)
		}
	}
	if access {
		perm, whole := acl.Mode()
		n.Mode = n.Mode&^0o777 | perm
		if whole {
			return nil, nil
		}
	}
	return acl.Host(), nil
}
