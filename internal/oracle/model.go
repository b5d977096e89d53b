package oracle

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// fallocates reserves, punches, zeroes, collapses and inserts ranges in some old files and in
// a new one.
func (e *exercise) fallocates() {
	p := filepath.Join(e.work, "fallocate")
	e.must("create", os.WriteFile(p, e.bytes(min(1<<20, e.room/4)), 0o644))
	for _, p := range append([]string{p}, e.files[:min(10, len(e.files))]...) {
		f, err := os.OpenFile(p, os.O_RDWR, 0)
		e.must("open", err)
		st, err := f.Stat()
		e.must("stat", err)
		size := (st.Size()/e.block + 1) * e.block
		fd := int(f.Fd())
		if size > e.room/16 { // what is written and cloned takes new blocks
			size = e.block
		}
		e.must("fallocate", unix.Fallocate(fd, 0, 0, size+e.block))
		e.must("punch", unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, size/3, e.block))
		e.must("zero", unix.Fallocate(fd, unix.FALLOC_FL_ZERO_RANGE, size/2, e.block))
		if st.Size() < 1<<30 { // these move each extent in a transaction of its own
			e.must("insert", unix.Fallocate(fd, unix.FALLOC_FL_INSERT_RANGE, 0, e.block))
			e.must("collapse", unix.Fallocate(fd, unix.FALLOC_FL_COLLAPSE_RANGE, 0, e.block))
		}
		e.must("truncate", f.Truncate(st.Size()/2))
		e.must("close", f.Close())
	}
}

// modelFile is a file beside what it should hold.
type modelFile struct {
	f    *os.File
	want []byte
}

// model runs random operations on a few files and compares with what they should hold, in
// the manner of fsx.
func (e *exercise) model() {
	const operations = 400
	limit := min(256<<10, e.room/16) / e.block * e.block
	if limit < 4*e.block {
		return
	}
	var files []*modelFile
	for i := range 3 {
		f, err := os.Create(filepath.Join(e.work, fmt.Sprintf("model-%d", i)))
		e.must("create", err)
		defer f.Close()
		files = append(files, &modelFile{f: f})
	}
	for i := range operations {
		m := files[e.rng.IntN(len(files))]
		what, err := e.operate(m, files[e.rng.IntN(len(files))], limit)
		e.must(fmt.Sprintf("operation %d: %s", i, what), err)
		got := make([]byte, limit+1)
		n, _ := m.f.ReadAt(got, 0)
		if !bytes.Equal(got[:n], m.want) {
			e.t.Fatalf("kernel exercise: %s: contents differ after operation %d: %s", m.f.Name(), i, what)
		}
	}
}

// operate does one random operation to m and its model. Files stay at most limit bytes long.
func (e *exercise) operate(m, other *modelFile, limit int64) (string, error) {
	off := e.rng.Int64N(limit)
	n := 1 + e.rng.Int64N(limit-off)
	switch fd := int(m.f.Fd()); e.rng.IntN(6) {
	case 0:
		m.resize(off)
		return fmt.Sprintf("truncate to %d", off), m.f.Truncate(off)
	case 1:
		if end := min(off+n, int64(len(m.want))); off < end {
			clear(m.want[off:end])
		}
		return fmt.Sprintf("punch %d at %d", n, off), unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, n)
	case 2:
		m.resize(max(off+n, int64(len(m.want))))
		return fmt.Sprintf("fallocate %d at %d", n, off), unix.Fallocate(fd, 0, off, n)
	case 3:
		if e.reflink && m != other && len(other.want) > 0 {
			return "clone", e.cloneRange(m, other, limit)
		}
		fallthrough
	case 4:
		return "sync", m.f.Sync()
	default:
		data := e.bytes(n)
		m.resize(max(off+n, int64(len(m.want))))
		copy(m.want[off:], data)
		_, err := m.f.WriteAt(data, off)
		return fmt.Sprintf("write %d at %d", n, off), err
	}
}

// cloneRange shares whole blocks of one file with another.
func (e *exercise) cloneRange(m, other *modelFile, limit int64) error {
	blocks := int64(len(other.want)) / e.block
	if blocks == 0 {
		return nil
	}
	src := e.rng.Int64N(blocks)
	n := 1 + e.rng.Int64N(blocks-src)
	dst := e.rng.Int64N(limit / e.block)
	n = min(n, limit/e.block-dst)
	err := unix.IoctlFileCloneRange(int(m.f.Fd()), &unix.FileCloneRange{
		Src_fd: int64(other.f.Fd()), Src_offset: uint64(src * e.block), Src_length: uint64(n * e.block), Dest_offset: uint64(dst * e.block),
	})
	if errors.Is(err, unix.EOPNOTSUPP) {
		e.reflink = false
		return nil
	}
	m.resize(max((dst+n)*e.block, int64(len(m.want))))
	copy(m.want[dst*e.block:], other.want[src*e.block:(src+n)*e.block])
	return err
}

// resize cuts the model or pads it with zeros.
func (m *modelFile) resize(n int64) {
	if n <= int64(len(m.want)) {
		m.want = m.want[:n:n]
		return
	}
	m.want = append(m.want, make([]byte, n-int64(len(m.want)))...)
}
