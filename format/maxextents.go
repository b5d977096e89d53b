package format

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
