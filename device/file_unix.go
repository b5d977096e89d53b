//go:build linux || darwin

package device

import (
	"errors"
	"os"
	"syscall"
)

// movesOpen says that a file that is open can be replaced by another one.
const movesOpen = true

func openFile(path string, flags int, perm os.FileMode) (*os.File, error) {
	return os.OpenFile(path, flags, perm)
}

// makeSparse has nothing to do: all files may have holes.
func makeSparse(*os.File) error { return nil }

// chownLike gives f the owner of another file if the process may.
func chownLike(f *os.File, info os.FileInfo) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		_ = f.Chown(int(st.Uid), int(st.Gid)) // without the right to, it stays the caller's
	}
}

// SyncDir waits until the names in a directory of the host are on stable storage.
func SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
