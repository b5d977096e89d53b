package format

// ToLogDinode converts the fixed part of an inode from its form on disk to that of the log.
func ToLogDinode(log, disk []byte) {
	swapDinode(log, disk, Dinode, DiFlags2.Get(disk)&Flag2Bigtime != 0)
}

// FromLogDinode is the inverse of ToLogDinode.
func FromLogDinode(disk, log []byte) {
	swapDinode(disk, log, LogDinode, LE64[DiFlag2](DiFlags2).Get(log)&Flag2Bigtime != 0)
}

// swapDinode turns the bytes of all numbers around. The table is that of src, whose conditions
// say what its variant fields are.
func swapDinode(dst, src []byte, table *Struct, bigtime bool) {
	copy(dst[:table.Size], src[:table.Size])
	for i := range table.Fields {
		f := &table.Fields[i]
		size := f.Size
		switch {
		case f.Kind == CRC || f.Kind.bytes() || f.Kind == Pad || size == 1 || f.When != nil && !f.When(src):
			continue
		case f.Kind == Time && !bigtime:
			size = 4 // seconds and nanoseconds
		}
		for at := f.Off; at < f.End(); at += size {
			for k := range size {
				dst[at+k] = src[at+size-1-k]
			}
		}
	}
}
