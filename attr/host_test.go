package attr_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/attr"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestHostNames(t *testing.T) {
	for _, c := range []struct {
		host string
		flag format.AttrFlag
		name string // "" : refused
	}{
		{"user.x", 0, "x"},
		{"user.user.x", 0, "user.x"},
		{"trusted.\xff", format.AttrRoot, "\xff"},
		{"security.capability", format.AttrSecure, "capability"},
		{"user." + strings.Repeat("n", 255), 0, strings.Repeat("n", 255)},
		{"trusted.SGI_ACL_FILE.x", format.AttrRoot, "SGI_ACL_FILE.x"},
		{"user.SGI_ACL_FILE", 0, "SGI_ACL_FILE"},
		{"user." + strings.Repeat("n", 256), 0, ""},
		{"user.", 0, ""},
		{"user", 0, ""},
		{"", 0, ""},
		{"trusted.SGI_ACL_FILE", 0, ""},
		{"trusted.SGI_ACL_DEFAULT", 0, ""},
		{"system.nfs4_acl", 0, ""},
		{"btrfs.compression", 0, ""},
	} {
		flag, name, value, err := attr.FromHost(c.host, []byte("v"))
		if (err == nil) != (c.name != "") || err != nil && !errors.Is(err, attr.ErrHostName) {
			t.Errorf("%q: %v", c.host, err)
			continue
		}
		if attr.IsHostName(c.host) != (err == nil) {
			t.Errorf("IsHostName(%q) disagrees with %v", c.host, err)
		}
		if err != nil {
			continue
		}
		if flag != c.flag || string(name) != c.name || string(value) != "v" {
			t.Errorf("%q: %v %q %q", c.host, flag, name, value)
		}
		host, back, ok := attr.ToHost(flag|format.AttrLocal, name, value)
		if !ok || host != c.host || string(back) != "v" {
			t.Errorf("%q comes back as %q %q %v", c.host, host, back, ok)
		}
	}
	for _, flag := range []format.AttrFlag{format.AttrParent, format.AttrIncomplete, format.AttrRoot | format.AttrIncomplete, format.AttrRoot | format.AttrSecure} {
		if host, _, ok := attr.ToHost(flag, []byte("x"), nil); ok {
			t.Errorf("flag %#x is shown as %q", flag, host)
		}
	}
	for _, value := range []string{"", "abc", "\x00\x00\x00\x01", "\xff\xff\xff\xff", "\x00\x00\x00\x00"} {
		if _, _, ok := attr.ToHost(format.AttrRoot, []byte("SGI_ACL_FILE"), []byte(value)); ok {
			t.Errorf("malformed ACL %q is shown", value)
		}
	}
}

// Entries of ACLs.
var (
	owner = attr.ACLEntry{Tag: attr.ACLUserObj, Perm: 6, ID: 1<<32 - 1}
	group = attr.ACLEntry{Tag: attr.ACLGroupObj, Perm: 5, ID: 1<<32 - 1}
	mask  = attr.ACLEntry{Tag: attr.ACLMask, Perm: 1, ID: 1<<32 - 1}
	other = attr.ACLEntry{Tag: attr.ACLOther, Perm: 4, ID: 1<<32 - 1}
)

func user(id uint32, perm uint16) attr.ACLEntry {
	return attr.ACLEntry{Tag: attr.ACLUser, Perm: perm, ID: id}
}

func groupOf(id uint32, perm uint16) attr.ACLEntry {
	return attr.ACLEntry{Tag: attr.ACLGroup, Perm: perm, ID: id}
}

