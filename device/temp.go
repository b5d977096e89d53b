package device

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// pending is what a File of CreateTemp is to become.
type pending struct {
	path string // where the image shall be
	name string // where it is until then; empty while it has no name at all
	old  *File  // the image it replaces, locked against others; nil if there is none
}

// CreateTemp makes a new image of size bytes, open for writing, that appears at path with
// Commit, all at once and in place of what was there. Until then nothing can be seen at path;
// Close without Commit leaves no trace. Where the host can do it the file has no name before
// Commit, so that not even a killed process leaves one behind; elsewhere it is a hidden file
// beside path.
//
// If path exists it must be a regular file that may be written and that nobody uses
// (ErrBusy); the new one takes over its mode and, if the process may, its owner. A symbolic
// link is followed.
func CreateTemp(path string, size int64) (*File, error) {
	return createTemp(path, size, (*pending).create)
}

func createTemp(path string, size int64, create func(*pending) (*os.File, error)) (*File, error) {
	p := &pending{path: path}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		p.path = real
		if p.old, err = Open(real, ReadWrite); err != nil {
			return nil, err
		}
		if p.old.block {
			return nil, errors.Join(fmt.Errorf("%s: a block device cannot be replaced", path), p.old.Close())
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	f, err := create(p)
	if err != nil {
		return nil, errors.Join(err, p.discard())
	}
	d, err := newSized(f, size)
	if err == nil {
		err = p.inherit(f)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close(), p.discard())
	}
	d.temp = p
	return d, nil
}

// create makes the empty file.
func (p *pending) create() (*os.File, error) {
	if f := anonymous(p.path); f != nil {
		return f, nil
	}
	return p.createNamed()
}

func (p *pending) createNamed() (*os.File, error) {
	for {
		name := p.tempName()
		f, err := openFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, os.ErrExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		p.name = name
		return f, nil
	}
}

// inherit gives the file the mode and owner of the one it will replace.
func (p *pending) inherit(f *os.File) error {
	if p.old == nil {
		return nil
	}
	info, err := p.old.f.Stat()
	if err != nil {
		return err
	}
	chownLike(f, info)
	return f.Chmod(info.Mode().Perm())
}

func (p *pending) tempName() string {
	dir, base := filepath.Split(p.path)
	return filepath.Join(dir, fmt.Sprintf(".%s.%08x.tmp", base, rand.Uint32()))
}

// publish gives the file its final name.
func (p *pending) publish(f *os.File) error {
	if p.name == "" {
		if p.old == nil {
			if err := link(f, p.path); !errors.Is(err, os.ErrExist) {
				return err
			}
		}
		// A link cannot replace a file, a rename can.
		name := p.tempName()
		if err := link(f, name); err != nil {
			return err
		}
		p.name = name
	}
	if p.old != nil && !movesOpen {
		old := p.old
		p.old = nil
		if err := old.Close(); err != nil {
			return err
		}
	}
	if err := os.Rename(p.name, p.path); err != nil {
		return err
	}
	p.name = ""
	return nil
}

// discard takes back what was not published.
func (p *pending) discard() error {
	var err error
	if p.name != "" {
		err = os.Remove(p.name)
	}
	if p.old != nil {
		err = errors.Join(err, p.old.Close())
	}
	return err
}

// Commit makes a file of CreateTemp appear at its path; it stays open. With sync, file and name
// have reached stable storage when Commit returns. On other files Commit is an error.
func (d *File) Commit(sync bool) error {
	if d.temp == nil {
		return fmt.Errorf("%s: nothing to commit", d.f.Name())
	}
	if sync {
		if err := d.Sync(); err != nil {
			return err
		}
	}
	if err := d.temp.publish(d.f); err != nil {
		return err
	}
	p := d.temp
	d.temp = nil
	err := p.discard()
	if sync {
		err = errors.Join(err, SyncDir(filepath.Dir(p.path)))
	}
	return err
}
