package mkfs

import (
	"errors"
	"fmt"
	"io"

	"github.com/cowfs/cowfs/device"
)

// ErrOccupied is the class of errors about a target that holds something which would be lost.
var ErrOccupied = errors.New("target is in use")

// OccupiedError says what a target holds.
type OccupiedError struct {
	Path  string
	Found string // "an ext4 filesystem"
}

func (e *OccupiedError) Error() string {
	return fmt.Sprintf("%s: holds %s; give -f to overwrite it", e.Path, e.Found)
}

// Is makes every OccupiedError an ErrOccupied.
func (e *OccupiedError) Is(target error) bool { return target == ErrOccupied }

// Probe says what a device holds, e.g. "an ext4 filesystem"; empty if nothing is known of it.
func Probe(d device.Device) (string, error) {
	p := prober{d: d, pages: map[int64][]byte{}}
	for i := range signatures {
		s := &signatures[i]
		for _, at := range s.at(d.Size()) {
			ok, err := p.has(s, at)
			if err != nil {
				return "", fmt.Errorf("look for %s at byte %d: %w", s.name, at, err)
			}
			if ok {
				return s.name, nil
			}
		}
	}
	return "", nil
}

// prober keeps the pages of a device that were read.
type prober struct {
	d     device.Device
	pages map[int64][]byte
}

const probePage = 64 << 10

// has reports whether a signature stands at an offset. Beyond the ends of the device none does.
func (p *prober) has(s *signature, at int64) (bool, error) {
	if at < 0 || at+int64(len(s.magic)) > p.d.Size() {
		return false, nil
	}
	n := int64(len(s.magic))
	if s.sure != nil {
		n = sureBytes
	}
	b, err := p.read(at, n)
	if err != nil || string(b[:len(s.magic)]) != s.magic {
		return false, err
	}
	return s.sure == nil || s.sure(b), nil
}

// read returns n bytes from off, zeroes where the device ends.
func (p *prober) read(off, n int64) ([]byte, error) {
	out := make([]byte, 0, n)
	for int64(len(out)) < n {
		at := off + int64(len(out))
		page, err := p.page(at / probePage)
		if err != nil {
			return nil, err
		}
		from := at % probePage
		out = append(out, page[from:min(probePage, from+n-int64(len(out)))]...)
	}
	return out, nil
}

func (p *prober) page(no int64) ([]byte, error) {
	if b, ok := p.pages[no]; ok {
		return b, nil
	}
	b := make([]byte, probePage)
	if left := p.d.Size() - no*probePage; left > 0 {
		if _, err := p.d.ReadAt(b[:min(probePage, left)], no*probePage); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
	}
	p.pages[no] = b
	return b, nil
}
