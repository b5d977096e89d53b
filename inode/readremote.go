package inode

import (
	"fmt"

	"github.com/cowfs/cowfs/format"
)

// ReadRemote reads n bytes that lie behind headers in the fork's blocks from off on: a long
// link target (magic format.SymlinkMagic) or attribute value (format.AttrRmtMagic). A value has
// a header in each block, a link one in each mapping. n must be within the format's limit for
// it, as the buffer is made beforehand.
func (f *Fork) ReadRemote(magic uint32, off format.FileOff, n int) ([]byte, error) {
	g := f.ino.src.Geo
	end := off + format.FileOff(format.RemoteBlocks(g.BlockSize, n))
	out := make([]byte, 0, n)
	buf := make([]byte, g.BlockSize)
	for off < end && len(out) < n {
		count := format.FileOff(1)
		if magic == format.SymlinkMagic {
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
		if err := f.checkRemote(buf, magic, daddr, len(out), part); err != nil {
			return nil, err
		}
		out = append(out, buf[format.AttrRmt.Size:format.AttrRmt.Size+part]...)
		off += count
	}
	return out, nil
}

// checkRemote judges a block at daddr that should hold bytes off to off+n of the value.
func (f *Fork) checkRemote(b []byte, magic uint32, daddr format.Daddr, off, n int) error {
	bad := func(field string, got, want any) error {
		p := f.ino.src.place(f.ino.Ino)
		p.Daddr = daddr
		return format.Corrupt(f.Which.String()+" block", field, got, want).At(p)
	}
	switch {
	case format.RemoteMagic.Get(b) != magic:
		return bad("magic", hex(format.RemoteMagic.Get(b)), hex(magic))
	case !format.ChecksumOK(b, format.RemoteCRC):
		return bad("crc", hex(format.RemoteCRC.Get(b)), hex(format.Checksum(b, format.RemoteCRC)))
	case format.RemoteUUID.Get(b) != f.ino.src.Geo.MetaUUID:
		return bad("uuid", format.RemoteUUID.Get(b), f.ino.src.Geo.MetaUUID)
	case format.RemoteOwner.Get(b) != f.ino.Ino:
		return bad("owner", format.RemoteOwner.Get(b), f.ino.Ino)
	case format.RemoteBno.Get(b) != daddr:
		return bad("bno", format.RemoteBno.Get(b), daddr)
	case int64(format.RemoteOffset.Get(b)) != int64(off):
		return bad("offset", format.RemoteOffset.Get(b), off)
	case int64(format.RemoteBytes.Get(b)) != int64(n):
		return bad("bytes", format.RemoteBytes.Get(b), n)
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
		if target, err = f.ReadRemote(format.SymlinkMagic, 0, int(i.Size())); err != nil {
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
