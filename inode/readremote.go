package inode

import (
	"fmt"

	"github.com/cowfs/cowfs/format"
)

// ReadRemote reads n bytes that lie behind headers in the fork's blocks from off on: a long
// link target (format.TypeSymlink) or attribute value (format.TypeAttrRmt). A value has
// a header in each block, a link one in each mapping. n must be within the format's limit for
// it, as the buffer is made beforehand.
func (f *Fork) ReadRemote(t *format.BlockType, off format.FileOff, n int) ([]byte, error) {
	g := f.ino.src.Geo
	end := off + format.FileOff(format.RemoteBlocks(g.BlockSize, n))
	out := make([]byte, 0, n)
	buf := make([]byte, g.BlockSize)
	for off < end && len(out) < n {
		count := format.FileOff(1)
		if t == format.TypeSymlink {
			if m, ok, err := f.Find(off); err != nil {
				return nil, err
			} else if ok {
				count = min(m.End(), end) - off
			}
		}
		if size := int(count) << g.BlockLog; size != len(buf) {
			buf = make([]byte, size)
		}
		daddr, err := f.ReadBlocks(off, buf)
		if err != nil {
			return nil, err
		}
		part := min(format.RemotePayload(len(buf)), n-len(out))
		if err := f.checkRemote(buf, t, daddr, len(out), part); err != nil {
			return nil, err
		}
		out = append(out, buf[format.AttrRmt.Size:format.AttrRmt.Size+part]...)
		off += count
	}
	return out, nil
}

// checkRemote judges what lies at daddr and should hold bytes off to off+n of the value.
func (f *Fork) checkRemote(b []byte, t *format.BlockType, daddr format.Daddr, off, n int) error {
	at := format.InInode(f.ino.Ino)
	at.Daddr = daddr
	if err := format.Verify(f.ino.src.Geo, t, b, at); err != nil {
		return err
	}
	if o, k := int(format.RemoteOffset.Get(b)), int(format.RemoteBytes.Get(b)); o != off || k != n {
		return format.Corrupt(t.Name, "offset", fmt.Sprintf("bytes %d to %d of the value", o, o+k), fmt.Sprintf("bytes %d to %d", off, off+n)).At(at)
	}
	return nil
}

// Target is where a symbolic link points.
func (i *Inode) Target() (string, error) {
	if !i.IsLink() {
		return "", fmt.Errorf("inode %d is no symbolic link", i.Ino)
	}
	f, err := i.Fork(Data)
	if err != nil {
		return "", err
	}
	target := f.Local
	if f.Format != format.FmtLocal {
		if target, err = f.ReadRemote(format.TypeSymlink, 0, int(i.Size())); err != nil {
			return "", err
		}
	}
	for k, c := range target {
		if c == 0 {
			return "", f.corrupt("target", fmt.Sprintf("a NUL at byte %d", k), "none")
		}
	}
	return string(target), nil
}
