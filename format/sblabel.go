package format

import "fmt"

// Label returns the volume's label in a superblock.
func Label(sb []byte) string {
	raw := SBFName.Get(sb)
	n := len(raw)
	for n > 0 && raw[n-1] == 0 {
		n--
	}
	return string(raw[:n])
}

// MaxLabel is the number of bytes that a volume's label can have.
const MaxLabel = 12

// SetLabel stores a label, of MaxLabel bytes at most, in a superblock. Every group's superblock
// has a copy.
func SetLabel(sb []byte, label string) error {
	if len(label) > MaxLabel {
		return fmt.Errorf("label %q has %d bytes; %d are the limit", label, len(label), MaxLabel)
	}
	SBFName.Put(sb, []byte(label))
	return nil
}

// SetUUID changes the volume's UUID in a superblock. Other metadata keep the UUID that they were
// made with: the superblock remembers it and a feature bit says so. With that UUID again the
// feature ends. Every group's superblock must change, and the log's records carry the UUID, too.
func SetUUID(sb []byte, u UUID) {
	features := SBIncompat.Get(sb)
	old := SBUUID.Get(sb)
	if features&InMetaUUID != 0 {
		old = SBMetaUUID.Get(sb)
	}
	SBUUID.Put(sb, u)
	if u == old {
		SBMetaUUID.Put(sb, UUID{})
		SBIncompat.Put(sb, features&^InMetaUUID)
		return
	}
	SBMetaUUID.Put(sb, old)
	SBIncompat.Put(sb, features|InMetaUUID)
}
