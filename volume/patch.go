package volume

import "github.com/cowfs/cowfs/format"

// Patch is bytes to be written at a place, in bytes from the start of the volume.
type Patch struct {
	Off  int64
	Data []byte
}

// Patch writes bytes in place, past the log, whatever they do to the volume: it is for debugging.
// All changes before are brought in place first and the log is made clean, so that no replay can
// undo the patch; what this Writer knew of the image is forgotten, so that it sees it. Each of the
// patches is one write, and they are on stable storage when it returns. A crash in between can
// leave some of them out, or tear one at a sector's boundary; the checksum then tells.
//
// A change of the superblock counts for its counters only: the volume's shape stays as it was
// opened. When there are no changes after a patch, Close leaves all as it was patched, else
// it sets the superblock's counters, too.
func (w *Writer) Patch(patches ...Patch) error {
	w.one.Lock()
	defer w.one.Unlock()
	if err := w.quieten(); err != nil {
		return err
	}
	for _, p := range patches {
		if _, err := w.dev.WriteAt(p.Data, p.Off); err != nil {
			return err
		}
		if p.Off < int64(format.Superblock.Size) {
			copy(w.sb[p.Off:], p.Data)
		}
	}
	return w.dev.Sync()
}
