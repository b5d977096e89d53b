package format

import "hash/crc32"

// The standard library's, hardware included: others are no faster for blocks, and would make the
// same tables once more at each start.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var zero4 [4]byte

// Checksum returns the CRC-32C of b as the format computes it: over all of b with the four
// bytes of the checksum field itself taken as zero.
func Checksum(b []byte, field L32) uint32 {
	c := crc32.Update(0, castagnoli, b[:field])
	c = crc32.Update(c, castagnoli, zero4[:])
	return crc32.Update(c, castagnoli, b[field+4:])
}

// SetChecksum computes the checksum of b and stores it in its field.
func SetChecksum(b []byte, field L32) { field.Put(b, Checksum(b, field)) }

// ChecksumOK reports whether the checksum stored in b is right.
func ChecksumOK(b []byte, field L32) bool { return field.Get(b) == Checksum(b, field) }
