package device

// Stream gathers pieces that mostly follow each other into large writes. It belongs to one
// goroutine.
type Stream struct {
	dev Device
	off int64
	buf []byte
}

const streamSize = 256 << 10 // bytes; large enough for few writes

// NewStream returns a stream of writes to a device.
func NewStream(dev Device) *Stream { return &Stream{dev: dev} }

// Next returns n zeroed bytes, to be filled in, that will be written at off: when a piece comes
// that doesn't follow, or at Flush. They are valid until then.
func (s *Stream) Next(off int64, n int) ([]byte, error) {
	if off != s.off+int64(len(s.buf)) || len(s.buf)+n > cap(s.buf) {
		if err := s.Flush(); err != nil {
			return nil, err
		}
		s.off = off
		if cap(s.buf) < n {
			s.buf = make([]byte, 0, max(n, streamSize))
		}
	}
	i := len(s.buf)
	s.buf = s.buf[:i+n]
	b := s.buf[i:]
	clear(b)
	return b, nil
}

// Flush writes what has been gathered.
func (s *Stream) Flush() error {
	if len(s.buf) == 0 {
		return nil
	}
	_, err := s.dev.WriteAt(s.buf, s.off)
	s.off += int64(len(s.buf))
	s.buf = s.buf[:0]
	return err
}
