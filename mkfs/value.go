package mkfs

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// units are the suffixes of numbers, as powers of two. "b" and "s" stand for the block and the
// sector size of the filesystem and are not here.
var units = map[byte]uint{'k': 10, 'm': 20, 'g': 30, 't': 40, 'p': 50, 'e': 60}

var (
	errNumber   = errors.New("not a number; write digits and at most one of the suffixes k m g t p e, b (blocks) or s (sectors)")
	errOverflow = errors.New("number is too large")
)

// ParseNumber reads a number as mkfs.xfs does: decimal, octal after 0 or hexadecimal after 0x,
// with a suffix of k, m, g, t, p or e for powers of 1024, b for blocks and s for sectors. A
// blockSize or sectSize of 0 says that there is no such suffix.
func ParseNumber(s string, blockSize, sectSize int) (uint64, error) {
	digits, unit := s, uint64(1)
	if n := len(s); n > 1 && !isDigit(s, n-1) {
		suffix := s[n-1] | 0x20 // lower case
		shift, ok := units[suffix]
		switch {
		case ok:
			unit = 1 << shift
		case suffix == 'b' && blockSize > 0:
			unit = uint64(blockSize)
		case suffix == 's' && sectSize > 0:
			unit = uint64(sectSize)
		default:
			return 0, errNumber
		}
		digits = s[:n-1]
	}
	if strings.ContainsAny(digits, "_oO+-") || len(digits) > 1 && digits[0] == '0' && (digits[1]|0x20) == 'b' {
		return 0, errNumber // Go's own syntax
	}
	v, err := strconv.ParseUint(digits, 0, 64)
	if errors.Is(err, strconv.ErrRange) {
		return 0, errOverflow
	}
	if err != nil {
		return 0, errNumber
	}
	if v > math.MaxInt64/unit {
		return 0, errOverflow
	}
	return v * unit, nil
}

// isDigit reports whether the last byte of a number, s[i], is one of its digits.
func isDigit(s string, i int) bool {
	c := s[i] | 0x20
	hex := len(s) > 2 && s[0] == '0' && s[1]|0x20 == 'x'
	return '0' <= s[i] && s[i] <= '9' || hex && 'a' <= c && c <= 'f'
}

// ParseSize reads a size in bytes as the long options take it: a number with a suffix of k, m,
// g, t, p or e, or such a unit spelt "MiB" or "M".
func ParseSize(s string) (uint64, error) {
	short := s
	if rest, ok := strings.CutSuffix(strings.ToLower(s), "ib"); ok && len(rest) > 1 && !isDigit(rest, len(rest)-1) {
		short = rest
	}
	v, err := ParseNumber(short, 0, 0)
	if err != nil {
		if errors.Is(err, errNumber) {
			err = errors.New("not a size; write digits and at most one of the suffixes k m g t p e")
		}
		return 0, fmt.Errorf("%q: %w", s, err)
	}
	return v, nil
}

// Percent reads a share of 0 to 99 in percent, with or without the sign.
func Percent(s string) (int, error) {
	n, err := strconv.ParseUint(strings.TrimSuffix(s, "%"), 10, 8)
	if err != nil || n > 99 {
		return 0, fmt.Errorf("%q: not a share of 0%% to 99%%", s)
	}
	return int(n), nil
}
