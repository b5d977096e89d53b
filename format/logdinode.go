package format

// ToLogDinode converts the fixed part of an inode from its form on disk to that of the log.
func ToLogDinode(log, disk []byte) { convertDinode(log, disk, LogDinode, Dinode) }

// FromLogDinode is the inverse of ToLogDinode.
func FromLogDinode(disk, log []byte) { convertDinode(disk, log, Dinode, LogDinode) }

// convertDinode writes src, in the form of one of the two tables, to dst in that of the other.
// The tables have the same fields in the same order.
func convertDinode(dst, src []byte, to, from *Struct) {
	copy(dst[:from.Size], src[:from.Size])
	for i := range from.Fields {
		if f := &from.Fields[i]; !f.isBytes() && f.present(src) {
			to.Fields[i].putNumber(dst, 0, f.number(src, 0))
		}
	}
}
