package foreign

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cowfs/cowfs/device"
)

// signatures tell other filesystems by what they have at a byte of their beginning.
var signatures = []struct {
	off  int64
	text string
	name string
}{
	{1080, "\x53\xef", "an ext2, ext3 or ext4 filesystem"},
	{65600, "_BHRfS_M", "a btrfs filesystem"},
	{0, "hsqs", "a squashfs filesystem"},
}

// ErrForeign says that an image holds something else than an XFS volume.
var ErrForeign = errors.New("no XFS filesystem begins here")

// Check returns an ErrForeign that names what begins on a device, or nil if it is nothing that is known.
func Check(dev device.Device) error {
	if has(dev, 0, "XFSB") {
		return nil
	}
	what, help := name(dev)
	if what == "" {
		return nil
	}
	return fmt.Errorf("%w; there is %s%s", ErrForeign, what, help)
}

// name says in words what begins on a device, and what to do. A GPT is asked for first, as what was
// there before it may have left its signature, and an MBR last, as boot code of a filesystem can look
// like one.
func name(dev device.Device) (what, help string) {
	if starts := gpt(dev); starts != nil {
		return partitioned(dev, starts)
	}
	for _, s := range signatures {
		if has(dev, s.off, s.text) {
			return s.name, ""
		}
	}
	if starts := mbr(dev); starts != nil {
		return partitioned(dev, starts)
	}
	return "", ""
}

// partitioned says what to do with a partition table, with a partition that holds XFS for an example,
// or else the first.
func partitioned(dev device.Device, starts []int64) (what, help string) {
	example := starts[0]
	for _, start := range starts {
		if has(dev, start, "XFSB") {
			example = start
			break
		}
	}
	return "a partition table", fmt.Sprintf(": name the partition with --offset, such as --offset %d", example)
}

// Places in a GPT and in its entries, in bytes.
const (
	gptTable     = 72 // header: sector of the entries
	gptCount     = 80 // header: how many there are
	gptEntrySize = 84 // header: bytes of an entry
	gptStart     = 32 // entry: first sector of the partition
)

// gptEntries is how many entries are looked at, which is how many a GPT usually has.
const gptEntries = 128

// gpt returns where the partitions of a GPT begin, nil if there is none.
func gpt(dev device.Device) (starts []int64) {
	for _, sector := range []int64{512, 4096} {
		if !has(dev, sector, "EFI PART") {
			continue
		}
		h := peek(dev, sector, sector)
		table, size := int64(binary.LittleEndian.Uint64(h[gptTable:])), int64(binary.LittleEndian.Uint32(h[gptEntrySize:]))
		for i := range min(int64(binary.LittleEndian.Uint32(h[gptCount:])), gptEntries) {
			start := peek(dev, table*sector+i*size+gptStart, 8)
			starts = appendStart(starts, dev, sector, binary.LittleEndian.Uint64(start))
		}
		if starts == nil {
			return []int64{1 << 20} // where a first one usually is
		}
	}
	return starts
}

// Places in an MBR and in its entries, in bytes.
const (
	mbrSector  = 512
	mbrTable   = 446
	mbrEntry   = 16
	mbrEnd     = 510
	mbrType    = 4  // entry: 0 is none
	mbrStart   = 8  // entry: first sector of the partition
	mbrSectors = 12 // entry: how long it is
)

// mbr returns where the partitions of an MBR begin, nil if there is none.
func mbr(dev device.Device) (starts []int64) {
	if !has(dev, mbrEnd, "\x55\xaa") {
		return nil
	}
	table := peek(dev, mbrTable, mbrEnd-mbrTable)
	for ; len(table) > 0; table = table[mbrEntry:] {
		active, sectors := table[0], binary.LittleEndian.Uint32(table[mbrSectors:])
		if active&0x7f == 0 && table[mbrType] != 0 && sectors > 0 {
			starts = appendStart(starts, dev, mbrSector, uint64(binary.LittleEndian.Uint32(table[mbrStart:])))
		}
	}
	return starts
}

// appendStart adds the place of a sector, if it is behind the first and on the device.
func appendStart(starts []int64, dev device.Device, size int64, sector uint64) []int64 {
	if sector == 0 || sector >= uint64(dev.Size()/size) {
		return starts
	}
	return append(starts, int64(sector)*size)
}

// has reports whether a text lies at a byte of a device.
func has(dev device.Device, off int64, text string) bool {
	return string(peek(dev, off, int64(len(text)))) == text
}

// peek returns bytes of a device: zeroes where it has none.
func peek(dev device.Device, off, n int64) []byte {
	b := make([]byte, n)
	if off >= 0 && off < dev.Size() {
		_, _ = dev.ReadAt(b, off) // as far as there is something
	}
	return b
}
