package source

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/klauspost/readahead"
)

const blockSize = 512 // bytes of a tar block

// roundBlock rounds up to whole tar blocks.
func roundBlock(n int64) int64 { return (n + blockSize - 1) &^ (blockSize - 1) }

// stream is an unpacked archive as archive/tar reads it, with its position known. Bytes that are
// passed over by Seek need not be read, but are put into the spool where there is one.
type stream struct {
	in   input
	ctx  context.Context
	buf  []byte // bytes of the archive before the position of in
	rest []byte // of buf, not read yet
	pos  int64  // in the archive
	err  error  // of in, to be given when rest is used up

	head     []byte // what was read from headFrom on
	headFrom int64
}

// input gives the bytes of an archive in order.
type input interface {
	next(p []byte) (int, error)
	// skip passes over n bytes without a look at them; not ok when they have to be read.
	skip(n int64) (ok bool)
}

func newStream(ctx context.Context, in input, bufSize int) *stream {
	return &stream{in: in, ctx: ctx, buf: make([]byte, bufSize)}
}

// maxHead bounds the headers of one entry: archive/tar takes 1 MiB for each kind.
const maxHead = 8 << 20

var errHead = fmt.Errorf("the headers of the entry take more than %d bytes", maxHead)

// keepHead makes the stream keep what is read from position from on.
func (s *stream) keepHead(from int64) { s.head, s.headFrom = s.head[:0], from }

func (s *stream) Read(p []byte) (int, error) {
	if err := s.fill(); err != nil {
		return 0, err
	}
	n := copy(p, s.rest)
	if behind := s.pos + int64(n) - s.headFrom; behind > 0 {
		s.head = append(s.head, p[n-int(min(behind, int64(n))):n]...)
		if len(s.head) > maxHead {
			return 0, errHead
		}
	}
	s.advance(n)
	return n, nil
}

// fill gets bytes into rest.
func (s *stream) fill() error {
	if len(s.rest) > 0 {
		return nil
	}
	if s.err == nil {
		s.err = s.ctx.Err()
	}
	if s.err != nil {
		return s.err
	}
	var n int
	for n == 0 && s.err == nil {
		n, s.err = s.in.next(s.buf)
	}
	s.rest = s.buf[:n]
	if n == 0 {
		return s.err
	}
	return nil
}

func (s *stream) advance(n int) {
	s.rest = s.rest[n:]
	s.pos += int64(n)
}

var errSeek = errors.New("a stream only goes on")

// Seek goes on by off bytes, as archive/tar does to pass over contents. At the end of the
// archive it stops without an error.
func (s *stream) Seek(off int64, whence int) (int64, error) {
	if whence != io.SeekCurrent || off < 0 {
		return 0, errSeek
	}
	for off > 0 {
		if over := off - int64(len(s.rest)); over > 0 && s.in.skip(over) {
			s.pos += off
			s.rest = nil
			break
		}
		if s.fill() != nil {
			break
		}
		n := int(min(off, int64(len(s.rest))))
		s.advance(n)
		off -= int64(n)
	}
	return s.pos, nil
}

// fileInput is a plain archive in a file that can be read at any place.
type fileInput struct {
	f   *os.File
	off int64 // in the file
}

func (in *fileInput) next(p []byte) (int, error) {
	n, err := in.f.ReadAt(p, in.off)
	in.off += int64(n)
	return n, err
}

func (in *fileInput) skip(n int64) bool {
	in.off += n
	return true
}

// spoolInput is an archive that comes as a stream. All of it goes to the spool, where contents are
// read from afterwards.
type spoolInput struct {
	r     io.Reader
	spool *spool    // nil: throw away
	hash  hash.Hash // nil: none
}

func (in *spoolInput) next(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var k int
		k, err = in.r.Read(p[n:])
		n += k
	}
	if in.hash != nil {
		in.hash.Write(p[:n])
	}
	if in.spool != nil {
		if werr := in.spool.write(p[:n]); werr != nil {
			return 0, werr
		}
	}
	return n, err
}

func (in *spoolInput) skip(int64) bool { return false }

// Buffer sizes in bytes: of a plain archive, where contents are passed over, and of a stream.
const (
	fileBuf   = 1 << 15
	streamBuf = 1 << 20
)

// magic numbers of compressed files, and what to do with them.
var compressions = [...]struct {
	name  string
	match func(b []byte) bool
	open  func(r io.Reader) (io.ReadCloser, error) // nil: not known here
}{
	{"gzip", prefix("\x1f\x8b"), func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }},
	{"zstd", prefix("\x28\xb5\x2f\xfd"), openZstd},
	// A skippable frame, which parallel compressors begin with.
	{"zstd", func(b []byte) bool { return len(b) >= 4 && b[0]&0xf0 == 0x50 && string(b[1:4]) == "\x2a\x4d\x18" }, openZstd},
	{"xz", prefix("\xfd7zXZ\x00"), nil},
	{"bzip2", prefix("BZh"), nil},
	{"lz4", prefix("\x04\x22\x4d\x18"), nil},
	{"lzip", prefix("LZIP"), nil},
	{"compress", prefix("\x1f\x9d"), nil},
	{"zip", prefix("PK\x03\x04"), nil},
}

const magicLen = 6 // bytes, of the longest magic number

func prefix(magic string) func([]byte) bool {
	return func(b []byte) bool { return bytes.HasPrefix(b, []byte(magic)) }
}

// maxWindow bounds the memory that a zstd stream can ask for; it is what zstd's own tool takes
// without being told to take more.
const maxWindow = 128 << 20

func openZstd(r io.Reader) (io.ReadCloser, error) {
	d, err := zstd.NewReader(r, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}

// decompress unpacks what begins with a known magic number, ahead of its reader, and gives
// everything else as it is.
func decompress(r io.Reader) (io.ReadCloser, error) {
	br := bufio.NewReaderSize(r, streamBuf)
	magic, err := br.Peek(magicLen)
	if err != nil && err != io.EOF {
		return nil, err
	}
	for _, c := range compressions {
		if !c.match(magic) {
			continue
		}
		if c.open == nil {
			return nil, fmt.Errorf("compressed with %s; what is read is plain tar, gzip and zstd", c.name)
		}
		z, err := c.open(br)
		if err != nil {
			return nil, cutOff(err)
		}
		return readahead.NewReadCloserSize(z, 4, streamBuf)
	}
	return io.NopCloser(br), nil
}

// isCompressed reports whether a file begins with the magic number of a compressed one.
func isCompressed(magic []byte) bool {
	for _, c := range compressions {
		if c.match(magic) {
			return true
		}
	}
	return false
}
