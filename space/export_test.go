package space

import (
	"testing"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/txn"
)

// SetFreelist makes a group's free list so long. The trees must not need blocks for that.
func SetFreelist(t *testing.T, s *Groups, tx *txn.Tx, no format.AGNumber, n int) {
	t.Helper()
	a, err := s.group(tx, no)
	for err == nil && int(a.listLen()) < n {
		err = a.extend(uint32(n) - a.listLen())
	}
	for err == nil && int(a.listLen()) > n {
		var b format.AGBlock
		if b, err = a.pop(); err == nil {
			if err = a.unmap(Rmap{b, 1, Owner{ID: format.OwnAG}}, true); err == nil {
				err = a.release(run{b, 1})
			}
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}
