package cmdline

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestBarLine(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		done, total int64
		spent       time.Duration
		width       int
		want        string
	}{
		{0, 100 * mib, 0, 60, "writing   0% [                             ] 0 B of 100 MiB"},
		{25 * mib, 100 * mib, 5 * time.Second, 80, "writing  25% [######                   ] 25 MiB of 100 MiB, 5.0 MiB/s, 15s left"},
		{100 * mib, 100 * mib, time.Second, 70, "writing 100% [###############] 100 MiB of 100 MiB, 100 MiB/s, 0s left"},
		{100 * mib, 100 * mib, time.Second, 20, "writing 100%  100 M"},
		{1, 1, 0, 0, ""},
	} {
		if d := cmp.Diff(c.want, barLine("writing", c.done, c.total, c.spent, c.width)); d != "" {
			t.Error(d)
		}
	}
}
