package source

import (
	"errors"
	"strings"
	"sync"
)

const (
	slabShift = 12 // log2 of the elements of a slab
	slabLen   = 1 << slabShift
)

// slabs is a growing array that never moves: growing it costs no copy, and a pointer into it
// stays good.
type slabs[T any] struct {
	s [][]T
	n int
}

func (s *slabs[T]) at(i int) *T { return &s.s[i>>slabShift][i&(slabLen-1)] }

// grow adds n zero elements and returns the index of the first.
func (s *slabs[T]) grow(n int) int {
	first := s.n
	s.n += n
	for len(s.s)*slabLen < s.n {
		s.s = append(s.s, make([]T, slabLen))
	}
	return first
}

// truncate drops all elements from n on.
func (s *slabs[T]) truncate(n int) {
	s.n = n
	s.s = s.s[:(n+slabLen-1)>>slabShift]
}

// nameRef is the place of a string in an arena: its chunk << chunkShift | bytes into it.
type nameRef uint32

const (
	chunkShift = 16
	chunkLen   = 1 << chunkShift
	maxChunks  = 1 << (32 - chunkShift)
)

var errTooManyNames = errors.New("names and symbolic links of the source take more than 4 GiB")

// arena holds strings back to back in large chunks, so that millions of names are a few hundred
// objects. An arenaWriter fills it; several may at a time.
type arena struct {
	mu     sync.Mutex
	chunks []string
}

// name returns a string that was stored with its length in front.
func (a *arena) name(r nameRef) string {
	c := a.chunks[r>>chunkShift]
	i := int(r & (chunkLen - 1))
	return c[i+1 : i+1+int(c[i])]
}

// bytes returns n bytes that were stored without a length.
func (a *arena) bytes(r nameRef, n int) string {
	i := int(r & (chunkLen - 1))
	return a.chunks[r>>chunkShift][i : i+n]
}

// arenaWriter adds strings to an arena. They can be read once it is flushed.
type arenaWriter struct {
	a     *arena
	chunk int
	b     strings.Builder
}

// addName stores a name of at most 255 bytes, for arena.name.
func (w *arenaWriter) addName(name []byte) (nameRef, error) {
	r, err := w.room(1 + len(name))
	if err == nil {
		w.b.WriteByte(byte(len(name)))
		w.b.Write(name)
	}
	return r, err
}

// addBytes stores a string of at most chunkLen bytes, for arena.bytes.
func (w *arenaWriter) addBytes(s []byte) (nameRef, error) {
	r, err := w.room(len(s))
	if err == nil {
		w.b.Write(s)
	}
	return r, err
}

func (w *arenaWriter) room(n int) (nameRef, error) {
	if w.b.Cap() == 0 || w.b.Len()+n > chunkLen {
		w.flush()
		w.b.Reset()
		w.a.mu.Lock()
		defer w.a.mu.Unlock()
		if len(w.a.chunks) == maxChunks {
			return 0, errTooManyNames
		}
		w.chunk = len(w.a.chunks)
		w.a.chunks = append(w.a.chunks, "")
		w.b.Grow(chunkLen)
	}
	return nameRef(w.chunk<<chunkShift | w.b.Len()), nil
}

// flush makes all that was added readable. More can be added.
func (w *arenaWriter) flush() {
	if w.b.Cap() > 0 {
		w.a.mu.Lock()
		w.a.chunks[w.chunk] = w.b.String() // no copy: the builder has room for a chunk and never moves
		w.a.mu.Unlock()
	}
}
