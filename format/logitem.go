package format

// LogItemType is the type of an item in a transaction, the first two bytes of its first region.
type LogItemType uint16

// Item types. Those whose name ends in I are intents, which the one that ends in D says is done.
const (
	LogItemEFI      LogItemType = 0x1236 // free extents
	LogItemEFD      LogItemType = 0x1237
	LogItemInode    LogItemType = 0x123b
	LogItemBuf      LogItemType = 0x123c
	LogItemDquot    LogItemType = 0x123d
	LogItemQuotaOff LogItemType = 0x123e
	LogItemICreate  LogItemType = 0x123f // initialize a chunk of inodes
	LogItemRUI      LogItemType = 0x1240 // update rmapbt
	LogItemRUD      LogItemType = 0x1241
	LogItemCUI      LogItemType = 0x1242 // update refcountbt
	LogItemCUD      LogItemType = 0x1243
	LogItemBUI      LogItemType = 0x1244 // map or unmap file blocks
	LogItemBUD      LogItemType = 0x1245
	LogItemAttrI    LogItemType = 0x1246 // change an attribute
	LogItemAttrD    LogItemType = 0x1247
	LogItemXMI      LogItemType = 0x1248 // exchange mappings
	LogItemXMD      LogItemType = 0x1249
	LogItemEFIRT    LogItemType = 0x124a // as without RT, for the realtime section
	LogItemEFDRT    LogItemType = 0x124b
	LogItemRUIRT    LogItemType = 0x124c
	LogItemRUDRT    LogItemType = 0x124d
	LogItemCUIRT    LogItemType = 0x124e
	LogItemCUDRT    LogItemType = 0x124f
)

var logItemNames = &Names{By: map[int]string{
	0x1236: "efi", 0x1237: "efd", 0x123b: "inode", 0x123c: "buf", 0x123d: "dquot", 0x123e: "quotaoff",
	0x123f: "icreate", 0x1240: "rui", 0x1241: "rud", 0x1242: "cui", 0x1243: "cud", 0x1244: "bui", 0x1245: "bud",
	0x1246: "attri", 0x1247: "attrd", 0x1248: "xmi", 0x1249: "xmd", 0x124a: "efi_rt", 0x124b: "efd_rt",
	0x124c: "rui_rt", 0x124d: "rud_rt", 0x124e: "cui_rt", 0x124f: "cud_rt",
}}

// String names the type.
func (t LogItemType) String() string {
	if n := logItemNames.describe(uint64(t)); n != "" {
		return n
	}
	return "item " + hexed(t)
}

// Every item starts with its type and the number of its regions, this one included.
const (
	LogItemKind    = LE16[LogItemType](0)
	LogItemRegions = LE16[uint16](2)
)

// LogItemOf returns the table of the item whose first region this is, or nil when its type is
// unknown.
func LogItemOf(region []byte) *Struct {
	if len(region) < 4 {
		return nil
	}
	switch LogItemKind.Get(region) {
	case LogItemEFI, LogItemEFD, LogItemEFIRT, LogItemEFDRT:
		return LogEFI
	case LogItemInode:
		return LogInode
	case LogItemBuf:
		return LogBuf
	case LogItemDquot:
		return LogDquot
	case LogItemQuotaOff:
		return LogQuotaOff
	case LogItemICreate:
		return LogICreate
	case LogItemRUI, LogItemRUIRT:
		return LogRUI
	case LogItemCUI, LogItemCUIRT:
		return LogCUI
	case LogItemBUI:
		return LogBUI
	case LogItemAttrI:
		return LogAttrI
	case LogItemXMI:
		return LogXMI
	case LogItemRUD, LogItemRUDRT, LogItemCUD, LogItemCUDRT, LogItemBUD, LogItemAttrD, LogItemXMD:
		return LogDone
	}
	return nil
}

// logItem starts the table of an item's first region.
func logItem(name string, size int) *Struct {
	s := newStruct(name, size)
	named(l16[LogItemType](s, "type", int(LogItemKind), Hex), s, logItemNames)
	l16[uint16](s, "size", int(LogItemRegions), Dec)
	return s
}

// LogTransMagic is the magic number of a transaction's header, "TRAN"; LogTransCheckpoint the
// only type that there is.
const (
	LogTransMagic      = 0x5452414e
	LogTransCheckpoint = 40
)

// The header of a transaction: its first region. Items follow.
var (
	LogTrans = newStruct("logtrans", 16)

	LogTransMagicNo = l32[uint32](LogTrans, "magic", 0, Hex)
	LogTransType    = l32[uint32](LogTrans, "type", 4, Dec)
	LogTransTID     = l32[uint32](LogTrans, "tid", 8, Hex)
	LogTransItems   = l32[uint32](LogTrans, "num_items", 12, Dec) // regions, this one not included
)

// What ends an intent: all but the one for EFI are the same.
var (
	LogDone = logItem("logdone", 16)

	_         = padding(LogDone, "pad", 4, 4)
	LogDoneID = l64[uint64](LogDone, "id", 8, Hex) // of the intent
)
