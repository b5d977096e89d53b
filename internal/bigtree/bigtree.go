package bigtree

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// Many fills dir with files of 20 bytes to 4 KiB, no two equal, spread over directories.
func Many(dir string, files, dirs int) error {
	content := make([]byte, 4<<10)
	rng := rand.NewChaCha8([32]byte{1})
	rng.Read(content) // never fails
	for d := range dirs {
		if err := os.Mkdir(filepath.Join(dir, fmt.Sprintf("dir-%d", d)), 0o755); err != nil {
			return err
		}
	}
	for i := range files {
		n := 20 + i*37%4000
		binary.LittleEndian.PutUint32(content, uint32(i))
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("dir-%d/file-%d", i%dirs, i)), content[:n], 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Names fills dir with n empty files, made in another order than that of their names.
func Names(dir string, n int) error {
	const stride = 7919 // a prime, so that each number comes once unless n is a multiple
	for i := range n {
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("entry-number-%08d-of-many", i*stride%n)))
		if err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

// Links makes one file in dir with n names.
func Links(dir string, n int) error {
	first := filepath.Join(dir, "link-0")
	if err := os.WriteFile(first, []byte("one inode"), 0o644); err != nil {
		return err
	}
	for i := 1; i < n; i++ {
		if err := os.Link(first, filepath.Join(dir, fmt.Sprintf("link-%d", i))); err != nil {
			return err
		}
	}
	return nil
}

// Sparse makes a file of size bytes with n extents of block bytes each, at equal distances.
func Sparse(path string, size int64, n int, block int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		return err
	}
	content := make([]byte, block)
	step := size / int64(n) / block * block
	for i := range int64(n) {
		binary.LittleEndian.PutUint64(content, uint64(i)+1)
		if _, err := f.WriteAt(content, i*step); err != nil {
			return err
		}
	}
	return f.Close()
}
