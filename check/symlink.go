package check

import (
	"bytes"
	"fmt"

	"github.com/cowfs/cowfs/format"
)

// judgeLink judges the target of a symbolic link that is not in its inode: that was judged with
// the inode.
func (f *file) judgeLink() {
	if format.DiFormat.Get(f.raw) == format.FmtLocal || f.data.unreadable {
		return
	}
	w, g := f.w, f.w.geo
	size := int(min(format.DiSize.Get(f.raw), format.MaxSymlinkLen))
	if data, _ := format.Forks(f.raw); size <= len(data) {
		f.say(SymlinkRoom, "core.format", format.DiFormat.Get(f.raw), "local, for a target that has room in the inode")
	}
	need := format.FileOff(format.RemoteBlocks(g.BlockSize, size))
	off, done := format.FileOff(0), 0
	for done < size {
		m, ok := f.data.find(off)
		if !ok || m.Unwritten {
			at := InInode(f.ino)
			at.Offset = int64(off << g.BlockLog)
			w.report(Finding{Code: SymlinkBlock, Structure: format.TypeSymlink.Name, Place: at, Got: "no block", Want: fmt.Sprintf("the target from byte %d on", done)})
			return
		}
		n := int(min(m.End(), max(need, off+1)) - off) // one header for the blocks of a mapping
		b, start, ok := f.data.block(off, n, false)
		if !ok {
			return
		}
		part := min(format.RemotePayload(len(b)), size-done)
		if !f.judgeTarget(b, f.data.placeOf(off, start, n), start, done, part) {
			return
		}
		off += format.FileOff(n)
		done += part
	}
	if f.data.next > off {
		at := InInode(f.ino)
		at.Offset = int64(off << g.BlockLog)
		w.report(Finding{Code: SymlinkRoom, Structure: format.TypeInode.Name, Place: at, Got: fmt.Sprintf("blocks up to offset %d", f.data.next), Want: fmt.Sprintf("none from %d on", off)})
	}
}

// judgeTarget judges the blocks with one part of a target: n bytes from byte off on.
func (f *file) judgeTarget(b []byte, at Place, start format.FSBlock, off, n int) (ok bool) {
	w := f.w
	say := func(code *Code, field string, got, want any) {
		w.report(Finding{Code: code, Structure: format.TypeSymlink.Name, Field: field, Place: at, Got: text(got), Want: text(want)})
	}
	where := format.BlockOf(f.ino, w.geo.ToDaddr(start))
	ok = true
	if format.Verify(w.geo, format.TypeSymlink, b, where) != nil {
		format.Judge(w.geo, format.TypeSymlink, b, where, func(e *format.CorruptError) {
			ok = ok && e.Field != "magic" && e.Field != "" && e.Field != "bytes"
			say(SymlinkBlock, e.Field, e.Got, e.Want)
		})
	}
	if !ok {
		return false
	}
	w.checkLSN(format.TypeSymlink, b, at)
	if got := int(format.RemoteOffset.Get(b)); got != off {
		say(SymlinkBlock, "offset", got, off)
	}
	if got := int(format.RemoteBytes.Get(b)); got != n {
		say(SymlinkBlock, "bytes", got, n)
	}
	if i := bytes.IndexByte(b[format.Symlink.Size:][:n], 0); i >= 0 {
		say(SymlinkTarget, "data", fmt.Sprintf("a NUL at byte %d", off+i), "none")
	}
	return true
}
