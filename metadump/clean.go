package metadump

import (
	"fmt"
	"strings"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/volume"
)

// cleaner takes out of metadata what a dump is not to have.
type cleaner struct {
	v     *volume.Volume
	names *namer // nil: names stay
	full  bool   // what is left over in blocks stays
}

// block cleans what m says lies in b. An error says that it is too damaged for that.
func (c *cleaner) block(m volume.Meta, b []byte) error {
	if c.names == nil && c.full {
		return nil
	}
	g := c.v.Geo
	t := m.Detect(g, b)
	if t == nil || !t.Is(b) {
		return fmt.Errorf("%v: not what it should be", m.At)
	}
	if t != format.TypeInode {
		return c.structure(t, m, b)
	}
	var failed error
	for off := 0; off+g.InodeSize <= len(b); off += g.InodeSize {
		one := b[off : off+g.InodeSize]
		if !t.Is(one) {
			if !zero(one) {
				failed = fmt.Errorf("%v: no inode at byte %d", m.At, off)
				c.leaveOut(one)
			}
			continue
		}
		if err := c.structure(t, m, one); err != nil {
			failed = err
			c.leaveOut(one)
		}
	}
	return failed
}

// leaveOut zeroes a damaged inode that may hold names.
func (c *cleaner) leaveOut(b []byte) {
	if c.names != nil {
		clear(b)
	}
}

// structure cleans one structure: by its table, of which every byte that is no field's is left over.
func (c *cleaner) structure(t *format.BlockType, m volume.Meta, b []byte) error {
	g := c.v.Geo
	if n := t.Len(g, b); n > 0 && n <= len(b) {
		b = b[:n]
	}
	right := format.ChecksumOK(b, t.CRC)
	values, err := t.Table.All(g, b)
	if err != nil {
		return fmt.Errorf("%v: %w", m.At, err)
	}
	if c.names != nil {
		if err := c.rename(t, m, b, values); err != nil {
			return err
		}
	}
	if !c.full {
		clearRest(b, values)
	}
	if right {
		t.SetChecksum(b)
	}
	return nil
}

// clearRest zeroes the bytes that belong to no field.
func clearRest(b []byte, values format.Values) {
	used := make([]bool, len(b))
	for _, v := range values {
		for i := v.Off; i < v.Off+v.Size; i++ {
			used[i] = true
		}
	}
	for i := range b {
		if !used[i] {
			b[i] = 0
		}
	}
}

// rename replaces names, values, targets and the label in a structure.
func (c *cleaner) rename(t *format.BlockType, m volume.Meta, b []byte, values format.Values) error {
	switch t {
	case format.TypeSymlink, format.TypeAttrRmt:
		return c.remote(t, m, b, values)
	}
	for _, v := range values {
		if v.Kind != format.Text && v.Kind != format.Raw || v.Bits != 0 {
			continue
		}
		text := b[v.Off : v.Off+v.Size]
		switch name := v.Name[strings.LastIndexByte(v.Name, '.')+1:]; {
		case name == "name":
			copy(text, c.names.other(string(text)))
		case name == "value":
			c.names.value(text)
		case t == format.TypeSuperblock && name == "fname": // as xfs_metadump has it
			copy(text, strings.Repeat("L", len(strings.TrimRight(string(text), "\x00"))))
		case v.Name == "u3.symlink":
			copy(text, c.names.path(string(text)))
		case v.Name == "u3.local":
			clear(text) // no file has its contents there, but whatever it is, it is not ours to show
		}
	}
	return nil
}

// remote replaces the part of a value or of a link's target that a block holds.
func (c *cleaner) remote(t *format.BlockType, m volume.Meta, b []byte, values format.Values) error {
	for _, v := range values {
		if v.Name != "data" {
			continue
		}
		text := b[v.Off : v.Off+v.Size]
		if t == format.TypeAttrRmt {
			c.names.value(text)
			continue
		}
		i, err := c.v.Inode(m.At.Ino)
		if err != nil {
			return err
		}
		target, err := i.Target()
		if err != nil {
			return err
		}
		other := c.names.path(target)
		from := int(format.RemoteOffset.Get(b))
		if from > len(other) || len(text) > len(other)-from {
			return fmt.Errorf("%v: a part of a link's target that it does not have", m.At)
		}
		copy(text, other[from:])
	}
	return nil
}

func zero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