// aclCases are ACLs and whether the kernel takes them.
var aclCases = []struct {
	name string
	acl  attr.ACL
	ok   bool
	mode uint16
	full bool // the mode says it all
}{
	{"minimal", attr.ACL{owner, group, other}, true, 0o654, true},
	{"with a mask", attr.ACL{owner, group, mask, other}, true, 0o614, false},
	{"all kinds", attr.ACL{owner, user(5, 7), user(70000, 0), group, groupOf(0, 2), mask, other}, true, 0o614, false},
	{"IDs in any order", attr.ACL{owner, user(9, 7), user(5, 0), group, mask, other}, true, 0o614, false},
	{"a user twice", attr.ACL{owner, user(9, 7), user(9, 0), group, mask, other}, true, 0o614, false},
	{"IDs that say nothing", attr.ACL{{Tag: attr.ACLUserObj, Perm: 7, ID: 3}, {Tag: attr.ACLGroupObj, ID: 4}, {Tag: attr.ACLMask, ID: 1}, {Tag: attr.ACLOther, ID: 5}}, true, 0o700, false},
	{"no owner", attr.ACL{group, other}, false, 0, false},
	{"no owning group", attr.ACL{owner, other}, false, 0, false},
	{"no others", attr.ACL{owner, group}, false, 0, false},
	{"no mask", attr.ACL{owner, user(5, 7), group, other}, false, 0, false},
	{"two owners", attr.ACL{owner, owner, group, other}, false, 0, false},
	{"two masks", attr.ACL{owner, group, mask, mask, other}, false, 0, false},
	{"order", attr.ACL{group, owner, other}, false, 0, false},
	{"groups before users", attr.ACL{owner, group, user(1, 1), mask, other}, false, 0, false},
	{"permissions", attr.ACL{{Tag: attr.ACLUserObj, Perm: 8}, group, other}, false, 0, false},
	{"no such tag", attr.ACL{owner, {Tag: 3}, group, other}, false, 0, false},
	{"large tag", attr.ACL{owner, group, other, {Tag: 0x40}}, false, 0, false},
	{"user of no ID", attr.ACL{owner, user(1<<32-1, 1), group, mask, other}, false, 0, false},
}

func TestACLs(t *testing.T) {
	for _, c := range aclCases {
		acl, err := attr.ParseHostACL(c.acl.Host())
		if (err == nil) != c.ok || err != nil && !errors.Is(err, attr.ErrACL) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		_, name, disk, err2 := attr.FromHost(attr.HostACLAccess, c.acl.Host())
		if (err2 == nil) != c.ok {
			t.Errorf("%s: FromHost: %v", c.name, err2)
		}
		if err != nil {
			continue
		}
		if mode, whole := acl.Mode(); mode != c.mode || whole != c.full {
			t.Errorf("%s: mode %o, whole %v", c.name, mode, whole)
		}
		host, back, ok := attr.ToHost(format.AttrRoot, name, disk)
		if !ok || host != attr.HostACLAccess || !bytes.Equal(back, acl.Host()) {
			t.Errorf("%s: %q %x %v", c.name, host, back, ok)
		}
	}
	for _, value := range []string{"abc", "\x02\x00\x00\x00x", "\x01\x00\x00\x00", "\x02\x00\x00\x01"} {
		if _, err := attr.ParseHostACL([]byte(value)); !errors.Is(err, attr.ErrACL) {
			t.Errorf("%q: %v", value, err)
		}
	}
	for _, value := range []string{"", "\x02\x00\x00\x00"} {
		if acl, err := attr.ParseHostACL([]byte(value)); acl != nil || err != nil {
			t.Errorf("%q: %v %v", value, acl, err)
		}
		if _, _, _, err := attr.FromHost(attr.HostACLDefault, []byte(value)); !errors.Is(err, attr.ErrACL) {
			t.Errorf("%q: %v", value, err)
		}
	}
	long := attr.ACL{owner}
	for i := range format.MaxACLEntries - 3 {
		long = append(long, user(uint32(i), 1))
	}
	if _, err := attr.ParseHostACL(append(long, group, mask, other).Host()); err == nil {
		t.Error("one entry too many is taken")
	}
	if acl, err := attr.ParseHostACL(append(long[:len(long)-1], group, mask, other).Host()); err != nil || len(acl) != 5461 {
		t.Errorf("%d entries: %v", len(acl), err)
	}
}

