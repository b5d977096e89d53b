package mkfs

import "slices"

// exclusive are pairs of options that say the same thing in different words, or the opposite.
var exclusive = [][2]string{
	{"s size", "d sectsize"},
	{"i size", "i perblock"},
	{"d agcount", "d agsize"},
	{"d concurrency", "d agcount"},
	{"d concurrency", "d agsize"},
	{"d su", "d sunit"},
	{"d su", "d swidth"},
	{"d sw", "d sunit"},
	{"d sw", "d swidth"},
	{"d noalign", "d su"},
	{"d noalign", "d sw"},
	{"d noalign", "d sunit"},
	{"d noalign", "d swidth"},
	{"l su", "l sunit"},
	{"l concurrency", "l size"},
}

// together are pairs of options of which each needs the other.
var together = [][2]string{
	{"d su", "d sw"},
	{"d sunit", "d swidth"},
}

// checkPairs holds the options given, by name, against these tables.
func checkPairs(given map[string]Setting) error {
	for _, pair := range exclusive {
		a, hasA := given[pair[0]]
		b, hasB := given[pair[1]]
		if hasA && hasB {
			return conflictf("option %s and %s cannot both be given; drop one", a, b)
		}
	}
	for _, pair := range together {
		for i := range pair {
			s, has := given[pair[i]]
			if _, ok := given[pair[1-i]]; has && !ok {
				return conflictf("option %s needs -%s= too", s, pair[1-i])
			}
		}
	}
	return nil
}

// overruled reports whether an option may not stand beside those given.
func overruled(name string, given map[string]Setting) bool {
	return slices.ContainsFunc(exclusive, func(pair [2]string) bool {
		_, a := given[pair[0]]
		_, b := given[pair[1]]
		return pair[0] == name && b || pair[1] == name && a
	})
}

// rule is a combination that does not work.
type rule struct {
	broken func(l *Layout) bool
	say    func(l *Layout) error
}

// rules judge sizes and features, before groups and log are laid out.
var rules = []rule{
	{
		func(l *Layout) bool {
			for _, v := range []int{l.BlockSize, l.SectSize, l.InodeSize, l.DirBlockSize} {
				if v <= 0 || v > 1<<16 || v&(v-1) != 0 {
					return true
				}
			}
			return false
		},
		func(l *Layout) error {
			return conflictf("sizes of blocks, sectors, inodes and directory blocks (%d, %d, %d, %d) must be powers of two up to 65536", l.BlockSize, l.SectSize, l.InodeSize, l.DirBlockSize)
		},
	},
	{
		func(l *Layout) bool { return l.BlockSize < 1024 },
		func(l *Layout) error {
			return conflictf("block size %d is for the old format without checksums; the least is 1024", l.BlockSize)
		},
	},
	{
		func(l *Layout) bool { return l.SectSize > l.BlockSize },
		func(l *Layout) error {
			return conflictf("sector size %d is larger than the block size %d; give -b size=%d or more", l.SectSize, l.BlockSize, l.SectSize)
		},
	},
	{
		func(l *Layout) bool { return l.InodeSize < 512 },
		func(l *Layout) error {
			return conflictf("inode size %d is for the old format without checksums; the least is 512", l.InodeSize)
		},
	},
	{
		func(l *Layout) bool { return l.InodeSize > 2048 },
		func(l *Layout) error {
			return conflictf("inode size %d is too large; the most is 2048", l.InodeSize)
		},
	},
	{
		func(l *Layout) bool { return l.InodeSize > l.BlockSize/2 },
		func(l *Layout) error {
			return conflictf("inode size %d is more than half a block of %d; give -b size=%d or more", l.InodeSize, l.BlockSize, 2*l.InodeSize)
		},
	},
	{
		func(l *Layout) bool { return l.DirBlockSize < l.BlockSize },
		func(l *Layout) error {
			return conflictf("directory block size %d is smaller than the block size %d; give -n size=%d or more", l.DirBlockSize, l.BlockSize, l.BlockSize)
		},
	},
	{
		func(l *Layout) bool { return l.HasInobtCount() && !l.HasFinobt() },
		func(*Layout) error { return conflict("inobtcount=1 needs finobt=1; give -m inobtcount=0 too") },
	},
	{
		func(l *Layout) bool { return len(l.c.Label) > maxLabel },
		func(l *Layout) error {
			return conflictf("label %q has %d bytes; the most is %d", l.c.Label, len(l.c.Label), maxLabel)
		},
	},
}
