package journal

import (
	"sync"

	"github.com/cowfs/cowfs/format"
)

// The fixed part of an inode is the same in the log and on the disk but for the order of the
// bytes in each number.

// swap is a number of size bytes at an offset, or bytes to copy when size is 1.
type swap struct{ off, size, n int }

// dinodeSwaps lists, for each combination of the flags that the layout depends on, the fields of
// an inode's fixed part. Those that the log does not order are missing: an inode's place in the
// unlinked list has items of its own, checksum and LSN are made when it is written.
var dinodeSwaps = sync.OnceValue(func() (tables [4][]swap) {
	for i := range tables {
		b := make([]byte, format.LogDinode.Size)
		flags2.Put(b, layoutFlags(i))
		for _, f := range format.LogDinode.Fields {
			skip := f.Off == int(format.DiNextUnlinked) || f.Off == int(format.DiCRC) || f.Off == int(format.DiLSN)
			if skip || f.When != nil && !f.When(b) {
				continue
			}
			s := swap{f.Off, f.Size, f.Count}
			switch f.Kind {
			case format.Time: // two words
				s = swap{f.Off, f.Size / 2, 2 * f.Count}
			case format.UUIDKind, format.Text, format.Raw, format.Pad:
				s = swap{f.Off, 1, f.Size * f.Count}
			}
			tables[i] = append(tables[i], s)
		}
	}
	return tables
})

// flags2 is where the log has the flags.
var flags2 = format.LE64[format.DiFlag2](format.DiFlags2)

// layoutFlags are the flags of a table of dinodeSwaps, layout is its inverse.
func layoutFlags(i int) (f format.DiFlag2) {
	if i&1 != 0 {
		f |= format.Flag2Bigtime
	}
	if i&2 != 0 {
		f |= format.Flag2Nrext64
	}
	return f
}

func layout(f format.DiFlag2) (i int) {
	if f&format.Flag2Bigtime != 0 {
		i |= 1
	}
	if f&format.Flag2Nrext64 != 0 {
		i |= 2
	}
	return i
}

// copyDinode turns the fixed part of an inode in the log into that of one on the disk.
func copyDinode(disk, log []byte) { swapDinode(disk, log, flags2.Get(log)) }

// copyLogDinode is the inverse of copyDinode.
func copyLogDinode(log, disk []byte) { swapDinode(log, disk, format.DiFlags2.Get(disk)) }

func swapDinode(to, from []byte, f format.DiFlag2) {
	for _, s := range dinodeSwaps()[layout(f)] {
		if s.size == 1 {
			copy(to[s.off:s.off+s.n], from[s.off:])
			continue
		}
		for i := range s.n {
			a, b := to[s.off+i*s.size:][:s.size], from[s.off+i*s.size:][:s.size]
			for k := range b {
				a[s.size-1-k] = b[k]
			}
		}
	}
}
