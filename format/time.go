package format

import (
	"strconv"
	"time"
)

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

// formatTime prints a timestamp as RFC 3339 has it, in UTC; one that no EncodeTime makes, such
// as one with too many nanoseconds, as a hexadecimal number.
func formatTime(v uint64, bigtime bool) string {
	t := DecodeTime(v, bigtime)
	if EncodeTime(t.Unix(), uint32(t.Nanosecond()), bigtime) != v {
		return "0x" + strconv.FormatUint(v, 16)
	}
	return t.Format(time.RFC3339Nano)
}

func parseTime(s string, bigtime bool) (uint64, bool) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return 0, false
	}
	return EncodeTime(t.Unix(), uint32(t.Nanosecond()), bigtime), true
}
