package txn

// Replayed says that the log is not clean, but that all it holds is in place.
func (s *Store) Replayed() { s.used = true }

// Quiet reports whether the image is as Close leaves it: everything in place, and nothing in the
// log to be replayed. So it is before the first change.
func (s *Store) Quiet() bool {
	s.turn.RLock()
	defer s.turn.RUnlock()
	return s.quiet()
}

func (s *Store) quiet() bool {
	return s.failed == nil && !s.used && !s.wrote && s.held == 0 && s.ckpt.empty() && len(s.ckpt.zero) == 0
}

// Settle makes the image quiet, and forgets all buffers: what then is written to the device
// directly will be seen, and no replay will overwrite it. A transaction must not be open.
func (s *Store) Settle() error {
	s.turn.Lock()
	defer s.turn.Unlock()
	if err := s.settle(); err != nil {
		return err
	}
	clear(s.bufs)
	clear(s.pages)
	s.cached, s.logged = 0, s.logged[:0]
	return nil
}

// Close makes the image quiet. The device stays open. A transaction must not be.
func (s *Store) Close() error {
	s.turn.Lock()
	defer s.turn.Unlock()
	return s.settle()
}

// settle writes everything in place, and the log's unmount record.
func (s *Store) settle() error {
	if s.quiet() {
		return nil
	}
	if err := s.writeCheckpoint(); err != nil {
		return err
	}
	if err := s.writeInPlace(); err != nil {
		return err
	}
	if !s.used {
		return nil // only file data was written
	}
	if err := s.log.Unmount(); err != nil {
		return s.fail(err)
	}
	if err := s.dev.Sync(); err != nil {
		return s.fail(err)
	}
	s.used = false
	return nil
}
