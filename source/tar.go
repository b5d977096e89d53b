package source

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
)

var errNotTar = errors.New("not a tar archive")

// ReadTar reads tar archives, each applied on those before it. "-" is Options.Stdin. Errors
// about what an archive holds are an ArchiveError.
func ReadTar(ctx context.Context, layers []string, o Options) (*Tree, error) {
	r, err := o.compile()
	if err != nil {
		return nil, err
	}
	a := newArchives(ctx, r)
	a.b.whiteouts = len(layers) > 1
	for _, path := range layers {
		if err := a.readPath(path); err != nil {
			a.store.Close()
			return nil, err
		}
	}
	return a.finish(), nil
}

// archives reads archives, one after the other, into one tree.
type archives struct {
	ctx   context.Context
	b     *builder
	store *archiveStore
	spool spool
	// spoolIndex is the spool's place in the store; -1 until there is one.
	spoolIndex int
}

func newArchives(ctx context.Context, r *rules) *archives {
	s := &archiveStore{}
	return &archives{ctx: ctx, b: newBuilder(r, s), store: s, spool: spool{dir: r.SpoolDir}, spoolIndex: -1}
}

func (a *archives) finish() *Tree {
	t := a.b.finish()
	if p := a.b.rules.Progress; p != nil {
		p(t.Len())
	}
	return t
}

// readPath reads the archive in a file, in place if that is possible.
func (a *archives) readPath(path string) error {
	if path == "-" {
		return a.readStdin()
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return a.readFile(f, path, 0)
}

func (a *archives) readStdin() error {
	const name = "standard input"
	if a.b.rules.Stdin == nil {
		return fmt.Errorf("%s: there is none", name)
	}
	// Standard input may be a file, e.g. from a redirection in a shell.
	if f, ok := a.b.rules.Stdin.(*os.File); ok {
		if off, err := f.Seek(0, io.SeekCurrent); err == nil {
			own, err := dupFile(f)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return a.readFile(own, name, off)
		}
	}
	return a.readStream(a.b.rules.Stdin, name)
}

// readFile reads the archive that lies in a file from off on, and takes over the file.
func (a *archives) readFile(f *os.File, name string, off int64) error {
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return err
	}
	if st.IsDir() {
		f.Close()
		return fmt.Errorf("%s: is a directory, not an archive", name)
	}
	var magic [magicLen]byte
	n, err := f.ReadAt(magic[:], off)
	if err != nil && err != io.EOF || !st.Mode().IsRegular() || isCompressed(magic[:n]) {
		// Not to be read in place. An error says that the file cannot be read at an offset;
		// whether it can be read at all, reading it will tell.
		defer f.Close()
		return a.readStream(f, name)
	}
	file, err := a.store.add(f, name)
	if err != nil {
		f.Close()
		return fmt.Errorf("%s: %w", name, err)
	}
	l := layer{
		archives: a, name: name, file: file, start: off, size: st.Size() - off, needEnd: true,
		s: newStream(a.ctx, &fileInput{f, off}, fileBuf),
	}
	return l.read()
}

// readStream reads an archive by way of the spool.
func (a *archives) readStream(r io.Reader, name string) error {
	z, err := decompress(r)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer z.Close()
	return a.readSpooled(&spoolInput{r: z}, name, true)
}

// readSpooled reads an unpacked archive by way of the spool.
func (a *archives) readSpooled(in *spoolInput, name string, needEnd bool) error {
	if a.spoolIndex < 0 {
		if err := a.spool.open(); err != nil {
			return err
		}
		var err error
		if a.spoolIndex, err = a.store.add(a.spool.f, a.spool.f.Name()); err != nil {
			a.spool.f.Close()
			return err
		}
		a.store.files[a.spoolIndex].spool = true
	}
	in.spool = &a.spool
	l := layer{
		archives: a, name: name, file: a.spoolIndex, start: a.spool.size, size: -1, needEnd: needEnd,
		s: newStream(a.ctx, in, streamBuf),
	}
	if err := l.read(); err != nil {
		return err
	}
	in.spool = nil
	return l.drain()
}

// layer is an archive that is being read.
type layer struct {
	*archives
	s       *stream
	name    string
	file    int   // in the store
	start   int64 // of the archive in that file, bytes
	size    int64 // of the archive, bytes; -1: not known
	needEnd bool  // an archive without its end marker is refused
	entry   string
}

// read takes in all entries.
func (l *layer) read() error {
	l.b.startLayer()
	tr := tar.NewReader(l.s)
	end := int64(0) // of the last entry's content
	for i := 1; ; i++ {
		if p := l.b.rules.Progress; p != nil && i%1024 == 0 {
			p(l.b.t.nodes.n)
		}
		l.s.keepHead(roundBlock(end))
		h, err := tr.Next()
		if errors.Is(err, tar.ErrInsecurePath) {
			err = nil // a matter of a debug setting; what leads out of the tree is refused below
		}
		if err == io.EOF {
			if l.needEnd && !l.sawEnd() {
				return l.fail(true, l.s.pos, ErrNoEnd)
			}
			return nil
		}
		if errors.Is(err, tar.ErrHeader) && l.s.pos == blockSize {
			err = errNotTar
		}
		if err != nil {
			return l.fail(true, l.s.pos, cutOff(err))
		}
		l.entry = h.Name
		at := l.s.pos
		n, err := l.take(h)
		if err != nil {
			return l.fail(false, at, err)
		}
		end = at + n
	}
}

// sawEnd reports whether what was read last is a block of zeroes, as archives end with.
func (l *layer) sawEnd() bool {
	var zero [blockSize]byte
	return len(l.s.head) >= blockSize && bytes.Equal(l.s.head[len(l.s.head)-blockSize:], zero[:])
}

func (l *layer) fail(after bool, off int64, err error) error {
	return &ArchiveError{Archive: l.name, Entry: l.entry, After: after, Offset: off, Err: err}
}

// drain reads what is behind the archive's end, so that checksums at the end of the stream are
// verified, and whoever writes into a pipe can finish.
func (l *layer) drain() error {
	for {
		l.s.advance(len(l.s.rest))
		switch err := l.s.fill(); {
		case err == nil:
		case err == io.EOF, errors.Is(err, gzip.ErrHeader): // gzip: junk behind it, which its own tool ignores
			return nil
		default:
			return l.fail(true, l.s.pos, cutOff(err))
		}
	}
}
