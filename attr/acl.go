package attr

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cowfs/cowfs/format"
)

// ErrACL is the class of errors about a malformed POSIX ACL.
var ErrACL = errors.New("malformed ACL")

// ACLTag says whom an ACL entry is about.
type ACLTag uint16

// Tags, in the order that the entries of an ACL have.
const (
	ACLUserObj  ACLTag = 0x01 // the owner
	ACLUser     ACLTag = 0x02 // the user ID
	ACLGroupObj ACLTag = 0x04 // the owning group
	ACLGroup    ACLTag = 0x08 // the group ID
	ACLMask     ACLTag = 0x10 // bounds what all but the owner and others get
	ACLOther    ACLTag = 0x20
)

// String is the tag's usual short name.
func (t ACLTag) String() string {
	switch t {
	case ACLUserObj:
		return "owner"
	case ACLUser:
		return "user"
	case ACLGroupObj:
		return "owning group"
	case ACLGroup:
		return "group"
	case ACLMask:
		return "mask"
	case ACLOther:
		return "other"
	}
	return fmt.Sprintf("tag %#x", uint16(t))
}

// noID is the ID of entries whose tag needs none.
const noID = ^uint32(0)

// ACLEntry gives permissions (0 to 7) to whom the tag names. ID counts for ACLUser and ACLGroup.
type ACLEntry struct {
	Tag  ACLTag
	Perm uint16
	ID   uint32
}

// ACL is a POSIX ACL. One that the functions here return is valid: one entry each for owner,
// owning group and others, and a mask when a user or group is named, all in order of the tags.
type ACL []ACLEntry

// The form of ACLs in Linux's extended attributes, little-endian: a version u32, then entries
// of tag u16, permissions u16, ID u32.
const (
	hostACLVersion = 2
	hostACLHeader  = 4 // bytes
	hostACLEntry   = 8 // bytes
)

// ParseHostACL decodes the value of system.posix_acl_access or system.posix_acl_default. An
// ACL without entries, which Linux takes for none, is nil.
func ParseHostACL(value []byte) (ACL, error) {
	if len(value) == 0 {
		return nil, nil
	}
	if len(value) < hostACLHeader || (len(value)-hostACLHeader)%hostACLEntry != 0 {
		return nil, fmt.Errorf("%w: its size is %d bytes", ErrACL, len(value))
	}
	le := binary.LittleEndian
	if v := le.Uint32(value); v != hostACLVersion {
		return nil, fmt.Errorf("%w: version %d, want %d", ErrACL, v, hostACLVersion)
	}
	n := (len(value) - hostACLHeader) / hostACLEntry
	if n == 0 {
		return nil, nil
	}
	if n > format.MaxACLEntries {
		return nil, fmt.Errorf("%w: %d entries, at most %d fit", ErrACL, n, format.MaxACLEntries)
	}
	a := make(ACL, n)
	for i := range a {
		b := value[hostACLHeader+i*hostACLEntry:]
		a[i] = ACLEntry{ACLTag(le.Uint16(b)), le.Uint16(b[2:]), le.Uint32(b[4:])}
	}
	return a, a.validate()
}

// Host encodes an ACL for Linux.
func (a ACL) Host() []byte {
	le := binary.LittleEndian
	b := le.AppendUint32(make([]byte, 0, hostACLHeader+len(a)*hostACLEntry), hostACLVersion)
	for _, e := range a {
		b = le.AppendUint16(b, uint16(e.Tag))
		b = le.AppendUint16(b, e.Perm)
		b = le.AppendUint32(b, e.ID)
	}
	return b
}

// CheckACL judges the value of an attribute that holds an ACL as the filesystem stores it. One
// without entries is as good as none.
func CheckACL(value []byte) error {
	if len(value) == format.ACL.Size && format.ACLCount.Get(value) == 0 {
		return nil
	}
	_, err := parseACL(value)
	return err
}

// parseACL decodes an ACL as the filesystem stores it.
func parseACL(value []byte) (ACL, error) {
	if len(value) < format.ACL.Size {
		return nil, fmt.Errorf("%w: its size is %d bytes", ErrACL, len(value))
	}
	n, body := format.ACLCount.Get(value), value[format.ACL.Size:]
	if n > format.MaxACLEntries || len(body) != int(n)*format.ACLEntry.Size {
		return nil, fmt.Errorf("%w: %d entries in %d bytes", ErrACL, n, len(value))
	}
	a := make(ACL, n)
	for i := range a {
		b := body[i*format.ACLEntry.Size:]
		tag := format.ACLEntryTag.Get(b)
		if tag > uint32(ACLOther) {
			return nil, fmt.Errorf("%w: entry %d: tag %#x", ErrACL, i, tag)
		}
		a[i] = ACLEntry{ACLTag(tag), format.ACLEntryPerm.Get(b), format.ACLEntryID.Get(b)}
	}
	return a, a.validate()
}

// encode is the form that the filesystem stores.
func (a ACL) encode() []byte {
	b := make([]byte, format.ACL.Size+len(a)*format.ACLEntry.Size)
	format.ACLCount.Put(b, uint32(len(a)))
	for i, e := range a {
		b := b[format.ACL.Size+i*format.ACLEntry.Size:]
		format.ACLEntryTag.Put(b, uint32(e.Tag))
		format.ACLEntryID.Put(b, e.ID)
		format.ACLEntryPerm.Put(b, e.Perm)
	}
	return b
}

// validate holds an ACL to what the kernel accepts, and clears IDs that say nothing.
func (a ACL) validate() error {
	var have [ACLOther + 1]bool
	last := ACLTag(0)
	for i, e := range a {
		named := e.Tag == ACLUser || e.Tag == ACLGroup
		switch {
		case e.Tag == 0 || e.Tag > ACLOther || e.Tag&(e.Tag-1) != 0:
			return fmt.Errorf("%w: entry %d: %v", ErrACL, i, e.Tag)
		case e.Tag < last || e.Tag == last && !named:
			return fmt.Errorf("%w: entry %d: %v after %v", ErrACL, i, e.Tag, last)
		case e.Perm > 7:
			return fmt.Errorf("%w: entry %d: permissions %#o", ErrACL, i, e.Perm)
		case named && e.ID == noID:
			return fmt.Errorf("%w: entry %d: %v without an ID", ErrACL, i, e.Tag)
		case !named:
			a[i].ID = noID
		}
		have[e.Tag] = true
		last = e.Tag
	}
	for _, tag := range [...]ACLTag{ACLUserObj, ACLGroupObj, ACLOther} {
		if !have[tag] {
			return fmt.Errorf("%w: no entry for %v", ErrACL, tag)
		}
	}
	if (have[ACLUser] || have[ACLGroup]) && !have[ACLMask] {
		return fmt.Errorf("%w: it names users or groups and has no mask", ErrACL)
	}
	return nil
}

// Mode returns the permission bits of a file that has a as its access ACL, and whether they say
// all that a does, so that the file needs no ACL. With a mask, that is what the group's bits
// show.
func (a ACL) Mode() (perm uint16, whole bool) {
	whole = true
	group := uint16(0)
	for _, e := range a {
		switch e.Tag {
		case ACLUserObj:
			perm |= e.Perm << 6
		case ACLGroupObj, ACLMask: // the mask comes later
			group = e.Perm
		case ACLOther:
			perm |= e.Perm
		}
		if e.Tag == ACLUser || e.Tag == ACLGroup || e.Tag == ACLMask {
			whole = false
		}
	}
	return perm | group<<3, whole
}
