package shell

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/usage"
	"github.com/cowfs/cowfs/volume"
)

// sumMode says what becomes of a checksum when what is under it changes.
type sumMode int

const (
	sumRight sumMode = iota // it is computed anew
	sumWrong                // it is made one that is wrong for sure
	sumKept                 // it stays as it is: somebody has set it
)

// mayAlter is the error for a session that can't write.
func (s *Session) mayAlter() error {
	if s.Writer == nil && s.Raw == nil {
		return ErrReadOnly
	}
	return nil
}

// alter changes the bytes at a position by f, sees to the checksum, and writes what is different.
// f returns how the checksum is to be.
func (s *Session) alter(p *position, f func(b []byte) (sumMode, error)) error {
	if err := s.mayAlter(); err != nil {
		return err
	}
	old, err := s.bytes(p)
	if err != nil {
		return err
	}
	b := bytes.Clone(old)
	mode, err := f(b)
	if err != nil {
		return err
	}
	s.fixSum(p.form, b, mode)
	return s.write(p, old, b)
}

// fixSum sees to the checksum of the structure that b holds.
func (s *Session) fixSum(f *form, b []byte, mode sumMode) {
	if n := f.length(s.Vol.Geo, b); n > 0 && n <= len(b) {
		b = b[:n]
	}
	_, want, ok := f.sum(b)
	if !ok || mode == sumKept {
		return
	}
	if mode == sumWrong {
		want = ^want
	}
	f.putSum(b, want)
}

// write writes the sectors of a position that differ, a run of them at once.
func (s *Session) write(p *position, old, b []byte) error {
	var patches []volume.Patch
	for i := 0; i < len(b); i += format.BasicBlock {
		end := min(i+format.BasicBlock, len(b))
		if bytes.Equal(old[i:end], b[i:end]) {
			continue
		}
		off := p.placeOf(i)
		if n := len(patches); n > 0 && patches[n-1].Off+int64(len(patches[n-1].Data)) == off {
			patches[n-1].Data = append(patches[n-1].Data, b[i:end]...)
		} else {
			patches = append(patches, volume.Patch{Off: off, Data: slices.Clone(b[i:end])})
		}
	}
	if len(patches) == 0 {
		return nil
	}
	if s.Writer != nil {
		return s.Writer.Patch(patches...)
	}
	return patchRaw(s.Raw, patches)
}

// patchRaw writes patches on a device whose volume is not open for writing.
func patchRaw(dev device.Device, patches []volume.Patch) error {
	for _, p := range patches {
		if _, err := dev.WriteAt(p.Data, p.Off); err != nil {
			return err
		}
	}
	return dev.Sync()
}

// verbs are the ways to fuzz a field, by the names that xfs_db has for them.
var verbs = []string{"zeroes", "ones", "firstbit", "middlebit", "lastbit", "add", "sub", "random"}

// fuzz changes the bits of a field in b: its value when it is a number, else its bytes. It
// reports an error for a verb that there is not.
func fuzz(b []byte, v format.Value, verb string, rnd *rand.Rand) (format.Value, error) {
	if v.Bits == 0 || v.Kind == format.CRC { // a checksum's bytes count as they lie
		return v, fuzzBytes(b[v.Off:v.Off+v.Size], verb, rnd)
	}
	mask := ^uint64(0) >> (64 - v.Bits)
	switch verb {
	case "zeroes":
		v.Num = 0
	case "ones":
		v.Num = mask
	case "firstbit":
		v.Num ^= 1 << (v.Bits - 1)
	case "middlebit":
		v.Num ^= 1 << (v.Bits - 1 - v.Bits/2)
	case "lastbit":
		v.Num ^= 1
	case "add":
		v.Num += 1 + rnd.Uint64N(min(mask, 255))
	case "sub":
		v.Num -= 1 + rnd.Uint64N(min(mask, 255))
	case "random":
		v.Num = rnd.Uint64()
	default:
		return v, badVerb(verb)
	}
	v.Num &= mask
	return v, nil
}

func badVerb(verb string) error {
	return usagef("%q: no way to fuzz a field%s; the ways are %s", verb, usage.Suggest(verb, verbs), fmt.Sprint(verbs))
}

// fuzzBytes is fuzz for a byte string, which counts as one large number.
func fuzzBytes(b []byte, verb string, rnd *rand.Rand) error {
	if len(b) == 0 && slices.Contains(verbs, verb) {
		return nil
	}
	switch verb {
	case "zeroes":
		clear(b)
	case "ones":
		for i := range b {
			b[i] = 0xff
		}
	case "firstbit":
		b[0] ^= 0x80
	case "middlebit":
		b[len(b)/2] ^= 0x80
	case "lastbit":
		b[len(b)-1] ^= 1
	case "add", "sub":
		carry := 1 + rnd.IntN(255)
		if verb == "sub" {
			carry = -carry
		}
		for i := len(b) - 1; i >= 0 && carry != 0; i-- {
			carry += int(b[i])
			b[i] = byte(carry)
			carry >>= 8
		}
	case "random":
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
	default:
		return badVerb(verb)
	}
	return nil
}
