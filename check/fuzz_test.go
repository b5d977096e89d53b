package check_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/mkfs"
)

// An image for the fuzzer is packed: a byte that says whether checksums are put right when it is
// unpacked, the image's size in MiB, and then pieces of 1 KiB that are not zero, each behind its
// number.
const piece = 1024

// pack packs an image, without what its log holds beyond the first pieces.
func pack(t testing.TB, path string, fix bool) []byte {
	t.Helper()
	m := load(t, path)
	sb := make([]byte, format.MaxSectorSize)
	if _, err := m.ReadAt(sb, 0); err != nil {
		t.Fatal(err)
	}
	g, err := format.GeometryOf(sb)
	if err != nil {
		t.Fatal(err)
	}
	log := g.Offset(g.LogStart)
	out := []byte{0, byte(m.Size() >> 20)}
	if fix {
		out[0] = 1
	}
	b := make([]byte, piece)
	for off := int64(0); off < m.Size(); off += piece {
		if off >= log+4*piece && off < log+int64(g.LogBlocks)<<g.BlockLog {
			continue
		}
		if _, err := m.ReadAt(b, off); err != nil {
			t.Fatal(err)
		}
		if strings.Trim(string(b), "\x00") != "" {
			out = append(binary.BigEndian.AppendUint32(out, uint32(off/piece)), b...)
		}
	}
	return out
}

// unpack makes an image of packed bytes, whatever they are.
func unpack(data []byte) *device.Memory {
	if len(data) < 2 {
		return device.NewMemory(0)
	}
	size := int64(data[1]) << 20
	m := device.NewMemory(size)
	var g *format.Geometry
	for rest := data[2:]; len(rest) >= 4+piece; rest = rest[4+piece:] {
		off := int64(binary.BigEndian.Uint32(rest)) * piece
		b := append([]byte(nil), rest[4:4+piece]...)
		if off > size-piece {
			continue
		}
		if data[0]&1 != 0 {
			if off == 0 {
				format.TypeSuperblock.SetChecksum(b[:512])
				g, _ = format.GeometryOf(b)
			}
			fixChecksums(g, b)
		}
		m.WriteAt(b, off) // within the size
	}
	return m
}

// fixChecksums puts the checksums right of what a piece holds: sectors, inodes, or a block.
func fixChecksums(g *format.Geometry, b []byte) {
	if g == nil {
		return
	}
	for _, at := range []int{0, 512} {
		t := format.Detect(g, b[at:])
		if t == nil {
			continue
		}
		if n := t.Len(g, b[at:]); n >= t.Table.Size && n <= len(b)-at {
			t.SetChecksum(b[at : at+n])
		}
	}
}

// FuzzCheck checks any image: it ends, and changes nothing. Seeds are whole images.
func FuzzCheck(f *testing.F) {
	for _, fix := range []bool{false, true} {
		for _, args := range []string{"rmapbt=1,reflink=1", "rmapbt=0,reflink=0"} {
			f.Add(pack(f, seedImage(f, args), fix))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m := unpack(data)
		dev := &limitedDevice{Device: m, limit: 200_000}
		r, err := check.Run(context.Background(), readOnly{dev}, check.Options{Threads: 2, Memory: 64 << 20})
		switch {
		case errors.Is(err, errNoEnd):
			t.Fatal("the check has no end")
		case errors.Is(err, errWrite):
			t.Fatal("the check writes")
		case err == nil && r == nil:
			t.Fatal("neither report nor error")
		}
	})
}

var errWrite = errors.New("written to")

// readOnly fails on writes.
type readOnly struct{ device.Device }

func (readOnly) WriteAt([]byte, int64) (int, error) { return 0, errWrite }

// seedImage makes a small image with a bit of everything.
func seedImage(t testing.TB, features string) string {
	t.Helper()
	src := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Mkdir(filepath.Join(src, "dir"), 0o755))
	for i := range 60 {
		p := filepath.Join(src, "dir", fmt.Sprintf("%0*d", 1+i, i))
		must(os.WriteFile(p, nil, 0o644))
		if i%3 == 0 {
			must(os.Link(p, filepath.Join(src, fmt.Sprintf("%0*d", 30+i, i))))
		}
	}
	must(os.Symlink(strings.Repeat("t", 600), filepath.Join(src, "symlink")))
	sparse, err := os.Create(filepath.Join(src, "sparse"))
	must(err)
	for i := range int64(30) {
		_, err := sparse.WriteAt([]byte("x"), i*2<<16)
		must(err)
	}
	must(sparse.Close())
	must(os.WriteFile(filepath.Join(src, "same"), make([]byte, 3000), 0o644))

	set := func(section mkfs.Section, text string) []mkfs.Setting {
		s, err := mkfs.ParseSuboptions(section, text)
		must(err)
		return s
	}
	settings := append(append(append(set('d', "size=48m,agcount=3"), set('b', "size=1k")...), set('m', features)...), set('l', "size=8m")...)
	config, err := mkfs.NewConfig(settings, nil)
	must(err)
	path := filepath.Join(t.TempDir(), "image")
	j := mkfs.Job{Config: *config, Path: path, Time: time.Unix(1_700_000_000, 0)}
	j.Source.Dir = src
	_, err = mkfs.Make(context.Background(), j)
	must(err)
	return path
}
