package zoo

import (
	"archive/tar"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Tar writes the tree below dir as a PAX archive with everything that tar can hold: times in
// nanoseconds, attributes, links, devices. Sockets are left out, and holes become zeros.
func Tar(t testing.TB, dir string, w io.Writer) {
	t.Helper()
	a := archiver{dir: dir, w: tar.NewWriter(w), seen: make(map[uint64]string)}
	must(t, filepath.WalkDir(dir, a.add))
	must(t, a.w.Close())
}

type archiver struct {
	dir  string
	w    *tar.Writer
	seen map[uint64]string // the first name of each inode with several
}

func (a *archiver) add(p string, d fs.DirEntry, err error) error {
	if err != nil || d.Type()&fs.ModeSocket != 0 {
		return err
	}
	rel, err := filepath.Rel(a.dir, p)
	if err != nil {
		return err
	}
	header, err := a.header(p, rel)
	if err != nil {
		return err
	}
	if err := a.w.WriteHeader(header); err != nil {
		return fmt.Errorf("%q: %w", rel, err)
	}
	if header.Typeflag != tar.TypeReg {
		return nil
	}
	f, err := os.Open(p)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(a.w, f)
	return err
}

func (a *archiver) header(p, rel string) (*tar.Header, error) {
	info, err := os.Lstat(p)
	if err != nil {
		return nil, err
	}
	target := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		if target, err = os.Readlink(p); err != nil {
			return nil, err
		}
	}
	h, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return nil, err
	}
	h.Name = "./" + rel
	if info.IsDir() {
		h.Name += "/"
	}
	h.Format, h.Uname, h.Gname = tar.FormatPAX, "", ""
	st := info.Sys().(*syscall.Stat_t)
	if first, ok := a.seen[st.Ino]; ok {
		h.Typeflag, h.Linkname, h.Size = tar.TypeLink, first, 0
		return h, nil
	}
	if st.Nlink > 1 && !info.IsDir() {
		a.seen[st.Ino] = h.Name
	}
	h.PAXRecords, err = xattrRecords(p)
	return h, err
}

func xattrRecords(p string) (map[string]string, error) {
	buf := make([]byte, 64<<10)
	n, err := unix.Llistxattr(p, buf)
	if err != nil || n == 0 {
		return nil, err
	}
	records := make(map[string]string)
	for name := range strings.SplitSeq(strings.TrimSuffix(string(buf[:n]), "\x00"), "\x00") {
		if strings.HasPrefix(name, "trusted.SGI_ACL_") {
			continue
		}
		n, err := unix.Lgetxattr(p, name, buf)
		if err != nil {
			return nil, err
		}
		records["SCHILY.xattr."+name] = string(buf[:n])
	}
	return records, nil
}
