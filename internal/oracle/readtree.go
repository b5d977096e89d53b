package oracle

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// errTooMany ends the walk of a tree that goes in circles.
var errTooMany = errors.New("too many names")

// ReadTree reads names, files, links and attributes of a tree, up to the first that it can't: the
// kernel tells of each at length. The tree may be damaged: sizes and names without end are not followed.
func ReadTree(dir string) error {
	names := 0
	return filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if names++; names > 50_000 {
			return errTooMany
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if err := readAttributes(p); err != nil {
			return err
		}
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			_, err = os.Readlink(p)
		case info.Mode().IsRegular():
			err = readFile(p)
		}
		return err
	})
}

// readFile reads what a file has in blocks.
func readFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for off := int64(0); ; {
		start, err := unix.Seek(int(f.Fd()), off, unix.SEEK_DATA)
		if err == unix.ENXIO {
			return nil
		}
		if err != nil {
			return err
		}
		if off, err = unix.Seek(int(f.Fd()), start, unix.SEEK_HOLE); err != nil {
			return err
		}
		const most = 1 << 26 // a size may be anything
		if _, err := io.Copy(io.Discard, io.NewSectionReader(f, start, min(off-start, most))); err != nil {
			return err
		}
	}
}

func readAttributes(path string) error {
	b := make([]byte, 1<<16)
	n, err := unix.Llistxattr(path, b)
	if err == unix.E2BIG {
		return nil // there are more than Linux can tell of
	}
	if err != nil {
		return fmt.Errorf("%s: list attributes: %w", path, err)
	}
	value := make([]byte, 1<<16)
	for name := range strings.SplitSeq(strings.TrimSuffix(string(b[:n]), "\x00"), "\x00") {
		if name == "" {
			continue
		}
		if _, err := unix.Lgetxattr(path, name, value); err != nil {
			return fmt.Errorf("%s: attribute %s: %w", path, name, err)
		}
	}
	return nil
}
