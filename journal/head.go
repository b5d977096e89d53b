package journal

import (
	"fmt"

	"github.com/cowfs/cowfs/format"
)

// findHead looks for the place where the next record goes, going by nothing but the blocks'
// cycle numbers: up to the head they are one higher than behind it. A log that was never
// written has cycle 0 everywhere.
//
// Records that were in flight in a crash may lie there with gaps between them; the head is at
// the first gap. What follows it may have the cycle of blocks before it.
func (a *area) findHead() (head int, zeroed bool, err error) {
	first, err := a.cycle(0)
	if err != nil {
		return 0, false, err
	}
	last, err := a.cycle(a.blocks - 1)
	if err != nil {
		return 0, false, err
	}
	if first == 0 && last == 0 {
		return 0, true, nil
	}
	// Of two rounds at once, the end of the older one can be in flight together with the start
	// of the newer one.
	if first == 0 || first != last && first != nextCycle(last) && first != nextCycle(nextCycle(last)) {
		return 0, false, damage(0, "cycle %d in the first block and %d in the last", first, last)
	}
	head, old := a.blocks, prevCycle(first)
	if first != last {
		old = last
		if head, err = a.searchCycle(old); err != nil {
			return 0, false, err
		}
	}
	gap, err := a.firstGap(head, old)
	return gap % a.blocks, false, err
}

// searchCycle finds a block with the last block's cycle whose predecessor has another one.
func (a *area) searchCycle(old uint32) (int, error) {
	lo, hi := 0, a.blocks-1
	for hi-lo > 1 {
		mid := lo + (hi-lo)/2
		c, err := a.cycle(mid)
		if err != nil {
			return 0, err
		}
		if c == old {
			hi = mid
		} else {
			lo = mid
		}
	}
	return hi, nil
}

// firstGap finds the first block among those before head that were in flight, together with it,
// that has the older cycle. It returns head when there is none.
func (a *area) firstGap(head int, old uint32) (int, error) {
	n := min(a.blocks, inFlightBlocks)
	if end := n - head; end > 0 && old != 0 {
		// Behind the log's end, the older cycle is that of the round before.
		if gap, err := a.firstWith(a.blocks-end, end, prevCycle(old)); err != nil || gap >= 0 {
			return gap, err
		}
	}
	n = min(n, head)
	gap, err := a.firstWith(head-n, n, old)
	if gap < 0 {
		gap = head
	}
	return gap, err
}

// firstWith is the first of n blocks from block at that has a cycle, or -1.
func (a *area) firstWith(at, n int, cycle uint32) (int, error) {
	found := -1
	err := a.each(at, n, func(block int, b []byte) bool {
		if cycleIn(b) == cycle {
			found = block
		}
		return found < 0
	})
	return found, err
}

// extent is where a record lies.
type extent struct {
	at, n  int // blocks
	header [format.BasicBlock]byte
}

// headerBefore finds the last record header among the limit blocks before block end. at is -1
// when there is none.
func (a *area) headerBefore(end, limit int) (extent, error) {
	limit = min(limit, maxRecord)
	e := extent{at: -1}
	buf := make([]byte, limit<<format.BasicBlockLog)
	start := (end - limit + a.blocks) % a.blocks
	if err := a.read(buf, start); err != nil {
		return e, err
	}
	for i := limit - 1; i >= 0; i-- {
		b := buf[i<<format.BasicBlockLog:][:format.BasicBlock]
		if format.LogMagicNo.Get(b) == format.LogMagic {
			e.at = (start + i) % a.blocks
			e.n = recordBlocks(b)
			copy(e.header[:], b)
			break
		}
	}
	return e, nil
}

// recordBlocks is the number of blocks of the record with this header; nonsense if that is.
func recordBlocks(header []byte) int {
	n := min(format.LogLen.Get(header), 2*format.MaxLogRecord)
	return format.LogHeaders(min(format.LogSize.Get(header), 2*format.MaxLogRecord)) + int(n+format.BasicBlock-1)>>format.BasicBlockLog
}

// lastRecord finds the last record before head that is whole. Behind it there can be what is
// left of records that were in flight, no more of them than writers leave unsynced. Its end is
// the head, then.
func (a *area) lastRecord(head int) (*Record, error) {
	first, err := a.cycle(0)
	if err != nil {
		return nil, err
	}
	last, err := a.cycle(a.blocks - 1)
	if err != nil {
		return nil, err
	}
	limit := a.blocks // blocks before head that belong to the log's last round
	if first != 0 && last == 0 {
		limit = head
	}
	var cause error
	for dropped := 0; dropped <= inFlight; {
		chain, err := a.chainBefore(head, limit)
		if err != nil {
			return nil, err
		}
		// From the oldest on: nothing behind a damaged record counts.
		good, torn := (*Record)(nil), -1
		for i := len(chain) - 1; i >= 0 && torn < 0; i-- {
			if rec, err := a.readRecord(chain[i].at, format.LogCycle.Get(chain[i].header[:])); err == nil {
				good = rec
			} else if !damaged(err) {
				return nil, err
			} else {
				torn, cause = i, err
			}
		}
		switch {
		case torn < 0 && good != nil:
			return good, nil
		case len(chain) == 0:
			return nil, damage(head, "no record ends at the head, and no header is near: %w", orNone(cause))
		case torn < 0:
			torn = 0
		}
		dropped += torn + 1
		limit -= (head - chain[torn].at + a.blocks) % a.blocks
		head = chain[torn].at
	}
	return nil, damage(head, "more records than can have been in flight are damaged: %w", orNone(cause))
}

func orNone(err error) error {
	if err == nil {
		return fmt.Errorf("nothing is to be seen of one")
	}
	return err
}

// chainBefore lists the records that follow each other up to head, the last one first; as many
// of them as can have been in flight, and none before the last one's tail. When the last one
// does not end at head it is alone.
func (a *area) chainBefore(head, limit int) ([]extent, error) {
	var chain []extent
	end, tail := head, -1
	for len(chain) < inFlight && limit > 0 && end != tail {
		e, err := a.headerBefore(end, limit)
		if err != nil || e.at < 0 {
			return chain, err
		}
		back := (end - e.at + a.blocks) % a.blocks
		if e.n != back {
			if len(chain) == 0 {
				return []extent{e}, nil
			}
			return chain, nil
		}
		if len(chain) == 0 {
			tail = blockOf(format.LogTailLSN.Get(e.header[:]))
		}
		chain = append(chain, e)
		end, limit = e.at, limit-back
	}
	return chain, nil
}
