package attr

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cowfs/cowfs/format"
)

// ErrHostName is the class of errors about names of extended attributes that an image cannot
// hold.
var ErrHostName = errors.New("extended attribute cannot be stored")

// Names under which Linux shows the ACLs of a file, and the ACL that a directory gives to new
// files in it.
const (
	HostACLAccess  = "system.posix_acl_access"
	HostACLDefault = "system.posix_acl_default"
)

// namespaces lists the prefixes of Linux's names and what stands for them.
var namespaces = [...]struct {
	prefix string
	flag   format.AttrFlag
}{
	{"user.", 0},
	{"trusted.", format.AttrRoot},
	{"security.", format.AttrSecure},
}

// acls lists the attributes that hold ACLs. In the filesystem they lie in the namespace of
// trusted attributes. There the kernel shows them a second time, as trusted.SGI_ACL_FILE and
// so on, which therefore are not names of their own.
var acls = [...]struct{ host, name string }{
	{HostACLAccess, format.AttrACLAccess},
	{HostACLDefault, format.AttrACLDefault},
}

// IsHostName reports whether an extended attribute that Linux shows under this name belongs to
// the file. Others show how its filesystem keeps it (system.nfs4_acl, btrfs.compression), or are
// the second name of an ACL; copying a file, one leaves them out.
func IsHostName(name string) bool {
	_, _, err := SplitHostName(name)
	return err == nil
}

// SplitHostName returns the namespace and the name without prefix under which an attribute that
// Linux shows as name is stored. The error is ErrHostName.
func SplitHostName(name string) (format.AttrFlag, string, error) {
	for _, a := range acls {
		if name == a.host {
			return format.AttrRoot, a.name, nil
		}
		if name == "trusted."+a.name {
			return 0, "", fmt.Errorf("%w: %q is another name of %s", ErrHostName, name, a.host)
		}
	}
	for _, ns := range namespaces {
		rest, ok := strings.CutPrefix(name, ns.prefix)
		switch {
		case !ok:
		case rest == "":
			return 0, "", fmt.Errorf("%w: %q is only a namespace", ErrHostName, name)
		case len(rest) > 255:
			return 0, "", fmt.Errorf("%w: its name %.20q... is longer than 255 bytes", ErrHostName, name)
		default:
			return ns.flag, rest, nil
		}
	}
	return 0, "", fmt.Errorf("%w: %q is in none of the namespaces user., trusted. and security. that an image has", ErrHostName, name)
}

// FromHost returns the form in which an attribute that Linux shows as name is stored: namespace,
// name without prefix, and value. The value is the one given, except for ACLs, which are
// checked and have a form of their own. Errors are ErrHostName or ErrACL.
func FromHost(name string, value []byte) (flag format.AttrFlag, xfsName, xfsValue []byte, err error) {
	flag, rest, err := SplitHostName(name)
	if err != nil {
		return 0, nil, nil, err
	}
	if name == HostACLAccess || name == HostACLDefault {
		acl, err := ParseHostACL(value)
		if err == nil && acl == nil {
			err = fmt.Errorf("%w: it has no entries", ErrACL)
		}
		if err != nil {
			return 0, nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		value = acl.encode()
	}
	return flag, []byte(rest), value, nil
}

// ToHost is the inverse of FromHost. Not ok is what Linux does not show: parent pointers,
// attributes that are being written, and malformed ACLs. Of the flags it looks at the namespace and
// at format.AttrIncomplete.
func ToHost(flag format.AttrFlag, name, value []byte) (hostName string, hostValue []byte, ok bool) {
	if flag&format.AttrIncomplete != 0 {
		return "", nil, false
	}
	ns := flag & format.AttrNamespace
	for _, a := range acls {
		if ns == format.AttrRoot && string(name) == a.name {
			acl, err := parseACL(value)
			if err != nil {
				return "", nil, false
			}
			return a.host, acl.Host(), true
		}
	}
	for _, n := range namespaces {
		if ns == n.flag {
			return n.prefix + string(name), value, true
		}
	}
	return "", nil, false
}
