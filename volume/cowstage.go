package volume

import (
	"cmp"
	"context"
	"io"
	"slices"

	"github.com/cowfs/cowfs/cow"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
)

// Stage writes data to a file at byte off, within the file, up to the point where they are in
// blocks of their own: the file stays as it is, also for other processes, until CowRemap or
// Writeback. CowCancel drops them. A volume with staged writes can't be mounted by Linux but for
// reading.
func (w *Writer) Stage(path string, p []byte, off int64) error {
	return w.withFile("stage", path, func(c *cow.File) error {
		_, err := c.Stage(context.Background(), p, off)
		return err
	})
}

// CowReserve promises blocks of the CoW fork of a file for a range of bytes, shared or not. The
// promise is in memory: it ends with Sync and Close.
func (w *Writer) CowReserve(path string, off, n int64) error {
	return w.withFile("cow reserve", path, func(c *cow.File) error { return c.Reserve(off, n) })
}

// CowAllocate gives blocks to a range of bytes of the CoW fork, which is on disk from now on.
func (w *Writer) CowAllocate(path string, off, n int64) error {
	return w.withFile("cow allocate", path, func(c *cow.File) error {
		if err := c.Reserve(off, n); err != nil {
			return err
		}
		return c.Allocate(off, n)
	})
}

// CowWrite writes what is in memory of a range of bytes, see WriteAt, to blocks that the CoW fork
// on disk has. The file stays as it is.
func (w *Writer) CowWrite(path string, off, n int64) error {
	return w.withFile("cow write", path, func(c *cow.File) error { return c.WriteOut(context.Background(), off, n) })
}

// CowRemap makes what was written to blocks of the CoW fork in a range of bytes part of the file.
func (w *Writer) CowRemap(path string, off, n int64) error {
	return w.withFile("cow remap", path, func(c *cow.File) error { return c.Remap(off, n) })
}

// CowCancel drops what the CoW fork has in a range of bytes, and what in memory was to go there.
// When nothing is staged any more, the superblock says so, whatever it has said before: a crash can
// leave it a word of staged writes that never were.
func (w *Writer) CowCancel(path string, off, n int64) error {
	return w.withFile("cow cancel", path, func(c *cow.File) error {
		if err := c.Cancel(off, n); err != nil || !w.Geo.HasCowForks() {
			return err
		}
		return w.change(func(o *op) error { return w.cow.Forks().Close(o.tx) })
	})
}

// CowFile is a file that has a CoW fork.
type CowFile struct {
	Ino     format.Ino
	Extents []cow.Extent // in order
}

// CowFork lists what the CoW fork of a file has: on disk, and with a Writer in memory too.
func (v *Volume) CowFork(i *inode.Inode) ([]cow.Extent, error) {
	if v.cow != nil {
		if f := v.cow.Lookup(i.Ino); f != nil {
			return f.Extents(), nil
		}
	}
	fork, err := i.Fork(inode.Cow)
	if err != nil {
		return nil, err
	}
	var list []cow.Extent
	for m, err := range fork.All() {
		if err != nil {
			return nil, err
		}
		list = append(list, cow.ExtentOf(m))
	}
	return list, nil
}

// Delayed lists the holes of a file's data fork that something was written to which has no blocks
// yet; without a Writer there are none.
func (v *Volume) Delayed(ino format.Ino) []cow.Extent {
	if v.cow == nil {
		return nil
	}
	if f := v.cow.Lookup(ino); f != nil {
		return f.Delayed()
	}
	return nil
}

// CowStatus lists the files that have a CoW fork, by inode number.
func (v *Volume) CowStatus() ([]CowFile, error) {
	var list []CowFile
	add := func(ino format.Ino) error {
		i, err := v.Inode(ino)
		if err != nil {
			return err
		}
		x, err := v.CowFork(i)
		if len(x) > 0 {
			list = append(list, CowFile{ino, x})
		}
		return err
	}
	if v.cow != nil {
		for _, f := range v.cow.Files() {
			if err := add(f.Ino); err != nil {
				return nil, err
			}
		}
	}
	if v.Geo.HasCowForks() {
		for raw, err := range v.src.Used() {
			if err != nil {
				return nil, err
			}
			if format.DiCowRoot.Get(raw.Bytes) == 0 || v.cow != nil && v.cow.Lookup(raw.Ino) != nil {
				continue
			}
			if err := add(raw.Ino); err != nil {
				return nil, err
			}
		}
	}
	slices.SortFunc(list, func(a, b CowFile) int { return cmp.Compare(a.Ino, b.Ino) })
	return list, nil
}

// StagedReader reads a file as it will be when what is staged is part of it.
func (v *Volume) StagedReader(i *inode.Inode) (*io.SectionReader, error) {
	f, err := v.openFile("", i)
	if err != nil {
		return nil, err
	}
	x, err := v.CowFork(i)
	if err != nil {
		return nil, err
	}
	return io.NewSectionReader(&stagedFile{f, x}, 0, f.size), nil
}

// stagedFile is a file with what its CoW fork has over it.
type stagedFile struct {
	*File
	staged []cow.Extent
}

func (s *stagedFile) ReadAt(p []byte, off int64) (int, error) {
	if s.live != nil {
		return s.live.ReadAt(p, off, true)
	}
	n, err := s.File.ReadAt(p, off)
	if err != nil && err != io.EOF {
		return n, err
	}
	g := s.v.Geo
	for _, x := range s.staged {
		lo, hi := max(off, int64(x.Off)<<g.BlockLog), min(off+int64(n), int64(x.End)<<g.BlockLog)
		if x.State != cow.Written || lo >= hi {
			continue
		}
		if _, err := s.v.dev.ReadAt(p[lo-off:hi-off], g.Offset(x.Start)+lo-int64(x.Off)<<g.BlockLog); err != nil {
			return 0, err
		}
	}
	return n, err
}
