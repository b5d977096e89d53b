package format

// What the bits of the superblock's masks are called.
var (
	roNames = &Names{Mask: true, By: map[int]string{
		0: "FINOBT", 1: "RMAPBT", 2: "REFLINK", 3: "INOBTCNT", 31: ROPendingName,
	}}
	inNames = &Names{Mask: true, By: map[int]string{
		0: "FTYPE", 1: "SPINODES", 2: "META_UUID", 3: "BIGTIME", 4: "NEEDSREPAIR", 5: "NREXT64",
		6: "EXCHRANGE", 7: "PARENT", 8: "METADIR", 9: "ZONED", 10: "ZONE_GAPS",
	}}
	logIncompatNames = &Names{Mask: true, By: map[int]string{0: "LOG_XATTRS", 31: ROPendingName}}
	features2Names   = &Names{Mask: true, By: map[int]string{
		1: "LAZYSBCOUNT", 3: "ATTR2", 7: "PROJID32", 8: "CRC", 9: "FTYPE",
	}}
)

// String names the bits, unknown ones by their number.
func (f ROCompat) String() string { return roNames.describe(uint64(f)) }

// String names the bits, unknown ones by their number.
func (f Incompat) String() string { return inNames.describe(uint64(f)) }
