package shell

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/metadump"
)

// metadumpCommands copy metadata without contents.
func metadumpCommands() []*Command {
	return []*Command{
		{
			Name: "metadump", Args: "[--obfuscate] [-a] [--seed N] HOST", Summary: "copy all metadata, but no contents of files, to a file of the host",
			Text: "The file is of version 2 of xfs_metadump's; HOST may be - for standard output. With\n--obfuscate names, values of attributes and targets of links are replaced by others of the same\nlength and hash, so that the copy is as sound as the volume. -a keeps what is left over in\nblocks, such as names of removed files. What can't be read is told, and left out.",
			Examples: []Example{
				{"metadump volume.md", ""},
				{"metadump --obfuscate volume.md", "to be given away"},
			},
			setup: setupMetadump,
		},
		{
			Name: "mdrestore", Args: "HOST", Summary: "make an image of the metadump that the session is on",
			Text:     "cowdb opens files of xfs_metadump, of versions 1 and 2, as if they were images, for reading.",
			Examples: []Example{{"mdrestore disk.img", "with cowdb volume.md"}},
			setup:    noFlags(restoreDump),
		},
	}
}

// MetadumpDoc tells what was dumped or restored.
type MetadumpDoc struct {
	Type       string   `json:"type"` // "metadump"
	Blocks     uint64   `json:"blocks,omitempty"`
	Bytes      uint64   `json:"bytes"`
	Version    int      `json:"version"`
	Obfuscated bool     `json:"obfuscated"`
	Missing    []string `json:"missing"`
}

func setupMetadump(f *flag.FlagSet) runFunc {
	var o metadump.Options
	f.BoolVar(&o.Obfuscate, "obfuscate", false, "replace names and values")
	f.BoolVar(&o.Full, "a", false, "keep what is left over in blocks")
	seed := f.Uint64("seed", 0, "a `number` that decides names, for a dump that can be made again; not for one to give away")
	return func(ctx context.Context, s *Session, args []string) error {
		if err := exactly(args, 1); err != nil {
			return err
		}
		if o.Obfuscate && o.Full {
			return usagef("only one of --obfuscate and -a")
		}
		if *seed != 0 {
			o.Seed = seed
		}
		if args[0] == "-" {
			_, err := metadump.Dump(ctx, s.Vol, s.buf, o)
			return err
		}
		report, err := dumpFile(ctx, s, args[0], o)
		if err != nil {
			return err
		}
		doc := MetadumpDoc{Type: "metadump", Blocks: report.Blocks, Bytes: report.Bytes, Version: 2, Obfuscated: o.Obfuscate, Missing: []string{}}
		for _, m := range report.Missing {
			doc.Missing = append(doc.Missing, m.Error())
		}
		return s.emit(doc, func(w io.Writer) {
			for _, m := range doc.Missing {
				fmt.Fprintf(w, "damaged: %s\n", m)
			}
			fmt.Fprintf(w, "%d pieces of metadata, with the log %d bytes\n", doc.Blocks, doc.Bytes)
		})
	}
}

// dumpFile writes a dump to a file, which gets its name when it is whole.
func dumpFile(ctx context.Context, s *Session, path string, o metadump.Options) (*metadump.Report, error) {
	temp, err := tempBeside(path)
	if err != nil {
		return nil, err
	}
	report, err := metadump.Dump(ctx, s.Vol, temp, o)
	if err == nil {
		err = temp.Chmod(0o644)
	}
	if cerr := temp.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return nil, errors.Join(err, os.Remove(temp.Name()))
	}
	return report, nil
}

func restoreDump(ctx context.Context, s *Session, args []string) error {
	if err := exactly(args, 1); err != nil {
		return err
	}
	in, err := os.Open(s.Image)
	if err != nil {
		return err
	}
	defer in.Close()
	var out *device.File
	info, err := metadump.Restore(ctx, in, func(size int64) (device.Device, error) {
		out, err = device.CreateTemp(args[0], size)
		return out, err
	})
	if err == nil {
		err = out.Commit(true)
	}
	if out != nil {
		err = errors.Join(err, out.Close())
	}
	if err != nil {
		return err
	}
	doc := MetadumpDoc{Type: "metadump", Bytes: info.Bytes, Version: info.Version, Obfuscated: info.Obfuscated, Missing: []string{}}
	return s.emit(doc, func(w io.Writer) { fmt.Fprintf(w, "%d bytes of a dump of version %d\n", doc.Bytes, doc.Version) })
}
