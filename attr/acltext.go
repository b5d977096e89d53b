package attr

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ParseACLText decodes an ACL as text, "user::rw-,user:1000:r--,group::r--,mask::rw-,other::---":
// entries behind one another with commas or newlines between, a user or group by its number,
// either in place of the name or in a fourth field. A name alone means nothing outside of the
// host that it comes from, and is an error. An empty text is no ACL.
func ParseACLText(text string) (ACL, error) {
	var a ACL
	for entry := range strings.FieldsFuncSeq(text, func(c rune) bool { return c == ',' || c == '\n' }) {
		entry, _, _ = strings.Cut(entry, "#")
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		e, err := parseACLEntry(entry)
		if err != nil {
			return nil, fmt.Errorf("%w: entry %q: %v", ErrACL, entry, err)
		}
		a = append(a, e)
	}
	if a == nil {
		return nil, nil
	}
	slices.SortStableFunc(a, func(x, y ACLEntry) int {
		return cmp.Or(cmp.Compare(x.Tag, y.Tag), cmp.Compare(x.ID, y.ID))
	})
	return a, a.validate()
}

func parseACLEntry(text string) (ACLEntry, error) {
	f := strings.Split(text, ":")
	if len(f) == 2 && (f[0] == "mask" || f[0] == "other" || f[0] == "m" || f[0] == "o") {
		f = []string{f[0], "", f[1]}
	}
	if len(f) != 3 && len(f) != 4 {
		return ACLEntry{}, fmt.Errorf("not of three fields")
	}
	e := ACLEntry{ID: noID}
	named := f[1] != ""
	switch f[0] {
	case "user", "u":
		e.Tag = ACLUserObj
		if named {
			e.Tag = ACLUser
		}
	case "group", "g":
		e.Tag = ACLGroupObj
		if named {
			e.Tag = ACLGroup
		}
	case "mask", "m":
		e.Tag = ACLMask
	case "other", "o":
		e.Tag = ACLOther
	default:
		return e, fmt.Errorf("unknown kind %q", f[0])
	}
	for _, c := range f[2] {
		i := strings.IndexRune("xwr", c)
		if i < 0 && c != '-' {
			return e, fmt.Errorf("unknown permissions %q", f[2])
		}
		if i >= 0 {
			e.Perm |= 1 << i
		}
	}
	if e.Tag == ACLUser || e.Tag == ACLGroup {
		id := f[1]
		if len(f) == 4 {
			id = f[3]
		}
		n, err := strconv.ParseUint(id, 10, 32)
		if err != nil {
			return e, fmt.Errorf("%q is not a number; make the archive with numeric owners", id)
		}
		e.ID = uint32(n)
	}
	return e, nil
}
