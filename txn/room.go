package txn

// Room is how many bytes a checkpoint can take at most, when all earlier ones are in place.
func (s *Store) Room() int { return s.log.Size() }
