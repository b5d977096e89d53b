package format

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// formatNumber prints v, a number of the given width in bits. parseNumber reads it back. A
// checksum prints as its bytes lie on disk, as in xfs_db and in a hex dump.
func (k Kind) formatNumber(v uint64, width int) string {
	switch {
	case k.pointer() && v == null(width):
		return "null"
	case k == CRC && width == 32:
		return fmt.Sprintf("%#x", bits.ReverseBytes32(uint32(v)))
	case k == Hex || k == CRC || k == LSNKind || k == Pad || k == Offset:
		return "0x" + strconv.FormatUint(v, 16)
	case k == Mode:
		return "0" + strconv.FormatUint(v, 8)
	case k == Owner:
		return OwnerName(v)
	case k == Time || k == BigTime:
		return formatTime(v, k == BigTime)
	}
	return strconv.FormatUint(v, 10)
}

// formatBytes prints a byte string. parseBytes reads it back.
func (k Kind) formatBytes(b []byte) string {
	switch {
	case k == UUIDKind && len(b) == len(UUID{}):
		return UUID(b).String()
	case k == Text:
		return strconv.Quote(strings.TrimRight(string(b), "\x00"))
	}
	return hex.EncodeToString(b)
}

// parseNumber is the inverse of formatNumber; numbers may be given in any base Go knows. A
// negative one is taken in two's complement.
func (k Kind) parseNumber(s string, width int) (uint64, error) {
	if s == "null" && k.pointer() {
		return null(width), nil
	}
	if k == Owner {
		if v, ok := ownerByName(s); ok {
			return v, nil
		}
	}
	if k == Time || k == BigTime {
		if v, ok := parseTime(s, k == BigTime); ok {
			return v, nil
		}
	}
	if strings.HasPrefix(s, "-") {
		n, err := strconv.ParseInt(s, 0, width)
		if err != nil {
			return 0, notNumber(s, width, err)
		}
		return uint64(n) & null(width), nil
	}
	v, err := strconv.ParseUint(s, 0, width)
	if err != nil {
		return 0, notNumber(s, width, err)
	}
	if k == CRC && width == 32 {
		v = uint64(bits.ReverseBytes32(uint32(v)))
	}
	return v, nil
}

// notNumber words an error of package strconv.
func notNumber(s string, width int, err error) error {
	if errors.Is(err, strconv.ErrRange) {
		return fmt.Errorf("value %q: too large for %d bits", s, width)
	}
	return fmt.Errorf("value %q: not a number", s)
}

// parseBytes is the inverse of formatBytes for a field of n bytes. Text may be given with or
// without quotes and is filled up with NUL bytes.
func (k Kind) parseBytes(s string, n int) ([]byte, error) {
	out := make([]byte, n)
	switch k {
	case UUIDKind:
		u, err := ParseUUID(s)
		if err != nil {
			return nil, err
		}
		copy(out, u[:])
	case Text:
		if unq, err := strconv.Unquote(s); err == nil {
			s = unq
		}
		if len(s) > n {
			return nil, fmt.Errorf("value %q: longer than the field's %d bytes", s, n)
		}
		copy(out, s)
	default:
		raw, err := hex.DecodeString(s)
		if err != nil {
			return nil, fmt.Errorf("value %q: not bytes in hexadecimal", s)
		}
		if len(raw) != n {
			return nil, fmt.Errorf("value %q: %d bytes, the field has %d", s, len(raw), n)
		}
		copy(out, raw)
	}
	return out, nil
}

// String formats the UUID in its usual form.
func (u UUID) String() string {
	h := hex.EncodeToString(u[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// ParseUUID reads a UUID of 32 hexadecimal digits, with or without hyphens.
func ParseUUID(s string) (UUID, error) {
	raw, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
	if err != nil || len(raw) != len(UUID{}) {
		return UUID{}, fmt.Errorf("%q is no UUID", s)
	}
	return UUID(raw), nil
}
