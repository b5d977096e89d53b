package format

import "fmt"

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
	Pad         // bytes or bits that must be zero
	Time        // a timestamp of 32-bit seconds and nanoseconds; see DecodeTime
	Mode        // file type and permissions
	Owner       // owner of an rmap record: an inode or one of the Owner constants
	LogBlockPtr // a block of the log, in units of 512 bytes
	BigTime     // a timestamp of nanoseconds since 1901; see DecodeTime
	Offset      // a place or length within a directory, which prints in hexadecimal
)

var kindNames = [...]string{
	"count", "hex", "blocks", "bytes", "log2", "agblock", "fsblock", "fileoff", "ino", "agino", "daddr",
	"lsn", "crc", "uuid", "text", "raw", "pad", "time", "mode", "owner", "logblock", "bigtime", "offset",
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
	case AGBlockPtr, FSBlockPtr, InoPtr, AGInoPtr, FileOffKind, LogBlockPtr, DaddrPtr:
		return true
	}
	return false
}

// textual reports whether JSON has numbers of this kind as the text that is printed, too.
func (k Kind) textual() bool {
	switch k {
	case Hex, CRC, LSNKind, Mode, Time, BigTime, Pad:
		return true
	}
	return false
}

// bytes reports whether fields of this kind hold a byte string and no number.
func (k Kind) bytes() bool { return k == UUIDKind || k == Text || k == Raw }

// null is the value of a pointer kind that says "none".
func null(width int) uint64 { return 1<<width - 1 }
