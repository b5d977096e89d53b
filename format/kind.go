package format

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Kind says what a field's value means: its unit for a reader, and how it is printed and
// parsed. It has no say in where the field lies.
type Kind uint8

// The kinds. Numbers print as decimal unless the kind says otherwise; null values of the
// pointer kinds print as "null".
const (
	Dec         Kind = iota // a plain number
	Hex                     // a number that reads best in hexadecimal: magic numbers, masks
	Blocks                  // a count of filesystem blocks
	Bytes                   // a count of bytes
	Log2                    // a base-2 logarithm
	AGBlockPtr              // AGBlock
	FSBlockPtr              // FSBlock
	FileOffKind             // FileOff
	InoPtr                  // Ino
	AGInoPtr                // AGIno
	DaddrPtr                // Daddr
	LSNKind                 // LSN
	CRC                     // a checksum; set by whoever changes the rest
	UUIDKind
	Text        // bytes, NUL padded
	Raw         // bytes of no known meaning
	Pad         // bytes that must be zero
	Time        // a timestamp; see DecodeTime
	Mode        // file type and permissions
	Owner       // owner of an rmap record: an inode or one of the Owner constants
	LogBlockPtr // a block of the log, in units of 512 bytes
)

var kindNames = [...]string{
	"count", "hex", "blocks", "bytes", "log2", "agblock", "fsblock", "fileoff", "ino", "agino", "daddr",
	"lsn", "crc", "uuid", "text", "raw", "pad", "time", "mode", "owner", "logblock",
}

// String returns the kind's name, as JSON schemas and help texts use it.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// pointer reports whether all bits set mean "none".
func (k Kind) pointer() bool {
	switch k {
	case AGBlockPtr, FSBlockPtr, InoPtr, AGInoPtr, FileOffKind, LogBlockPtr:
		return true
	}
	return false
}

func (k Kind) bytes() bool { return k == UUIDKind || k == Text || k == Raw }

// formatNumber prints v, a number of the given width in bits.
func (k Kind) formatNumber(v uint64, bits int) string {
	switch {
	case k.pointer() && v == 1<<bits-1:
		return "null"
	case k == Hex || k == CRC:
		return "0x" + strconv.FormatUint(v, 16)
	case k == Mode:
		return "0" + strconv.FormatUint(v, 8)
	case k == LSNKind:
		return fmt.Sprintf("0x%x", v)
	case k == Owner:
		return OwnerName(v)
	case k == Time:
		return fmt.Sprintf("0x%x", v)
	}
	return strconv.FormatUint(v, 10)
}

func (k Kind) formatBytes(b []byte) string {
	switch k {
	case UUIDKind:
		return UUID(b).String()
	case Text:
		return strconv.Quote(strings.TrimRight(string(b), "\x00"))
	}
	return hex.EncodeToString(b)
}

// parseNumber is the inverse of formatNumber; numbers may be given in any base Go knows.
func (k Kind) parseNumber(s string, bits int) (uint64, error) {
	if s == "null" && k.pointer() {
		return 1<<bits - 1, nil
	}
	if k == Owner {
		if v, ok := ownerByName(s); ok {
			return v, nil
		}
	}
	if strings.HasPrefix(s, "-") {
		n, err := strconv.ParseInt(s, 0, bits)
		if err != nil {
			return 0, fmt.Errorf("value %q: %w", s, err)
		}
		return uint64(n) & (1<<bits - 1), nil
	}
	v, err := strconv.ParseUint(s, 0, bits)
	if err != nil {
		return 0, fmt.Errorf("value %q: %w", s, err)
	}
	return v, nil
}

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
			return nil, fmt.Errorf("value %q: %w", s, err)
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
	if err != nil || len(raw) != 16 {
		return UUID{}, fmt.Errorf("%q is no UUID", s)
	}
	return UUID(raw), nil
}

// bigtimeEpoch is the Unix time, in seconds, of a zero timestamp in an inode with BIGTIME.
const bigtimeEpoch = -(1 << 31)

// Limits of timestamps: Unix seconds.
const (
	MinTime        = -(1 << 31)
	MaxTime        = 1<<31 - 1
	MaxTimeBigtime = 16299260424 // 2486-07-02
)

// EncodeTime turns a time, in nanoseconds since the Unix epoch split as sec and nsec
// (0..999999999), into the on-disk form. Times outside the range of the form are clamped to
// the nearest one that it holds.
func EncodeTime(sec int64, nsec uint32, bigtime bool) uint64 {
	last := int64(MaxTime)
	if bigtime {
		last = MaxTimeBigtime
	}
	if sec < MinTime {
		sec, nsec = MinTime, 0
	}
	if sec > last {
		sec, nsec = last, 0
	}
	if !bigtime {
		return uint64(uint32(sec))<<32 | uint64(nsec)
	}
	return uint64(sec-bigtimeEpoch)*1e9 + uint64(nsec)
}

// DecodeTime is the inverse of EncodeTime.
func DecodeTime(v uint64, bigtime bool) time.Time {
	if !bigtime {
		return time.Unix(int64(int32(v>>32)), int64(uint32(v))).UTC()
	}
	return time.Unix(int64(v/1e9)+bigtimeEpoch, int64(v%1e9)).UTC()
}
