package format

import (
	"fmt"

	"hash/crc32"
)

// Bytes of the headers that a record's checksum covers. Writers on 32-bit x86 end the first
// header four bytes earlier.
const (
	logCRCHeader    = 328
	logCRCHeader386 = 324
	logCRCExtHeader = 4 + 4*LogBlocksHdr
)

// logLayout returns the sizes in bytes of headers and payload of the record that starts b, and
// an error when b does not hold it all.
func logLayout(b []byte) (headers, payload int, err error) {
	if err := checkRange(0, LogRecord.Size, len(b)); err != nil {
		return 0, 0, fmt.Errorf("log record: %w", err)
	}
	size, n := LogSize.Get(b), LogLen.Get(b)
	switch {
	case size > MaxLogRecord:
		return 0, 0, Corrupt("log record", "size", size, upTo(MaxLogRecord))
	case n > MaxLogRecord || n%BasicBlock != 0:
		return 0, 0, Corrupt("log record", "len", n, "a multiple of 512, "+upTo(MaxLogRecord))
	}
	headers, payload = LogHeaders(size)*BasicBlock, int(n)
	if payload > headers*LogBlocksHdr {
		return 0, 0, Corrupt("log record", "len", n, upTo(uint32(headers*LogBlocksHdr)))
	}
	if err := checkRange(headers, payload, len(b)); err != nil {
		return 0, 0, fmt.Errorf("log record: %w", err)
	}
	return headers, payload, nil
}

// LogChecksum returns the checksum of the record that starts b, with its payload as it is on
// disk.
func LogChecksum(b []byte) (uint32, error) { return logChecksum(b, logCRCHeader) }

func logChecksum(b []byte, header int) (uint32, error) {
	headers, payload, err := logLayout(b)
	if err != nil {
		return 0, err
	}
	c := Checksum(b[:header], LogCRC)
	// Of the extended headers, those count that the payload needs, not all that are there.
	for off := BasicBlock; off < LogHeaders(uint32(payload))*BasicBlock; off += BasicBlock {
		c = crc32.Update(c, castagnoli, b[off:off+logCRCExtHeader])
	}
	return crc32.Update(c, castagnoli, b[headers:headers+payload]), nil
}

// SetLogChecksum computes the checksum of a record that StampLog has finished, and stores it.
func SetLogChecksum(b []byte) error {
	c, err := LogChecksum(b)
	if err == nil {
		LogCRC.Put(b, c)
	}
	return err
}

// VerifyLog judges the record that starts b: its header, that b has all of it, and its checksum,
// unless that is 0, which says that there is none. The headers without a payload that a mount stamps
// on the blocks behind the log's head are no records.
func VerifyLog(g *Geometry, b []byte) error {
	if err := checkRange(0, LogRecord.Size, len(b)); err != nil {
		return fmt.Errorf("log record: %w", err)
	}
	switch {
	case LogMagicNo.Get(b) != LogMagic:
		return Corrupt("log record", "magicno", hexed(LogMagicNo.Get(b)), hexed[uint32](LogMagic))
	case LogVersionNo.Get(b) != LogVersion:
		return Corrupt("log record", "version", LogVersionNo.Get(b), LogVersion)
	case LogFmt.Get(b) != LogFmtLinux:
		return fmt.Errorf("%w: log record of format %d; only %d is", ErrUnsupported, LogFmt.Get(b), LogFmtLinux)
	case LogUUID.Get(b) != g.UUID:
		return Corrupt("log record", "fs_uuid", LogUUID.Get(b), g.UUID)
	case LogLen.Get(b) == 0:
		return Corrupt("log record", "len", 0, "a payload")
	}
	want, err := LogChecksum(b)
	if err != nil {
		return err
	}
	got := LogCRC.Get(b)
	if got == 0 || got == want {
		return nil
	}
	if other, err := logChecksum(b, logCRCHeader386); err != nil || got != other {
		return Corrupt("log record", "crc", showCRC(got), showCRC(want))
	}
	return nil
}

// StampLog puts the record's cycle into the first word of each block behind its first header, as
// it is on disk, and saves the payload's own words in the headers. UnstampLog reverses it.
func StampLog(b []byte) error {
	headers, payload, err := logLayout(b)
	if err != nil {
		return err
	}
	cycle := LogCycle.Get(b)
	for off := BasicBlock; off < headers; off += BasicBlock {
		LogExtCycle.Put(b[off:], cycle)
	}
	for i := range payload / BasicBlock {
		first := b[headers+i*BasicBlock:]
		header, word := cycleWord(b, i)
		word.Put(header, LogExtCycle.Get(first))
		LogExtCycle.Put(first, cycle)
	}
	return nil
}

// UnstampLog puts the payload's own words back. It returns the payload, a view into b.
func UnstampLog(b []byte) ([]byte, error) {
	headers, payload, err := logLayout(b)
	if err != nil {
		return nil, err
	}
	for i := range payload / BasicBlock {
		header, word := cycleWord(b, i)
		LogExtCycle.Put(b[headers+i*BasicBlock:], word.Get(header))
	}
	return b[headers : headers+payload], nil
}

// cycleWord is where the first word of payload block i is kept: in a header, and its accessor there.
func cycleWord(b []byte, i int) (header []byte, word U32[uint32]) {
	header = b[i/LogBlocksHdr*BasicBlock:]
	if i < LogBlocksHdr {
		return header, LogCycleData.At(i)
	}
	return header, LogExtCycleData.At(i % LogBlocksHdr)
}
