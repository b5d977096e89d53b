package shell

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/cowfs/cowfs/volume"
)

// getFile copies a file to the host. The copy appears under its name when it is whole.
func getFile(ctx context.Context, s *Session, args []string) error {
	if err := exactly(args, 2); err != nil {
		return err
	}
	f, err := s.openFile(args[0])
	if err != nil {
		return err
	}
	defer f.Close()
	host := args[1]
	if info, err := os.Stat(host); err == nil && info.IsDir() {
		host = filepath.Join(host, path.Base(args[0]))
	} else if err == nil && !info.Mode().IsRegular() {
		return copyTo(ctx, f, host) // a device or pipe can't be replaced
	}
	temp, err := tempBeside(host)
	if err != nil {
		return err
	}
	err = f.CopyTo(ctx, temp)
	if err == nil {
		err = temp.Chmod(volume.FileMode(f.Inode()).Perm())
	}
	if cerr := temp.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(temp.Name(), host)
	}
	if err != nil {
		os.Remove(temp.Name())
	}
	return err
}

// tempBeside makes a file that is to get a name on the host when it is whole.
func tempBeside(host string) (*os.File, error) {
	f, err := os.CreateTemp(filepath.Dir(host), "."+filepath.Base(host)+".*")
	var at *fs.PathError
	if errors.As(err, &at) {
		err = &fs.PathError{Op: "create", Path: host, Err: at.Err}
	}
	return f, err
}

// copyTo writes the contents to something on the host that is there.
func copyTo(ctx context.Context, f *volume.File, host string) error {
	out, err := os.OpenFile(host, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteTo(contextWriter{ctx, out})
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	return err
}
