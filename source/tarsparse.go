package source

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// archive/tar reads sparse files, but as one piece, holes included; and it does not tell where
// they are. So their maps, which it has checked, are decoded once more here.

// Keys of PAX records about sparse files.
const (
	paxSparseMajor = "GNU.sparse.major"
	paxSparseMinor = "GNU.sparse.minor"
	paxSparseMap   = "GNU.sparse.map"
	paxSize        = "size"
)

var errSparse = errors.New("malformed map of a sparse file")

// isSparse reports whether an entry is a sparse file in one of the forms that archive/tar knows.
func isSparse(h *tar.Header) bool {
	return h.Typeflag == tar.TypeGNUSparse || paxSparse(h) != ""
}

// paxSparse tells the version of a sparse file's PAX records, "" when there are none.
func paxSparse(h *tar.Header) string {
	major, minor := h.PAXRecords[paxSparseMajor], h.PAXRecords[paxSparseMinor]
	switch {
	case major == "1" && minor == "0":
		return "1.0"
	case major == "0" && (minor == "0" || minor == "1"),
		major == "" && minor == "" && h.PAXRecords[paxSparseMap] != "":
		return "0.1"
	}
	return ""
}

// sparseRanges decodes the map of a sparse file; head is all that was read of the entry so far. It
// returns the ranges that have data, and how many bytes they take in the archive from here on.
func sparseRanges(h *tar.Header, head []byte) (ranges []Range, size int64, err error) {
	main, err := mainHeader(head)
	if err != nil {
		return nil, 0, err
	}
	if size, err = octal(main[124:136]); err != nil {
		return nil, 0, err
	}
	if s := h.PAXRecords[paxSize]; s != "" {
		if size, err = strconv.ParseInt(s, 10, 64); err != nil {
			return nil, 0, errSparse
		}
	}
	var numbers []int64
	switch paxSparse(h) {
	case "1.0":
		m := main[blockSize:]
		size -= int64(len(m)) // the map is part of the content
		numbers, err = parseNumbers(strings.Split(string(m), "\n"), true)
	case "0.1":
		numbers, err = parseNumbers(strings.Split(h.PAXRecords[paxSparseMap], ","), false)
	default:
		numbers, err = oldSparse(main)
	}
	if err != nil || len(numbers)%2 != 0 {
		return nil, 0, errSparse
	}
	ranges = []Range{}
	sum, end := int64(0), int64(0)
	for i := 0; i < len(numbers); i += 2 {
		off, n := numbers[i], numbers[i+1]
		if off < end || n < 0 || n > h.Size-off {
			return nil, 0, errSparse
		}
		end = off + n
		sum += n
		if n == 0 {
			continue // GNU tar marks the end of the file in this way
		}
		if k := len(ranges) - 1; k >= 0 && ranges[k].End() == off {
			ranges[k].Len += n
		} else {
			ranges = append(ranges, Range{Off: off, Len: n})
		}
	}
	if sum != size {
		return nil, 0, fmt.Errorf("%w: it has %d bytes, and there are %d", errSparse, sum, size)
	}
	if len(ranges) == 1 && ranges[0].Len == h.Size || h.Size == 0 {
		ranges = nil // dense
	}
	return ranges, size, nil
}

// mainHeader skips the headers that come before the one of the entry itself.
func mainHeader(head []byte) ([]byte, error) {
	for len(head) >= blockSize {
		switch head[156] {
		case tar.TypeXHeader, tar.TypeGNULongName, tar.TypeGNULongLink:
		default:
			return head, nil
		}
		size, err := octal(head[124:136])
		if err != nil || size < 0 || size > int64(len(head)) {
			return nil, errSparse
		}
		head = head[min(blockSize+roundBlock(size), int64(len(head))):]
	}
	return nil, errSparse
}

// oldSparse decodes the map of the old GNU form: four entries in the header itself, 21 in each
// further block. Both have a flag behind them that says whether a block follows.
func oldSparse(main []byte) ([]int64, error) {
	var numbers []int64
	const entry = 24 // bytes: offset and size, 12 each
	for off, count := 386, 4; ; off, count = 0, 21 {
		if len(main) < blockSize {
			return nil, errSparse
		}
		for i := range count {
			e := main[off+i*entry:]
			if e[0] == 0 {
				break
			}
			at, err1 := octal(e[:12])
			n, err2 := octal(e[12:24])
			if err := errors.Join(err1, err2); err != nil {
				return nil, err
			}
			numbers = append(numbers, at, n)
		}
		more := main[off+count*entry]
		if main = main[blockSize:]; more == 0 {
			return numbers, nil
		}
	}
}

// parseNumbers decodes decimal numbers; counted ones have a first one that says how many pairs
// follow.
func parseNumbers(words []string, counted bool) ([]int64, error) {
	if !counted && len(words) == 1 && words[0] == "" {
		return nil, nil
	}
	if counted {
		pairs, err := strconv.ParseInt(words[0], 10, 32)
		if err != nil || pairs < 0 || 2*pairs >= int64(len(words)) {
			return nil, errSparse
		}
		words = words[1 : 1+2*pairs]
	}
	numbers := make([]int64, len(words))
	for i, w := range words {
		var err error
		if numbers[i], err = strconv.ParseInt(w, 10, 64); err != nil {
			return nil, err
		}
	}
	return numbers, nil
}

// octal decodes a number of a header: octal digits, or, with the first bit set, binary.
func octal(b []byte) (int64, error) {
	if b[0]&0x80 != 0 {
		n := int64(b[0] & 0x7f)
		for _, c := range b[1:] {
			if n>>55 != 0 {
				return 0, errSparse
			}
			n = n<<8 | int64(c)
		}
		return n, nil
	}
	s := string(bytes.Trim(b, " \x00"))
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 8, 64)
	if err != nil {
		return 0, errSparse
	}
	return n, nil
}
