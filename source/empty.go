package source

import "github.com/cowfs/cowfs/format"

// Empty is a tree of nothing but a root directory, mode 0755 and owned by root, of the given
// modification time.
func Empty(sec int64, nsec uint32) *Tree {
	t := &Tree{store: noFiles{}}
	t.nodes.grow(1)
	*t.nodes.at(0) = Node{Mode: format.ModeDir | 0o755, NLink: 2, Sec: sec, Nsec: nsec}
	return t
}

// noFiles is the store of a tree without regular files.
type noFiles struct{}

func (noFiles) newReader(*Tree) Reader                  { return noFiles{} }
func (noFiles) ReadAt(id ID, p []byte, off int64) error { return ErrChanged }
func (noFiles) Host(ID) (int, int64, bool)              { return -1, 0, false }
func (noFiles) Close() error                            { return nil }
