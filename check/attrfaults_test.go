package check_test

import (
	"bytes"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
)

// attrs is the attribute fork of an inode.
func attrs(raw []byte) []byte {
	_, fork := format.Forks(raw)
	return fork
}

// attrEnt is entry i of an attribute leaf, and attrName what it points at.
func attrEnt(p []byte, i int) []byte  { return p[format.AttrLeaf.Size+i*format.AttrEntry.Size:] }
func attrName(p []byte, i int) []byte { return p[format.AttrEntryNameIdx.Get(attrEnt(p, i)):] }

// attrNamed is the entry of an attribute leaf that has a name.
func attrNamed(p []byte, name string) int {
	for i := range int(format.AttrLeafCount.Get(p)) {
		n := attrName(p, i)
		size := format.AttrLocalName.Size
		if format.AttrEntryFlags.Get(attrEnt(p, i))&format.AttrLocal == 0 {
			size = format.AttrRemoteName.Size
		}
		if bytes.HasPrefix(n[size:], []byte(name)) {
			return i
		}
	}
	panic("no attribute " + name)
}

// attrLeaf changes the only leaf of attributes of an inode.
func attrLeaf(path string, change func(p []byte)) func(b *bed, d *device.Memory) {
	return partOf(path, format.TypeAttrLeaf, 0, change)
}

