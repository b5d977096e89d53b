package check

// The codes of superblocks, of the device and of what is not checked.
var (
	SuperPrimary = &Code{
		Name: "super.primary", Severity: Damage, Summary: "the primary superblock is unreadable, a copy was used",
		Means:  "The superblock of group 0 is damaged so that the volume's shape can't be read from it. The check went by the copy in another group.",
		Lost:   "Nothing but counters that can be found out anew. Linux does not mount the volume.",
		Repair: "Makes the primary superblock anew from the copy.",
	}
	SuperField = &Code{
		Name: "super.field", Severity: Damage, Summary: "a field of the superblock is impossible",
		Means:  "A field of the primary superblock contradicts others, or has a value that it can't have.",
		Lost:   "Nothing. Linux may refuse to mount the volume.",
		Repair: "Sets the value that follows from the rest of the volume.",
	}
	SuperPadding = &Code{
		Name: "super.padding", Severity: Oddity, Summary: "bytes behind the superblock are not zero",
		Means:  "The rest of the superblock's sector, or padding in it, holds something. Writers leave it zero.",
		Lost:   "Nothing. A future version of the format may give the bytes a meaning.",
		Repair: "Clears them.",
	}
	SuperUnused = &Code{
		Name: "super.unused", Severity: Oddity, Summary: "a field of the superblock is set that the volume has no use for",
		Means: "A field of a feature that the volume doesn't have.", Lost: "Nothing.", Repair: "Clears it.",
	}
	SuperNeedsRepair = &Code{
		Name: "super.needs-repair", Severity: Damage, Summary: "the volume is marked as needing repair",
		Means:  "A repair or an upgrade was begun and did not come to its end, or a program has found damage. Linux does not mount such a volume.",
		Lost:   "Whatever else the check finds.",
		Repair: "Takes the mark away when all else is mended.",
	}
	SuperCounter = &Code{
		Name: "super.counter", Severity: Damage, Summary: "a counter of the superblock is wrong",
		Means:  "The superblock counts free blocks, inodes and free inodes. One of the numbers is not the sum over the groups.",
		Lost:   "Nothing, but the volume shows more or less free space than there is, and may run out of it in the middle of a change.",
		Repair: "Sets the number that was counted.",
	}
	SecondaryUnreadable = &Code{
		Name: "secondary.unreadable", Severity: Damage, Summary: "a copy of the superblock is damaged",
		Means:  "Magic number or checksum of the superblock in a group other than the first are wrong. It is used only when the primary one is lost.",
		Lost:   "Nothing as long as the primary superblock and other copies are there. Growing the volume fails.",
		Repair: "Makes the copy anew.",
	}
	SecondaryField = &Code{
		Name: "secondary.field", Severity: Damage, Summary: "a copy of the superblock differs from it",
		Means:  "A field of the superblock in a group other than the first, which never changes or changes in all copies at once, is not what it is in the primary one.",
		Lost:   "Nothing as long as the primary superblock is there. A repair that has to rely on the copy would be misled.",
		Repair: "Sets the primary superblock's value.",
	}
	SecondaryPadding = &Code{
		Name: "secondary.padding", Severity: Oddity, Summary: "bytes behind a copy of the superblock are not zero",
		Means: "The rest of the sector, or padding in the copy, holds something. Writers leave it zero.", Lost: "Nothing.", Repair: "Clears them.",
	}
	DeviceShort = &Code{
		Name: "device.short", Severity: Damage, Summary: "the image is cut short",
		Means:  "The volume is larger than the image or device that holds it.",
		Lost:   "All that lies behind the end.",
		Repair: "Can't mend this; make the image longer, from another copy if there is one.",
	}
	DeviceUnreadable = &Code{
		Name: "device.unreadable", Severity: Damage, Summary: "the device can't read a part of the image",
		Means:  "Reading failed with an error of the host. What should be there was left out of the check.",
		Lost:   "Whatever lies there, unless another attempt succeeds.",
		Repair: "Does nothing until the device can be read: copy what can be read to another one first.",
	}
	UncheckedRealtime = &Code{
		Name: "unchecked.realtime", Severity: Unchecked, Summary: "the realtime section was not checked",
		Means: "The volume has a realtime section, which this program does not know.", Lost: "Nothing is known to be.", Repair: "Leaves it alone.",
	}
	UncheckedQuota = &Code{
		Name: "unchecked.quota", Severity: Unchecked, Summary: "quotas were not checked",
		Means: "The volume keeps quotas. Whether these say what users really have was not looked at; a mount counts again when it is not sure.", Lost: "Nothing is known to be.", Repair: "Leaves them alone.",
	}
	UncheckedFeature = &Code{
		Name: "unchecked.feature", Severity: Unchecked, Summary: "the volume has a feature that is not known",
		Means: "The superblock names a feature that readers may ignore, and that this program does not know. What belongs to it was not looked at.", Lost: "Nothing is known to be.", Repair: "Refuses to change the volume.",
	}
)

var superCodes = []*Code{
	SuperPrimary, SuperField, SuperPadding, SuperUnused, SuperNeedsRepair, SuperCounter,
	SecondaryUnreadable, SecondaryField, SecondaryPadding, DeviceShort, DeviceUnreadable,
	UncheckedRealtime, UncheckedQuota, UncheckedFeature,
}
