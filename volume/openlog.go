package volume

import "github.com/cowfs/cowfs/journal"

// OpenLog opens the log as it lies on the device, also when it was replayed in memory.
func (v *Volume) OpenLog() (*journal.Log, error) { return journal.Open(v.under, v.Geo) }
