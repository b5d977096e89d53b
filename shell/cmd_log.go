package shell

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/journal"
)

// logCommands print what is in the log.
func logCommands() []*Command {
	return []*Command{{
		Name: "logprint", Args: "[-r] [-v] [-u]", Summary: "print what the log holds for a recovery",
		Text: "Each committed transaction from the tail to the head with its items, whose fields are named.\nA clean log holds none. The log is printed as it lies in the image, though it was replayed\nin memory.",
		Examples: []Example{
			{"logprint", "transactions and items"},
			{"logprint -v", "with all fields, inodes and bytes"},
			{"logprint -r", "the records that they are written in"},
			{"logprint -u", "only changes that were announced and not made"},
		},
		setup: setupLogprint,
	}}
}

// LogRecordDoc is a record of the log.
type LogRecordDoc struct {
	Type   string        `json:"type"` // "logrecord"
	LSN    string        `json:"lsn"`  // cycle:block
	Tail   string        `json:"tail"`
	Blocks int           `json:"blocks"` // of 512 bytes
	Ops    int           `json:"ops"`
	Fields format.Values `json:"fields"`
}

// LogItemDoc is an item of a transaction.
type LogItemDoc struct {
	Type        string         `json:"type"` // "logitem"
	LSN         string         `json:"lsn"`  // of the transaction
	Transaction string         `json:"transaction"`
	Item        string         `json:"item"`
	Regions     []int          `json:"regions"`             // bytes of each
	Fields      format.Values  `json:"fields"`              // of the first region
	Inode       *format.Values `json:"inode,omitempty"`     // the core that an inode item holds
	Chunks      []LogChunk     `json:"chunks,omitempty"`    // of a buffer
	Structure   string         `json:"structure,omitempty"` // of a buffer that is there from its start
	regions     [][]byte       // as they are
	head        *format.Struct // of the first one
	core        format.Values  // of Inode
	kind        format.LogItemType
}

// LogChunk is a part of a buffer that an item holds.
type LogChunk struct {
	Offset int `json:"offset"` // bytes
	Length int `json:"length"`
}

// IntentDoc is a change that was announced and not made.
type IntentDoc struct {
	Type string `json:"type"` // "intent"
	Item string `json:"item"`
	ID   string `json:"id"`
	LSN  string `json:"lsn"`
	Text string `json:"text"`
}

func setupLogprint(f *flag.FlagSet) runFunc {
	records := f.Bool("r", false, "print records")
	verbose := f.Bool("v", false, "print all fields, and the bytes of regions without any")
	unfinished := f.Bool("u", false, "print changes that were announced and not made")
	return func(ctx context.Context, s *Session, args []string) error {
		if err := atMost(args, 0); err != nil {
			return err
		}
		l, err := s.Vol.OpenLog()
		if err != nil {
			return err
		}
		s.title("the log is %v: head at %s, tail at %s, of %d blocks", l.State, journal.Place(l.Head), journal.Place(l.Tail), l.Blocks)
		switch {
		case l.State == journal.Zeroed:
			return nil
		case *records:
			return s.printRecords(ctx, l, *verbose)
		case *unfinished:
			return s.printIntents(l)
		}
		return s.printItems(ctx, l, *verbose)
	}
}

