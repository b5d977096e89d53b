package oracle

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
)

// hashChunk is the unit in which contents are hashed, in bytes; also the longest attribute
// value.
const hashChunk = 64 << 10

var zeroChunk [hashChunk]byte // never written to

// hashFile hashes a file's contents. Chunks of zeros do not count, so the hash depends on
// what a reader sees and not on which zeros are holes; only the data segments are read.
func hashFile(f *os.File, size int64, data []Segment, buf []byte) (string, error) {
	h := sha256.New()
	var head [8]byte
	next := int64(0) // the first chunk not hashed yet
	for i, s := range data {
		for next = max(next, s.Start/hashChunk); next*hashChunk < min(s.End, size); next++ {
			chunk := buf[:min(hashChunk, size-next*hashChunk)]
			if err := readChunk(f, chunk, next*hashChunk, data[i:]); err != nil {
				return "", err
			}
			if bytes.Equal(chunk, zeroChunk[:len(chunk)]) {
				continue
			}
			binary.LittleEndian.PutUint64(head[:], uint64(next))
			h.Write(head[:])
			h.Write(chunk)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:12]), nil
}

// readChunk reads what lies at off, of which data lists the parts that are no holes.
func readChunk(f *os.File, chunk []byte, off int64, data []Segment) error {
	clear(chunk)
	end := off + int64(len(chunk))
	for _, s := range data {
		if s.Start >= end {
			return nil
		}
		start := max(s.Start, off)
		if _, err := f.ReadAt(chunk[start-off:min(s.End, end)-off], start); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	return nil
}

func hashOf(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:12])
}

// FileHash hashes a file's contents and size. Holes cost no time, so it is for sparse images.
func FileHash(t testing.TB, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	data, err := dataSegments(f, st.Size())
	if err != nil {
		t.Fatal(err)
	}
	hash, err := hashFile(f, st.Size(), data, make([]byte, hashChunk))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d bytes with hash %s", st.Size(), hash)
}
