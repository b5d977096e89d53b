package format

// Limits of the extent counts, narrow and wide.
const (
	maxExtents       = 1<<31 - 1
	maxAttrExtents   = 1<<15 - 1
	maxBigExtents    = 1<<48 - 1
	maxBigAttrExtent = 1<<32 - 1
)

// MaxExtents is the largest number of extents that a fork of an inode can count.
func MaxExtents(inode []byte, attr bool) uint64 {
	switch wide := DiFlags2.Get(inode)&Flag2Nrext64 != 0; {
	case wide && attr:
		return maxBigAttrExtent
	case wide:
		return maxBigExtents
	case attr:
		return maxAttrExtents
	}
	return maxExtents
}
