//go:build linux || darwin

package source

import (
	"errors"

	"golang.org/x/sys/unix"
)

// dataRanges asks where an open file has data; nil when everywhere, or when the host does not
// know.
func dataRanges(fd int, size int64) ([]Range, error) {
	data := []Range{}
	for at := int64(0); at < size; {
		from, err := unix.Seek(fd, at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			break
		}
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		end, err := unix.Seek(fd, from, unix.SEEK_HOLE)
		if errors.Is(err, unix.ENXIO) { // cut off meanwhile; reading it will tell
			end = size
		} else if err != nil {
			return nil, err
		}
		if from = min(from, size); from < size {
			end = min(max(end, from+1), size)
			data = append(data, Range{Off: from, Len: end - from})
		}
		at = max(end, from)
	}
	if len(data) == 1 && data[0].Len == size {
		return nil, nil
	}
	return data, nil
}
