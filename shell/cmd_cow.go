package shell

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"

	"github.com/cowfs/cowfs/cow"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/usage"
	"github.com/cowfs/cowfs/volume"
)

func writeCommand() *Command {
	return &Command{
		Name: "write", Args: "[--stage|--direct|--dax] (--from HOST | --pattern BYTE --length LENGTH) /PATH OFFSET",
		Summary: "write to a file",
		Text:    "Without a flag the data are in memory until writeback, sync or the end of the session.\nBlocks that other files share are left to them. HOST may be - for standard input.",
		Examples: []Example{
			{"write --from patch.bin /disk.img 1m", "write a file of the host over a part of a file"},
			{"write --pattern 0xff --length 4k /f 0", "write bytes of one value"},
			{"write --stage --from new /f 0", "write to blocks that are not yet part of the file"},
		},
		setup: setupWrite,
	}
}

func setupWrite(f *flag.FlagSet) runFunc {
	stage := f.Bool("stage", false, "up to data in staged blocks; writeback makes them part of the file")
	direct := f.Bool("direct", false, "past the memory, at once")
	dax := f.Bool("dax", false, "past the memory, byte by byte")
	from := f.String("from", "", "what to write: a file of the host")
	pattern := f.String("pattern", "", "what to write: a byte, again and again")
	length := f.String("length", "", "how many bytes of the pattern")
	return withWriter(2, func(ctx context.Context, _ *Session, w *volume.Writer, args []string) error {
		write := w.WriteAt
		chosen := 0
		for _, m := range []struct {
			on    bool
			write func(string, []byte, int64) error
		}{{*stage, w.Stage}, {*direct, w.WriteDirect}, {*dax, w.WriteDAX}} {
			if m.on {
				chosen++
				write = m.write
			}
		}
		if chosen > 1 {
			return usagef("only one of --stage, --direct and --dax")
		}
		off, err := ParseSize(args[1])
		if err != nil {
			return err
		}
		in, done, err := writeSource(*from, *pattern, *length)
		if err != nil {
			return err
		}
		defer done()
		return writeAll(ctx, in, func(p []byte) error {
			err := write(args[0], p, off)
			off += int64(len(p))
			return err
		})
	}, 0)
}

// writeSource opens what is to be written.
func writeSource(from, pattern, length string) (io.Reader, func(), error) {
	nothing := func() {}
	switch {
	case (from == "") == (pattern == ""), (pattern == "") != (length == ""):
		return nil, nil, usagef("either --from, or --pattern with --length")
	case from == "-":
		return os.Stdin, nothing, nil
	case from != "":
		f, err := os.Open(from)
		return f, func() { f.Close() }, err
	}
	b, err := number("pattern", pattern, 8)
	if err != nil {
		return nil, nil, err
	}
	n, err := ParseSize(length)
	return io.LimitReader(repeated(bytes.Repeat([]byte{byte(b)}, 64<<10)), n), nothing, err
}

// repeated is a reader that gives the same bytes again and again.
type repeated []byte

func (r repeated) Read(p []byte) (n int, err error) {
	for n < len(p) {
		n += copy(p[n:], r)
	}
	return n, nil
}

