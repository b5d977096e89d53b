package check

// The codes of the log.
var (
	LogDamaged = &Code{
		Name: "log.damaged", Severity: Damage, Summary: "the log is damaged",
		Means:  "The log's end can't be found, or records that a crash can't have harmed are harmed. Changes that it may hold are not in the image as it was checked.",
		Lost:   "The last changes before the volume was last in use, if it was not unmounted. Linux does not mount the volume.",
		Repair: "Throws the log away and makes an empty one; what that leaves half done is mended.",
	}
	LogNotReplayed = &Code{
		Name: "log.not-replayed", Severity: Damage, Summary: "the log holds changes that can't be replayed",
		Means:  "The volume was not unmounted. Its log holds items that are damaged, or of a sort that this program does not know. The image was checked without them.",
		Lost:   "The last changes before the volume was last in use, unless another system can mount the volume.",
		Repair: "Throws the log away, if told to, and mends what that leaves half done.",
	}
	LogUnfinished = &Code{
		Name: "log.unfinished", Severity: Unchecked, Summary: "changes in the log were begun and could not be finished",
		Means:  "The volume was not unmounted. The log announces changes that a mount would go on with, which was not possible in memory. Other findings may be about what is half done.",
		Lost:   "Nothing: a mount finishes them.",
		Repair: "Finishes them first, where it can.",
	}
	LogExternal = &Code{
		Name: "log.external", Severity: Unchecked, Summary: "the log is on another device",
		Means: "Whether it holds changes that are not in the image is not known.", Lost: "Nothing is known to be.", Repair: "Refuses to change the volume.",
	}
	LogBehind = &Code{
		Name: "log.behind", Severity: Damage, Summary: "metadata claims to be newer than the log",
		Means:  "Each structure has the place in the log of its last change. Some name places that the log has not reached yet: it was replaced or thrown away, or the structures come from elsewhere.",
		Lost:   "Nothing yet. After a crash, a replay would pass over changes of these structures. Linux refuses to read them.",
		Repair: "Starts the log anew behind the newest place that is named.",
	}
	LogFeature = &Code{
		Name: "log.feature", Severity: Oddity, Summary: "the superblock speaks of log items that a clean log doesn't have",
		Means: "A feature bit says that the log may hold items which older kernels don't know. An unmount clears it.", Lost: "Nothing. Older kernels may refuse to mount the volume.", Repair: "Clears it.",
	}
)

var logCodes = []*Code{LogDamaged, LogNotReplayed, LogUnfinished, LogExternal, LogBehind, LogFeature}
