package metadump

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"strings"

	"github.com/cowfs/cowfs/format"
)

// tail is the number of bytes at the end of a name that give it its hash. A hash has 32 bits, of
// which each byte sets 7 and shares one with its neighbour.
const tail = 5

// letters are what the beginning of a name is made of.
const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

// namer finds other names.
type namer struct {
	key   []byte
	known map[string]string // names that were asked for, as far as they are kept
}

// maxKnown is how many names are kept; others are computed again.
const maxKnown = 1 << 16

func newNamer(key []byte) *namer { return &namer{key: key, known: map[string]string{}} }

// other is the name that a name becomes: of the same length and hash. It holds neither a NUL nor a
// slash, and is neither "." nor "..".
func (n *namer) other(name string) string {
	if len(name) < tail || name == "lost+found" { // that one means something to repair programs
		return name
	}
	if o, ok := n.known[name]; ok {
		return o
	}
	o := n.make(name)
	if len(n.known) >= maxKnown {
		clear(n.known)
	}
	n.known[name] = o
	return o
}

func (n *namer) make(name string) string {
	want := uint32(format.NameHash(name))
	out := make([]byte, len(name))
	for round := byte(0); ; round++ {
		stream := n.stream(name, round, len(name)+1)
		for i := range len(name) - tail {
			out[i] = letters[int(stream[i])%len(letters)]
		}
		if finish(out, want, stream[len(name)]) {
			return string(out)
		}
		if round == 255 || len(name) == tail && round > 0 {
			return name // of five bytes there may be no other
		}
	}
}

// stream is n bytes that depend on the key and the name, and tell neither.
func (n *namer) stream(name string, round byte, size int) []byte {
	var out []byte
	for block := byte(0); len(out) < size; block++ {
		m := hmac.New(sha256.New, n.key)
		m.Write([]byte{round, block})
		m.Write([]byte(name))
		out = m.Sum(out)
	}
	return out
}

// finish sets the last bytes of a name such that it has a hash. The hash turns by 7 bits with each
// byte, so the last bytes lie over it like tiles that overlap by one bit: of the bits that two
// tiles share, and of those of the first tile that fall out, choice takes one way or another. It
// reports whether some choice gives bytes that names may have.
func finish(name []byte, want uint32, choice byte) bool {
	head := uint32(format.NameHash(name[:len(name)-tail]))
	left := want ^ bits.RotateLeft32(head, 7*tail%32)
	end := name[len(name)-tail:]
	// Plain characters first, then any.
	for _, plain := range []bool{true, false} {
		for i := range 128 {
			if tile(end, left, uint32(choice)+uint32(i)); usable(end, plain) {
				return true
			}
		}
	}
	return false
}

// tile finds the five bytes that together turn into left. Bits 0 to 2 of choice are the free ones
// of the first byte, which come out at the lower end again, and bits 3 to 6 the upper ones of the
// others, which lie over the lowest ones of the bytes before.
func tile(end []byte, left, choice uint32) {
	first := choice & 7
	high := choice >> 3
	left ^= first // the first byte, turned by 28: its bits 4 to 6 come out at 0 to 2
	var upper [tail]uint32
	for k := 1; k < tail; k++ {
		upper[k] = high >> (k - 1) & 1
	}
	for k := tail - 1; k >= 1; k-- {
		shift := 7 * (tail - 1 - k)
		c := left >> shift & 0x7f
		end[k] = byte(c | upper[k]<<7)
		left ^= (c | upper[k]<<7) << shift
	}
	end[0] = byte(left>>28&0xf | first<<4)
}

// usable reports whether bytes can stand in a name, plain ones in one that reads well.
func usable(b []byte, plain bool) bool {
	for _, c := range b {
		if c == 0 || c == '/' || plain && (c <= ' ' || c > '~') {
			return false
		}
	}
	return true
}

// path is the target of a symbolic link with other names in it.
func (n *namer) path(target string) string {
	parts := strings.Split(target, "/")
	for i, p := range parts {
		parts[i] = n.other(p)
	}
	return strings.Join(parts, "/")
}

// value fills the value of an attribute.
func (n *namer) value(b []byte) {
	for i := range b {
		b[i] = 'v'
	}
}

// keyOf makes the key of a dump from a number, for dumps that can be made again.
func keyOf(seed uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte("cowfs metadump "), seed)
}
