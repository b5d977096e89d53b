package dir_test

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/cowfs/cowfs/dir"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/forktest"
)

// The directories of FuzzDirBlock have blocks of 1 KiB: two with data, then four of the index.
const fuzzData, fuzzIndex, fuzzBlock = 2, 4, 1 << 10

// FuzzDirBlock lets a fuzzer write the blocks of a directory. Where they lie, to whom they belong
// and their checksums are made right, so that only what is in them is made up.
func FuzzDirBlock(f *testing.F) {
	for _, n := range []int{0, 3, 12, 30, 60} {
		m := forktest.New(10, 10)
		_, fork, shape := buildFork(f, m, entries(n))
		seed := make([]byte, (fuzzData+fuzzIndex)*fuzzBlock)
		at := 0
		for i, r := range shape.Ranges(m.Geo) {
			if i == 1 {
				at = fuzzData * fuzzBlock
			}
			for k := range r.Count {
				if i < 2 && at < len(seed) {
					if _, err := m.Dev.ReadAt(seed[at:at+fuzzBlock], int64(fork.Daddr(r.Off+format.FileOff(k)))<<9); err != nil {
						f.Fatal(err)
					}
				}
				at += fuzzBlock
			}
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, blocks []byte) {
		m := forktest.New(10, 10)
		leafOff := format.FileOff(format.DirLeafSpace / fuzzBlock)
		ranges := []forktest.Range{{Off: 0, Count: fuzzData}, {Off: leafOff, Count: fuzzIndex}}
		if len(blocks) <= fuzzData*fuzzBlock {
			ranges = ranges[:1] // block form
		}
		fork := m.Alloc(ranges...)
		for i := range fuzzData + fuzzIndex {
			b := make([]byte, fuzzBlock)
			copy(b, blocks[min(i*fuzzBlock, len(blocks)):])
			off := format.FileOff(i)
			if i >= fuzzData {
				off += leafOff - fuzzData
			}
			if i < fuzzData || len(ranges) == 2 {
				fork.Stamp(off, b)
				if err := fork.Write(off, b); err != nil {
					t.Fatal(err)
				}
			}
		}
		d, err := dir.Open(m.Inode(t, format.ModeDir|0o755, fuzzData*fuzzBlock, fork, nil))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for e, err := range d.Entries() {
			judge(t, err)
			if err == nil && !m.Geo.ValidIno(e.Ino) {
				t.Errorf("inode %d of %q does not exist", e.Ino, e.Name)
			}
			names = append(names, e.Name)
		}
		if len(names) > fuzzData*fuzzBlock/16+1 {
			t.Errorf("%d names", len(names))
		}
		for _, name := range append(names, "..", "a", "nnnnnnn-1") {
			e, err := d.Lookup(name)
			judge(t, err)
			if err == nil && e.Name != name {
				t.Errorf("lookup of %q gives %q", name, e.Name)
			}
		}
	})
}

// judge fails the test on errors that damage may not lead to.
func judge(t *testing.T, err error) {
	t.Helper()
	if err != nil && !errors.Is(err, format.ErrCorrupt) && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
