package source

import (
	"bytes"
	"fmt"
	"math/bits"

	"github.com/cowfs/cowfs/format"
)

const (
	modeType = format.ModeType
	modeLink = format.ModeLink
	modeReg  = format.ModeReg
	modeDir  = format.ModeDir
)

func (n *Node) isDir() bool { return n.Mode&modeType == modeDir }

// maxTarget is the longest target of a symbolic link that a tree can hold, in bytes.
const maxTarget = chunkLen - 1

// lookForHoles is the size in bytes from which on a file is asked for its holes although it has
// blocks for all its bytes: some may be allocated and unwritten.
const lookForHoles = 1 << 16

// hostLink is a file of the host that has several links.
type hostLink struct{ dev, ino uint64 }

// joinLinks puts the tree in its final order and joins the links of a file. While scanning, NLink
// of a file with several links is 1 + its index in links, and each link has a node.
func (t *Tree) joinLinks(links []hostLink) {
	first := make(map[hostLink]ID, len(links))
	t.number(func(raw ID) ID {
		n := t.Node(raw)
		if n.NLink == 0 {
			return raw
		}
		link := links[n.NLink-1]
		if id, ok := first[link]; ok {
			return id
		}
		first[link] = raw
		return raw
	})
}

// checkName refuses what no directory can hold.
func checkName(name []byte) error {
	switch {
	case len(name) > 255:
		return ErrNameTooLong
	case len(name) == 0 || bytes.IndexByte(name, '/') >= 0 || bytes.IndexByte(name, 0) >= 0:
		return fmt.Errorf("not a file name")
	}
	return nil
}

func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

func encodeDev(major, minor uint64) (uint32, error) {
	if major >= 1<<14 || minor >= 1<<18 {
		return 0, fmt.Errorf("device number %d:%d: they go up to %d:%d", major, minor, 1<<14-1, 1<<18-1)
	}
	return format.EncodeDev(uint32(major), uint32(minor)), nil
}

// stamp condenses what identifies a state of a regular file, besides its size.
func stamp(dev, ino uint64, sec int64, nsec uint32) uint64 {
	h := uint64(0x9e3779b97f4a7c15)
	for _, v := range [...]uint64{dev, ino, uint64(sec), uint64(nsec)} {
		h = bits.RotateLeft64((h^v)*0xff51afd7ed558ccd, 31) * 0xc4ceb9fe1a85ec53
	}
	return h ^ h>>32
}
