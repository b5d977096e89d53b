package volume

import "fmt"

// Tidy frees what a crash may have left although the log is clean: inodes that have no names, and
// blocks that were staged for copy-on-write and belong to no file. It brings the superblock's
// counters up to date.
func (w *Writer) Tidy() error {
	w.one.Lock()
	defer w.one.Unlock()
	if _, err := w.freeLeftovers(); err != nil {
		return fmt.Errorf("tidy up: %w", err)
	}
	return w.change(func(o *op) error { return o.countUp() })
}