func TestACLText(t *testing.T) {
	for text, want := range map[string]attr.ACL{
		"": nil, "\n\n": nil, "# file: x": nil,
		"user::rw-\ngroup::r-x\nother::r--\n":                       {owner, group, other},
		"u::rw,g::rx,o::r":                                          {owner, group, other},
		"user::rw-,group::r-x,mask::--x,other:r--":                  {owner, group, mask, other},
		"other::r--,mask::--x, group::r-x ,user:9:r--,user::rw-":    {owner, user(9, 4), group, mask, other},
		"user::rw-,user:joe:r--:9,group::r-x,mask::--x,other::r--":  {owner, user(9, 4), group, mask, other},
		"u::rw,u:9:rwx #effective:--x,g::rx,g:1:---,m::x,other::r,": {owner, user(9, 7), group, groupOf(1, 0), mask, other},
	} {
		got, err := attr.ParseACLText(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
	for text, want := range map[string]string{
		"nonsense": "three fields", "user::rw-": "no entry for owning group", "user:joe:r,user::r,group::r,mask::r,other::r": "numeric owners",
		"robot::r": `unknown kind "robot"`, "user::q": `unknown permissions "q"`, "user:4294967295:r,user::r,group::r,mask::r,other::r": "without an ID",
		"user:-1:r": "not a number", "user:4294967296:r": "not a number", "user:1:r,user::r,group::r,other::r": "no mask",
	} {
		_, err := attr.ParseACLText(text)
		if !errors.Is(err, attr.ErrACL) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

// TestKernelACLs has the kernel judge the same ACLs, and compares how it stores them: XFS shows
// that, as trusted attributes.
func TestKernelACLs(t *testing.T) {
	image := filepath.Join(t.TempDir(), "xfs.img")
	if err := os.WriteFile(image, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 320<<20); err != nil {
		t.Fatal(err)
	}
	oracle.NeedRoot(t)
	oracle.MustRun(t, oracle.Tool(t, "mkfs.xfs", oracle.Gen6), "-q", image)
	m := oracle.Mount(t, image, oracle.MountOptions{})
	defer m.Unmount()
	for _, c := range aclCases {
		dir := filepath.Join(m.Dir, c.name)
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		for host, stored := range map[string]string{attr.HostACLAccess: format.AttrACLAccess, attr.HostACLDefault: format.AttrACLDefault} {
			err := unix.Setxattr(dir, host, c.acl.Host(), 0)
			if (err == nil) != c.ok {
				t.Errorf("%s: the kernel says %v", c.name, err)
			}
			if err != nil {
				continue
			}
			buf := make([]byte, 1<<16)
			n, err := unix.Getxattr(dir, "trusted."+stored, buf)
			if host == attr.HostACLAccess {
				var st unix.Stat_t
				if err := unix.Stat(dir, &st); err != nil || uint16(st.Mode&0o777) != c.mode {
					t.Errorf("%s: mode %o, %v", c.name, st.Mode, err)
				}
				if c.full {
					if !errors.Is(err, unix.ENODATA) {
						t.Errorf("%s: stored although the mode says it all", c.name)
					}
					continue
				}
			}
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			flag, name, value, err := attr.FromHost(host, c.acl.Host())
			if err != nil || flag != format.AttrRoot || string(name) != stored || !bytes.Equal(value, buf[:n]) {
				t.Errorf("%s: %v\nkernel %x\nours   %x", c.name, err, buf[:n], value)
			}
			n, err = unix.Getxattr(dir, host, buf)
			if _, back, ok := attr.ToHost(flag, name, value); err != nil || !ok || !bytes.Equal(back, buf[:n]) {
				t.Errorf("%s: shown as %x, ours %x (%v)", c.name, buf[:n], back, err)
			}
		}
	}
}

// FuzzHostACL: what is taken survives the way to the image and back; so does the way from there.
func FuzzHostACL(f *testing.F) {
	for _, c := range aclCases {
		f.Add(c.acl.Host())
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		if flag, name, disk, err := attr.FromHost(attr.HostACLAccess, value); err == nil {
			_, host, ok := attr.ToHost(flag, name, disk)
			if !ok {
				t.Fatalf("%x becomes %x, which is not shown", value, disk)
			}
			_, _, again, err := attr.FromHost(attr.HostACLAccess, host)
			if err != nil || !bytes.Equal(disk, again) {
				t.Fatalf("%x, %x: %v", disk, again, err)
			}
		}
		if _, host, ok := attr.ToHost(format.AttrRoot, []byte(format.AttrACLAccess), value); ok {
			if _, _, _, err := attr.FromHost(attr.HostACLAccess, host); err != nil {
				t.Fatalf("%x is shown as %x: %v", value, host, err)
			}
		}
		if acl, err := attr.ParseACLText(string(value)); err == nil && acl != nil {
			if _, err := attr.ParseHostACL(acl.Host()); err != nil {
				t.Fatalf("%q: %v", value, err)
			}
		}
	})
}