func (s *Session) printRecords(ctx context.Context, l *journal.Log, verbose bool) error {
	for r, err := range l.Records() {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		doc := LogRecordDoc{Type: "logrecord", LSN: journal.Place(r.LSN), Tail: journal.Place(r.Tail), Blocks: r.Blocks, Ops: r.NumOps}
		if doc.Fields, err = format.LogRecord.Decode(s.Vol.Geo, r.Header); err != nil {
			return err
		}
		err = s.emit(doc, func(w io.Writer) {
			fmt.Fprintf(w, "record %s: %d blocks, %d operations, tail at %s\n", doc.LSN, doc.Blocks, doc.Ops, doc.Tail)
			if verbose {
				io.WriteString(w, indent(doc.Fields.String())+"\n")
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Session) printIntents(l *journal.Log) error {
	list, err := l.Unfinished()
	if err != nil {
		return err
	}
	for _, i := range list {
		doc := IntentDoc{"intent", i.Type.String(), fmt.Sprintf("%#x", i.ID), journal.Place(i.LSN), i.String()}
		if err := s.emit(doc, func(w io.Writer) { fmt.Fprintf(w, "%s: %s\n", doc.LSN, doc.Text) }); err != nil {
			return err
		}
	}
	return nil
}

func (s *Session) printItems(ctx context.Context, l *journal.Log, verbose bool) error {
	for t, err := range l.Transactions() {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		s.title("transaction %#x at %s: %d items", t.TID, journal.Place(t.LSN), t.NumItems)
		for item, err := range t.Items() {
			if err != nil {
				return err
			}
			doc := s.itemDoc(t, item)
			if err := s.emit(doc, func(w io.Writer) { doc.write(w, verbose) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// itemDoc describes an item by the tables of its regions.
func (s *Session) itemDoc(t *journal.Transaction, item journal.Item) *LogItemDoc {
	g := s.Vol.Geo
	doc := &LogItemDoc{
		Type: "logitem", LSN: journal.Place(t.LSN), Transaction: fmt.Sprintf("%#x", t.TID), Item: item.Type().String(),
		Regions: []int{}, regions: item.Regions, kind: item.Type(),
	}
	for _, r := range item.Regions {
		doc.Regions = append(doc.Regions, len(r))
	}
	if len(item.Regions) == 0 {
		return doc
	}
	if doc.head = format.LogItemOf(item.Regions[0]); doc.head != nil {
		doc.Fields, _ = doc.head.Decode(g, item.Regions[0]) // what is damaged is left out
	}
	switch doc.kind {
	case format.LogItemInode:
		if len(item.Regions) > 1 {
			doc.core, _ = format.LogDinode.Decode(g, item.Regions[1])
			doc.Inode = &doc.core
		}
	case format.LogItemBuf:
		doc.buffer(g)
	}
	return doc
}

// buffer finds out which parts of a buffer the regions are, by the runs of bits in its map.
func (d *LogItemDoc) buffer(g *format.Geometry) {
	var words []uint64
	for _, v := range d.Fields {
		if strings.HasPrefix(v.Name, "data_map[") {
			words = append(words, v.Num)
		}
	}
	run := 0
	for i := range 32*len(words) + 1 {
		if i < 32*len(words) && words[i/32]>>(i%32)&1 != 0 {
			run++
			continue
		}
		if run > 0 {
			d.Chunks = append(d.Chunks, LogChunk{(i - run) * format.LogBufChunk, run * format.LogBufChunk})
		}
		run = 0
	}
	if len(d.Chunks) > 0 && d.Chunks[0].Offset == 0 && len(d.regions) > 1 {
		if t := format.Detect(g, d.regions[1]); t != nil {
			d.Structure = t.Name
		}
	}
}

func (d *LogItemDoc) write(w io.Writer, verbose bool) {
	var about []string
	for _, v := range d.Fields {
		if v.Name == "type" || v.Name == "size" || strings.HasPrefix(v.Name, "data_map[") {
			continue
		}
		text := v.Name + " " + v.String()
		if v.Note != "" {
			text += " (" + v.Note + ")"
		}
		about = append(about, text)
	}
	fmt.Fprintf(w, "  %s: %s", d.Item, strings.Join(about, ", "))
	if d.Structure != "" {
		fmt.Fprintf(w, "; %s", d.Structure)
	}
	for _, c := range d.Chunks {
		fmt.Fprintf(w, "; bytes %d-%d", c.Offset, c.Offset+c.Length-1)
	}
	fmt.Fprintln(w)
	if !verbose {
		return
	}
	if d.Inode != nil {
		fmt.Fprintln(w, "    "+indent(d.core.String()))
	}
	for i, r := range d.regions {
		if i == 0 || i == 1 && d.Inode != nil {
			continue
		}
		first := 0
		if i <= len(d.Chunks) {
			first = d.Chunks[i-1].Offset
		}
		fmt.Fprintf(w, "    region %d, %d bytes:\n", i, len(r))
		var hex strings.Builder
		writeHex(&hex, r, first)
		fmt.Fprintln(w, "    "+indent(hex.String()))
	}
}
