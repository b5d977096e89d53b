package populate

// slab is a list that grows without moving, so that a million records leave no garbage behind.
type slab[T any] struct {
	chunks [][]T
	n      int
}

const slabSize = 4096

func (s *slab[T]) add(v T) {
	if s.n%slabSize == 0 {
		// The first chunk of a small list need not be large.
		size := slabSize
		if s.n == 0 {
			size = 0
		}
		s.chunks = append(s.chunks, make([]T, 0, size))
	}
	last := &s.chunks[len(s.chunks)-1]
	*last = append(*last, v)
	s.n++
}

// last is the element added last, nil when there is none.
func (s *slab[T]) last() *T {
	if s.n == 0 {
		return nil
	}
	c := s.chunks[len(s.chunks)-1]
	return &c[len(c)-1]
}

func (s *slab[T]) at(i int) *T { return &s.chunks[i/slabSize][i%slabSize] }
