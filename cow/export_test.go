package cow

// SetPause has f called where no lock is held and what was looked up can become stale.
func (e *Engine) SetPause(f func(where string)) { e.pause = f }

// Unnoticed runs f and has mappings from before count as valid all the same, as in an engine that
// doesn't look.
func (f *File) Unnoticed(change func()) {
	f.mu.Lock()
	seq := f.seq
	f.mu.Unlock()
	change()
	f.mu.Lock()
	f.seq = seq
	f.mu.Unlock()
}
