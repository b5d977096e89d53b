package journal

import "github.com/cowfs/cowfs/format"

// shape is how a writer makes records: sizes that do not change while it writes.
type shape struct {
	size    int // bytes; what a header says of the largest record
	headers int // blocks before the payload
	unit    int // blocks; records are a multiple of it
	room    int // bytes of payload in the largest record
}

// minRecordSize is the smallest value for the largest record that writers use, in bytes.
const minRecordSize = 16 << 10

// newShape chooses the sizes of a volume's records. size is that of the largest record in bytes;
// 0 leaves it open.
func newShape(g *format.Geometry, size int) shape {
	unit := max(int(g.LogSUnit), 1<<g.LogSectLog, format.BasicBlock)
	if size == 0 {
		size = format.LogMinRecord
	}
	size = min(max(size, unit, minRecordSize), format.MaxLogRecord) &^ (format.BasicBlock - 1)
	s := shape{size: size, headers: format.LogHeaders(uint32(size)), unit: unit >> format.BasicBlockLog}
	blocks := size >> format.BasicBlockLog
	s.room = (blocks - blocks%s.unit - s.headers) << format.BasicBlockLog
	return s
}

// blocks is the length of a record with n bytes of payload.
func (s shape) blocks(n int) int {
	b := s.headers + (n+format.BasicBlock-1)>>format.BasicBlockLog
	return (b + s.unit - 1) / s.unit * s.unit
}

// packer splits a transaction into operations and puts them into records. A region that does
// not fit into what is left of a record goes on in the next one.
type packer struct {
	shape
	used int // bytes of the record at hand
	ops  int // operations in it
	// op is called with each operation; the length of its data is a multiple of 4, the last pad
	// bytes of which are zero and not in data. end is called when a record is full.
	op  func(flags format.LogOpFlag, data []byte, pad int)
	end func()
}

// least is the smallest piece of a region that begins or ends in a record, in bytes. Readers
// want the first word of an item in one piece.
const least = 4

func (p *packer) mark(flags format.LogOpFlag) {
	p.need(0)
	p.emit(flags, nil, 0)
}

func (p *packer) region(data []byte) {
	pad := -len(data) & 3
	flags := format.LogOpFlag(0)
	for {
		p.need(least)
		n, room := len(data)+pad, (p.room-p.used-format.LogOp.Size)&^3
		if n <= room {
			if flags != 0 {
				flags |= format.LogOpEnd
			}
			p.emit(flags, data, pad)
			return
		}
		cut := min(room, len(data)) // the padding does not outlast the data by a record
		if cut < room {
			cut = len(data) &^ 3
		}
		p.emit(flags|format.LogOpContinue, data[:cut], 0)
		data, flags = data[cut:], format.LogOpWasCont
	}
}

// need begins a new record if the one at hand has no room for an operation with n bytes.
func (p *packer) need(n int) {
	if p.used+format.LogOp.Size+n > p.room {
		p.close()
	}
}

func (p *packer) emit(flags format.LogOpFlag, data []byte, pad int) {
	p.op(flags, data, pad)
	p.used += format.LogOp.Size + len(data) + pad
	p.ops++
}

// close ends the record at hand.
func (p *packer) close() {
	p.end()
	p.used, p.ops = 0, 0
}

// transaction packs a whole transaction, from its start to its commit.
func (p *packer) transaction(tid uint32, items []Item) {
	p.mark(format.LogOpStart)
	p.region(transHeader(tid, items))
	for _, i := range items {
		for _, r := range i.Regions {
			p.region(r)
		}
	}
	p.mark(format.LogOpCommit)
	p.close()
}

// transHeader is the header of a transaction.
func transHeader(tid uint32, items []Item) []byte {
	b := make([]byte, format.LogTrans.Size)
	format.LogTransMagicNo.Put(b, format.LogTransMagic)
	format.LogTransType.Put(b, format.LogTransCheckpoint)
	format.LogTransTID.Put(b, tid)
	n := 0
	for _, i := range items {
		n += len(i.Regions)
	}
	format.LogTransItems.Put(b, uint32(n))
	return b
}

// measure returns the number of blocks that a transaction takes.
func (s shape) measure(items []Item) int {
	blocks := 0
	p := packer{shape: s, op: func(format.LogOpFlag, []byte, int) {}}
	p.end = func() { blocks += s.blocks(p.used) }
	p.transaction(0, items)
	return blocks
}