var attrFaults = []fault{
	{"short: length", inodeOf("/attr-short", func(raw []byte) { attrs(raw)[format.AttrSF.Size] = 250 }), "attr.short"},
	{"short: count", inodeOf("/attr-short", func(raw []byte) { format.AttrSFCount.Put(attrs(raw), 1) }), "attr.short"},
	{"short: flags", inodeOf("/attr-short", func(raw []byte) { attrs(raw)[format.AttrSF.Size+2] |= byte(format.AttrLocal) }), "attr.flags"},
	{"short: padding", inodeOf("/attr-short", func(raw []byte) { attrs(raw)[3] = 1 }), "attr.padding"},
	{"short: twice", inodeOf("/attr-short", func(raw []byte) {
		fork := attrs(raw)
		fork[bytes.Index(fork, []byte("cd"))] = 'a'
	}), "attr.twice"},
	{"short: a NUL", inodeOf("/attr-short", func(raw []byte) {
		fork := attrs(raw)
		fork[bytes.Index(fork, []byte("cd"))] = 0
	}), "attr.name"},
	{"magic", attrLeaf("/attr-leaf", func(p []byte) { p[8] = 'X' }), "attr.magic"},
	{"checksum", func(b *bed, d *device.Memory) {
		s := b.owned(d, "/attr-leaf", format.TypeAttrLeaf)[0]
		b.bytes(d, s.Off, s.Len, func(p []byte) { p[12]++ })
	}, "attr.crc"},
	{"owner", attrLeaf("/attr-leaf", func(p []byte) { format.DaOwner.Put(p, 128) }), "attr.identity"},
	{"used bytes", attrLeaf("/attr-leaf", func(p []byte) { format.AttrLeafUsedBytes.Put(p, 4) }), "attr.free-map attr.layout"},
	{"first name", attrLeaf("/attr-leaf", func(p []byte) { format.AttrLeafFirstUsed.Put(p, format.AttrLeafFirstUsed.Get(p)-4) }), "attr.layout"},
	{"free map: size", attrLeaf("/attr-leaf", func(p []byte) { format.AttrLeafFreeSize0.Put(p, format.AttrLeafFreeSize0.Get(p)-4) }), "attr.free-map"},
	{"free map: place", attrLeaf("/attr-leaf", func(p []byte) { format.AttrLeafFreeBase0.Put(p, format.AttrLeafFreeBase0.Get(p)+4) }), "attr.free-map"},
	{"free map: over all", attrLeaf("/attr-leaf", func(p []byte) {
		format.AttrLeafHoles.Put(p, 1)
		format.AttrLeafFreeSize0.Put(p, uint16(len(p))-format.AttrLeafFreeBase0.Get(p))
	}), "attr.free-map"},
	{"holes", attrLeaf("/attr-leaf", func(p []byte) { format.AttrLeafHoles.Put(p, 7) }), "attr.layout"},
	{"order", attrLeaf("/attr-leaf", func(p []byte) {
		a, b := attrEnt(p, 0)[:8], attrEnt(p, 1)[:8]
		t := bytes.Clone(a)
		copy(a, b)
		copy(b, t)
	}), "attr.hash-order"},
	{"hash", attrLeaf("/attr-leaf", func(p []byte) {
		format.AttrEntryHash.Put(attrEnt(p, 2), format.AttrEntryHash.Get(attrEnt(p, 2))-1)
	}), "attr.hash"},
	{"flags", attrLeaf("/attr-leaf", func(p []byte) {
		format.AttrEntryFlags.Put(attrEnt(p, 2), format.AttrLocal|format.AttrRoot|format.AttrSecure)
	}), "attr.flags attr.hash parent.missing"},
	{"incomplete", attrLeaf("/attr-leaf", func(p []byte) {
		i := attrNamed(p, "name7")
		format.AttrEntryFlags.Put(attrEnt(p, i), format.AttrLocal|format.AttrIncomplete)
	}), "attr.incomplete"},
	{"twice", attrLeaf("/attr-leaf", func(p []byte) {
		i, j := attrNamed(p, "name7"), attrNamed(p, "name8")
		attrName(p, j)[format.AttrLocalName.Size+4] = '7'
		format.AttrEntryHash.Put(attrEnt(p, j), format.AttrEntryHash.Get(attrEnt(p, i)))
		// What comes between the two has to go on being in order.
		lo, hi := min(i, j), max(i, j)
		e := bytes.Clone(attrEnt(p, j)[:8])
		if i < j {
			copy(attrEnt(p, lo+2)[:8*(hi-lo-1)], bytes.Clone(attrEnt(p, lo+1)[:8*(hi-lo-1)]))
			copy(attrEnt(p, lo+1), e)
		} else {
			copy(attrEnt(p, lo)[:8*(hi-lo-1)], bytes.Clone(attrEnt(p, lo+1)[:8*(hi-lo-1)]))
			copy(attrEnt(p, hi-1), e)
		}
	}), "attr.twice"},
	{"padding", attrLeaf("/attr-leaf", func(p []byte) { attrEnt(p, 2)[7] = 1 }), "attr.padding"},
	{"tree: child", partOf("/attr-node", format.TypeAttrNode, 0, func(p []byte) {
		format.DaEntryBefore.Put(p[format.DaNode.Size+8:], format.DaEntryBefore.Get(p[format.DaNode.Size:]))
	}), "attr.tree"},
	{"tree: key", partOf("/attr-node", format.TypeAttrNode, 0, func(p []byte) {
		e := p[format.DaNode.Size:]
		format.DaEntryHash.Put(e, format.DaEntryHash.Get(e)+1)
	}), "attr.tree-key"},
	{"tree: neighbour", partOf("/attr-node", format.TypeAttrLeaf, 1, func(p []byte) { format.DaForw.Put(p, 0) }), "attr.tree-sibling"},
	{"tree: lost block", partOf("/attr-node", format.TypeAttrNode, 0, func(p []byte) {
		format.DaNodeCount.Put(p, format.DaNodeCount.Get(p)-1)
	}), "attr.lost attr.tree-sibling parent.missing"},

	{"remote: offset", partOf("/attr-remote", format.TypeAttrRmt, 1, func(p []byte) { format.RemoteOffset.Put(p, 5) }), "attr.remote-header"},
	{"remote: owner", partOf("/attr-remote", format.TypeAttrRmt, 1, func(p []byte) { format.RemoteOwner.Put(p, 128) }), "attr.remote-header"},
	{"remote: LSN", partOf("/attr-remote", format.TypeAttrRmt, 1, func(p []byte) { format.RemoteLSN.Put(p, 0) }), "attr.remote-header"},
	{"remote: length", attrLeaf("/attr-remote", func(p []byte) {
		n := attrName(p, attrNamed(p, "one"))
		format.AttrRemoteValueLen.Put(n, 2999)
	}), "attr.remote-header"},
	{"remote: no length", attrLeaf("/attr-remote", func(p []byte) {
		format.AttrRemoteValueLen.Put(attrName(p, attrNamed(p, "one")), 0)
	}), "attr.lost attr.remote-length"},
	{"remote: short", attrLeaf("/attr-remote", func(p []byte) {
		format.AttrRemoteValueLen.Put(attrName(p, attrNamed(p, "one")), 10)
	}), "attr.lost attr.remote-header attr.remote-small"},
	{"remote: too long", attrLeaf("/attr-remote", func(p []byte) {
		format.AttrRemoteValueLen.Put(attrName(p, attrNamed(p, "one")), 30000)
	}), "attr.overlap attr.remote-header attr.remote-missing"},
	{"remote: another's blocks", attrLeaf("/attr-remote", func(p []byte) {
		one, two := attrName(p, attrNamed(p, "one")), attrName(p, attrNamed(p, "two"))
		format.AttrRemoteBlk.Put(one, format.AttrRemoteBlk.Get(two))
	}), "attr.lost attr.overlap attr.remote-header"},

	{"ACL", inodeOf("/attr-acl", func(raw []byte) {
		fork := attrs(raw)
		fork[bytes.Index(fork, []byte(format.AttrACLAccess))+len(format.AttrACLAccess)+7] = 0x77
	}), "attr.acl"},
	{"parent: value", inodeOf("/fifo", func(raw []byte) {
		fork := attrs(raw)
		at := bytes.Index(fork, []byte("fifo")) - format.AttrSFEntry.Size
		fork[at]++
		fork[at+1]--
	}), "attr.name parent.missing parent.shape"},
	{"parent: missing", inodeOf("/fifo", func(raw []byte) {
		fork := attrs(raw)
		at := bytes.Index(fork, []byte("fifo")) - format.AttrSFEntry.Size
		format.AttrSFFlags.Put(fork[at:], 0)
	}), "parent.missing"},
	{"parent: another", inodeOf("/fifo", func(raw []byte) {
		fork := attrs(raw)
		fork[bytes.Index(fork, []byte("fifo"))] = 'x'
	}), "parent.missing parent.stray"},
	{"parent: generation", inodeOf("/fifo", func(raw []byte) {
		fork := attrs(raw)
		fork[bytes.Index(fork, []byte("fifo"))+4+11]++
	}), "parent.generation"},
	{"mapping beyond", func(b *bed, d *device.Memory) {
		b.inode(d, "/attr-leaf", func(raw []byte) {
			m := format.UnpackMapping(attrs(raw))
			m.Off = 1 << 33
			m.Pack(attrs(raw))
		})
	}, "attr.tree fork.place rmap.wrong"},
}
