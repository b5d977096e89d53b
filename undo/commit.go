package undo

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/cowfs/cowfs/device"
)

// Commit carries the changes of an overlay over to the image under it. The undo file is made at
// path, where none may be. Without any change there is no file, and pages is 0.
func Commit(image device.Device, changes *device.Overlay, path string) (pages int, err error) {
	return commit(osHost{}, image, changes, path)
}

func commit(h host, image device.Device, changes *device.Overlay, path string) (pages int, err error) {
	u := &file{size: image.Size()}
	if err := u.collect(image, changes); err != nil || len(u.index) == 0 {
		return 0, err
	}
	if u.f, err = h.Create(path); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, u.f.Close()) }()
	if err := u.save(image, changes); err != nil {
		return 0, errors.Join(err, h.Remove(path)) // the image is untouched
	}
	if err := h.SyncDir(path); err != nil {
		return 0, err
	}
	if err := u.setState(Applying); err != nil {
		return 0, err
	}
	return len(u.index), u.apply(image)
}

// collect makes the index: the pages that are different in the overlay.
func (u *file) collect(image device.Device, changes *device.Overlay) error {
	old := make([]byte, pageSize)
	new := make([]byte, pageSize)
	for off, n := range changes.Changes() {
		for at := off; at < off+int64(n); at += pageSize {
			e := entry{off: at}
			if err := u.current(image, e, old); err != nil {
				return err
			}
			if err := u.current(changes, e, new); err != nil {
				return err
			}
			if e.old, e.new = sum(old), sum(new); string(old) != string(new) {
				u.index = append(u.index, e)
			}
		}
	}
	return nil
}

// save writes everything but the state that makes the file count.
func (u *file) save(image, changes device.Device) error {
	if err := u.setState(Writing); err != nil {
		return err
	}
	if err := u.writeIndex(); err != nil {
		return err
	}
	p := make([]byte, pageSize)
	for i, e := range u.index {
		for _, v := range [...]struct {
			from device.Device
			at   int64
		}{{image, u.oldAt(i)}, {changes, u.newAt(i)}} {
			if err := u.current(v.from, e, p); err != nil {
				return err
			}
			if _, err := u.f.WriteAt(p, v.at); err != nil {
				return err
			}
		}
	}
	return u.f.Sync()
}

// apply writes the new pages to the image, and ends in state Applied, without the new pages.
func (u *file) apply(image device.Device) error {
	err := u.put(image, func(i int) (at int64, want uint32) { return u.newAt(i), u.index[i].new })
	if err != nil {
		return err
	}
	if err := u.setState(Applied); err != nil {
		return err
	}
	return u.f.Truncate(u.newAt(0))
}

// put writes one version of all pages to the image; which tells where it lies in the file.
func (u *file) put(image device.Device, which func(i int) (at int64, want uint32)) error {
	p := make([]byte, pageSize)
	s := device.NewStream(image)
	for i, e := range u.index {
		at, want := which(i)
		if err := u.page(p, at, want); err != nil {
			return err
		}
		dst, err := s.Next(e.off, u.length(e))
		if err != nil {
			return err
		}
		copy(dst, p)
	}
	if err := s.Flush(); err != nil {
		return err
	}
	return image.Sync()
}

// Finish looks at the undo file of an earlier run. If that was interrupted while it changed the
// image, or while it took the change back, the rest of it is done now. A file that never came to
// that is removed. The state is the one that was found; 0 when there is no file.
func Finish(image device.Device, path string) (found State, err error) {
	return finish(osHost{}, image, path)
}

func finish(h host, image device.Device, path string) (found State, err error) {
	u, err := open(h, path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, u.f.Close()) }()
	switch u.state {
	case Writing:
		return u.state, h.Remove(path)
	case Applying:
		if err := u.check(image); err != nil {
			return u.state, err
		}
		return Applying, u.apply(image)
	case Undoing:
		_, err := u.undo(image)
		return Undoing, err
	}
	return u.state, nil
}

// Found tells how far the changes of an undo file have come, without doing anything about it. It
// is 0 when there is no file.
func Found(path string) (State, error) {
	u, err := open(osHost{}, path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return u.state, u.f.Close()
}

// Undo puts back every byte that Commit has changed, and returns the number of pages.
func Undo(image device.Device, path string) (pages int, err error) {
	return undo(osHost{}, image, path)
}

func undo(h host, image device.Device, path string) (pages int, err error) {
	u, err := open(h, path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, u.f.Close()) }()
	switch u.state {
	case Writing:
		return 0, ErrNothing
	case Undone:
		return 0, nil
	}
	return u.undo(image)
}

// undo puts the old pages back.
func (u *file) undo(image device.Device) (pages int, err error) {
	if err := u.check(image); err != nil {
		return 0, err
	}
	if u.state == Applied {
		if err := u.setState(Undoing); err != nil {
			return 0, err
		}
	}
	err = u.put(image, func(i int) (at int64, want uint32) { return u.oldAt(i), u.index[i].old })
	if err != nil {
		return 0, err
	}
	return len(u.index), u.setState(Undone)
}

// check makes sure that the image is the file's, and as Commit or an interruption has left it.
func (u *file) check(image device.Device) error {
	if image.Size() != u.size {
		return fmt.Errorf("%w: that has %d bytes, and this one %d", ErrWrongImage, u.size, image.Size())
	}
	now, old, new := make([]byte, pageSize), make([]byte, pageSize), make([]byte, pageSize)
	for i, e := range u.index {
		if err := u.page(old, u.oldAt(i), e.old); err != nil {
			return err
		}
		if err := u.current(image, e, now); err != nil {
			return err
		}
		switch c := sum(now); {
		case c == e.old || c == e.new:
			continue
		case u.state == Applied:
			return fmt.Errorf("%w: byte %d and on was changed since", ErrWrongImage, e.off)
		case u.state == Undoing: // the new bytes are gone: only whole sectors of the old ones tell
			if mixed(now, old, nil) {
				continue
			}
		default:
			if err := u.page(new, u.newAt(i), e.new); err != nil {
				return err
			}
			if mixed(now, old, new) {
				continue
			}
		}
		return fmt.Errorf("%w: byte %d and on was changed since", ErrWrongImage, e.off)
	}
	return nil
}

// mixed reports whether each sector of a page is one of the two versions; without the new one,
// whether any is the old one.
func mixed(now, old, new []byte) bool {
	any := false
	for i := 0; i < pageSize; i += sectorSize {
		is := string(now[i:i+sectorSize]) == string(old[i:i+sectorSize])
		any = any || is
		if new != nil && !is && string(now[i:i+sectorSize]) != string(new[i:i+sectorSize]) {
			return false
		}
	}
	return any || new != nil
}
