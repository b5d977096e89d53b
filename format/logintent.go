package format

// intent starts the table of an intent with a list of extents behind it.
func intent(name string) *Struct {
	s := logItem(name, 16)
	l32[uint32](s, "nextents", int(LogIntentCount), Dec)
	l64[uint64](s, "id", int(LogIntentID), Hex)
	return s
}

// The fields that all intents with extents have.
const (
	LogIntentCount = LE32[uint32](4)
	LogIntentID    = LE64[uint64](8)
)

// extentsOf says that a list of extents follows an intent's header.
func extentsOf(s, extent *Struct) declared {
	return contents(s, func(_ *Geometry, b []byte) ([]Part, error) {
		return counted(s.Name, "nextents", "extents", s, extent, LogIntentCount.Get(b), b)
	})
}

// EFI and EFD: extents to be freed, and freed. An EFD has the EFI's id.
var (
	LogEFI = intent("logefi")

	_ = extentsOf(LogEFI, LogFreeExtent)

	LogFreeExtent = newStruct("logfreeextent", 16)

	LogFreeExtentStart = l64[FSBlock](LogFreeExtent, "start", 0, FSBlockPtr)
	LogFreeExtentLen   = l32[uint32](LogFreeExtent, "len", 8, Blocks)
	_                  = padding(LogFreeExtent, "pad", 12, 4)
)

// RUI: changes of rmapbt. BUI: changes of a fork; owner is the inode.
var (
	LogRUI = intent("logrui")
	LogBUI = intent("logbui")

	_ = extentsOf(LogRUI, LogMapExtent)
	_ = extentsOf(LogBUI, LogMapExtent)

	LogMapExtent = newStruct("logmapextent", 32)

	LogMapExtentOwner    = l64[uint64](LogMapExtent, "owner", 0, Owner)
	LogMapExtentStart    = l64[FSBlock](LogMapExtent, "startblock", 8, FSBlockPtr)
	LogMapExtentStartOff = l64[FileOff](LogMapExtent, "startoff", 16, FileOffKind)
	LogMapExtentLen      = l32[uint32](LogMapExtent, "len", 24, Blocks)
	LogMapExtentFlags    = l32[uint32](LogMapExtent, "flags", 28, Hex) // type in the low byte
)

// CUI: changes of refcountbt.
var (
	LogCUI = intent("logcui")

	_ = extentsOf(LogCUI, LogRefExtent)

	LogRefExtent = newStruct("logrefextent", 16)

	LogRefExtentStart = l64[FSBlock](LogRefExtent, "startblock", 0, FSBlockPtr)
	LogRefExtentLen   = l32[uint32](LogRefExtent, "len", 8, Blocks)
	LogRefExtentFlags = l32[uint32](LogRefExtent, "flags", 12, Hex) // type in the low byte
)

// LogIntentType masks the type of a change in the flags of an intent's extent.
const LogIntentType = 0xff

// Types of a RUI's changes, and its flags.
const (
	LogRmapMap           = 1
	LogRmapMapShared     = 2
	LogRmapUnmap         = 3
	LogRmapUnmapShared   = 4
	LogRmapConvert       = 5
	LogRmapConvertShared = 6
	LogRmapAlloc         = 7
	LogRmapFree          = 8

	LogRmapAttrFork  uint32 = 1 << 31
	LogRmapBmbtBlock uint32 = 1 << 30
	LogRmapUnwritten uint32 = 1 << 29
)

// Types of a CUI's changes.
const (
	LogRefcountIncrease = 1
	LogRefcountDecrease = 2
	LogRefcountAllocCow = 3
	LogRefcountFreeCow  = 4
)

// Types of a BUI's changes, and its flags.
const (
	LogBmapMap   = 1
	LogBmapUnmap = 2

	LogBmapAttrFork  uint32 = 1 << 31
	LogBmapUnwritten uint32 = 1 << 30
)