// writeAll gives what can be read to write, in large pieces.
func writeAll(ctx context.Context, in io.Reader, write func(p []byte) error) error {
	buf := make([]byte, 4<<20)
	for {
		n, err := io.ReadFull(in, buf)
		if n > 0 {
			if err := write(buf[:n]); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			return nil
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}

func writebackCommand() *Command {
	return &Command{
		Name: "writeback", Args: "[/PATH [OFFSET LENGTH]]", Summary: "make what was written part of files",
		Text: "Of a file, or a range of it, what is staged too. Without a path, what was written to any\nfile in this session; what is staged stays so.",
		Examples: []Example{
			{"writeback", "all that was written in this session"},
			{"writeback /disk.img", "one file, with what is staged"},
		},
		setup: noFlags(func(_ context.Context, s *Session, args []string) error {
			switch {
			case s.Writer == nil:
				return s.readOnly()
			case len(args) == 0:
				return s.Writer.WritebackAll()
			}
			return onRange(args, s.Writer.Writeback)
		}),
	}
}

// onRange calls f with a path and the range that follows it; without one, with the whole file.
func onRange(args []string, f func(path string, off, n int64) error) error {
	if len(args) != 1 && len(args) != 3 {
		return usagef("a path, and offset and length or neither")
	}
	off, n := int64(0), int64(math.MaxInt64)
	if len(args) == 3 {
		var err error
		if off, err = ParseSize(args[1]); err != nil {
			return err
		}
		if n, err = ParseSize(args[2]); err != nil {
			return err
		}
	}
	path, err := imagePath(args[0])
	if err != nil {
		return err
	}
	return f(path, off, n)
}

func cowCommand() *Command {
	return &Command{
		Name: "cow", Args: "status [/PATH] | reserve|allocate|write|remap|cancel /PATH [OFFSET LENGTH]",
		Summary: "go through the stages of a write by hand",
		Text: "reserve promises blocks of the CoW fork, allocate gives it blocks, write writes there what was\n" +
			"written before with the command write, remap makes that part of the file, cancel drops it at\n" +
			"any stage. From allocate on the fork is on disk, and another session can go on. Until the last\n" +
			"remap or cancel, Linux mounts the image for reading only.",
		Examples: []Example{
			{"cow status", "all files with a CoW fork"},
			{"cow allocate /disk.img 0 1m", "blocks for the first MiB"},
			{"cow cancel /disk.img", "drop all of it"},
		},
		setup: noFlags(runCow),
	}
}

func runCow(_ context.Context, s *Session, args []string) error {
	if len(args) == 0 {
		return usagef("a stage is missing")
	}
	if args[0] == "status" {
		return s.cowStatus(args[1:])
	}
	w := s.Writer
	if w == nil {
		return s.readOnly()
	}
	stages := map[string]func(string, int64, int64) error{
		"reserve": w.CowReserve, "allocate": w.CowAllocate, "write": w.CowWrite, "remap": w.CowRemap, "cancel": w.CowCancel,
	}
	stage := stages[args[0]]
	if stage == nil {
		known := append(slices.Sorted(maps.Keys(stages)), "status")
		return usagef("%q: no such stage%s", args[0], usage.Suggest(args[0], known))
	}
	return onRange(args[1:], stage)
}

// CowDoc is an extent of a CoW fork.
type CowDoc struct {
	Type    string  `json:"type"` // "cow"
	Ino     uint64  `json:"ino"`
	Offset  uint64  `json:"offset"`
	Count   uint64  `json:"count"`
	State   string  `json:"state"` // "reserved", "allocated" or "written"
	FSBlock *uint64 `json:"fsblock,omitempty"`
	OnDisk  bool    `json:"on_disk"`
}

func (d CowDoc) write(w io.Writer) {
	block, where := "-", "memory"
	if d.FSBlock != nil {
		block = fmt.Sprint(*d.FSBlock)
	}
	if d.OnDisk {
		where = "disk"
	}
	fmt.Fprintf(w, "%12d %12d %8d %14s %-6s %s\n", d.Ino, d.Offset, d.Count, block, where, d.State)
}

func (s *Session) cowStatus(args []string) error {
	if err := atMost(args, 1); err != nil {
		return err
	}
	var files []volume.CowFile
	if len(args) == 0 {
		var err error
		if files, err = s.Vol.CowStatus(); err != nil {
			return err
		}
	} else {
		i, err := s.inodeArg(args[0])
		if err != nil {
			return err
		}
		list, err := s.Vol.CowFork(i)
		if err != nil {
			return err
		}
		files = []volume.CowFile{{Ino: i.Ino, Extents: list}}
	}
	s.title("%12s %12s %8s %14s %-6s %s", "INODE", "OFFSET", "COUNT", "FSBLOCK", "IN", "STATE")
	for _, f := range files {
		for _, x := range f.Extents {
			doc := cowDoc(f.Ino, x)
			if err := s.emit(doc, doc.write); err != nil {
				return err
			}
		}
	}
	return nil
}

func cowDoc(ino format.Ino, x cow.Extent) CowDoc {
	d := CowDoc{Type: "cow", Ino: uint64(ino), Offset: uint64(x.Off), Count: x.Blocks(), State: x.State.String(), OnDisk: x.Kept}
	if x.State != cow.Reserved {
		d.FSBlock = (*uint64)(&x.Start)
	}
	return d
}
