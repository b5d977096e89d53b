package journal

import "github.com/cowfs/cowfs/format"

// bufKey names a buffer as the log does: address and length, both in units of 512 bytes.
type bufKey struct {
	at format.Daddr
	n  int
}

// cancels counts, for each buffer whose blocks were freed, the items in the log that say so and
// that the replay has not come to yet. Until it has come to the last one, no item for the buffer
// is replayed: the blocks may hold something else by now, such as a file's data.
type cancels map[bufKey]int

func (c cancels) add(k bufKey) { c[k]++ }

func (c cancels) has(k bufKey) bool { return c[k] > 0 }

// pass takes note that the replay has come to one of the items.
func (c cancels) pass(k bufKey) {
	if c[k]--; c[k] <= 0 {
		delete(c, k)
	}
}
