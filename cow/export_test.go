package cow

// SetPause has f called where no lock is held and what was looked up can become stale.
func (e *Engine) SetPause(f func(where string)) { e.pause = f }
