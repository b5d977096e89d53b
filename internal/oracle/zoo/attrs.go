package zoo

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// attributes bring attribute forks into each of their forms: in the inode, one leaf, several
// leaves under nodes, values in blocks of their own.
func (b *builder) attributes() {
	b.mkdir("xattrs", 0o755)
	sizes := []int{0, 1, 2, 60, 100, 254, 255, 256, 500, 1000, 2000}
	if b.root { // else the host may be a filesystem with small attributes
		sizes = append(sizes, 3000, 4000, 4096, 5000, 16384, 65535, 65536)
	}
	for _, n := range sizes {
		p := fmt.Sprintf("xattrs/size-%d", n)
		b.file(p, []byte(p))
		b.xattr(p, "user.value", b.bytes(n))
		b.xattr(p, "user.small", []byte("1"))
	}
	b.file("xattrs/every-namespace", []byte("x"))
	for _, name := range []string{"user.a", "trusted.a", "security.a"} {
		b.xattr("xattrs/every-namespace", name, b.bytes(40))
	}
	b.file("xattrs/capability", []byte("x"))
	b.xattr("xattrs/capability", "security.capability", capability())
	b.longNames()
	b.manyAttributes()

	b.mkdir("xattrs/directory", 0o755)
	b.xattr("xattrs/directory", "user.of-a-directory", b.bytes(300))
	b.file("xattrs/directory/inside", nil)
	b.symlink("xattrs/symlink", "target")
	b.xattr("xattrs/symlink", "trusted.of-a-symlink", b.bytes(30))
	b.symlink("xattrs/long-symlink", strings.Repeat("s", 900))
	b.xattr("xattrs/long-symlink", "security.of-a-symlink", b.bytes(200))
	b.node("xattrs/fifo", 0o010644, 0)
	b.xattr("xattrs/fifo", "trusted.of-a-fifo", b.bytes(20))
	if b.root {
		b.file("xattrs/fork-too", b.bytes(10_000))
		b.xattr("xattrs/fork-too", "trusted.overlay.opaque", []byte("y"))
		b.xattr(".", "trusted.of-the-root", []byte("root"))
	}
}

func (b *builder) longNames() {
	b.file("xattrs/long-names", nil)
	for _, namespace := range []string{"user.", "trusted."} {
		for i := range 3 {
			b.xattr("xattrs/long-names", namespace+strings.Repeat(string(rune('a'+i)), 255-len(namespace)), b.bytes(50))
		}
	}
}

func (b *builder) manyAttributes() {
	counts := map[string]int{"few": 12, "leaf": 50}
	if b.root {
		counts["node"] = 900
	}
	for name, n := range counts {
		p := "xattrs/many-" + name
		b.file(p, nil)
		for i := range n {
			b.xattr(p, fmt.Sprintf("user.number-%d", i), b.bytes(i%30))
		}
	}
}

// capability is the value of security.capability that gives a program CAP_NET_RAW.
func capability() []byte {
	const revision2, effective, netRaw = 0x02000000, 1, 1 << 13
	v := binary.LittleEndian.AppendUint32(nil, revision2|effective)
	v = binary.LittleEndian.AppendUint32(v, netRaw)
	return append(v, make([]byte, 12)...)
}

// Tags of the entries of a POSIX ACL, as in its attribute form.
const (
	aclUserObj  = 0x01
	aclUser     = 0x02
	aclGroupObj = 0x04
	aclGroup    = 0x08
	aclMask     = 0x10
	aclOther    = 0x20
)

type aclEntry struct {
	tag, perm uint16
	id        uint32
}

// acl encodes entries as the value of system.posix_acl_access and _default.
func acl(entries ...aclEntry) []byte {
	v := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range entries {
		v = binary.LittleEndian.AppendUint16(v, e.tag)
		v = binary.LittleEndian.AppendUint16(v, e.perm)
		v = binary.LittleEndian.AppendUint32(v, e.id)
	}
	return v
}

func (b *builder) acls() {
	if !b.root {
		return
	}
	const (
		noID     = ^uint32(0)
		userBase = 300_000 // users that no host has a name for
	)
	b.mkdir("acls", 0o755)
	long := []aclEntry{{aclUserObj, 7, noID}}
	for id := range uint32(20) {
		long = append(long, aclEntry{aclUser, uint16(id % 8), userBase + id})
	}
	long = append(long, aclEntry{aclGroupObj, 5, noID}, aclEntry{aclGroup, 4, userBase}, aclEntry{aclMask, 7, noID}, aclEntry{aclOther, 0, noID})
	short := []aclEntry{{aclUserObj, 6, noID}, {aclUser, 4, userBase}, {aclGroupObj, 4, noID}, {aclMask, 4, noID}, {aclOther, 4, noID}}
	b.file("acls/short", []byte("x"))
	b.xattr("acls/short", "system.posix_acl_access", acl(short...))
	b.stamp("acls/short")
	b.file("acls/long", []byte("x"))
	b.xattr("acls/long", "system.posix_acl_access", acl(long...))
	b.stamp("acls/long")
	b.mkdir("acls/directory", 0o755)
	b.xattr("acls/directory", "system.posix_acl_access", acl(long...))
	b.xattr("acls/directory", "system.posix_acl_default", acl(short...))
	b.file("acls/directory/inherits", []byte("x"))
}
