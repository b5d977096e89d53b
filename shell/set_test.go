package shell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/volume"
)

// bench is a session on a volume that has nothing but a superblock, and room for structures.
type bench struct {
	*Session
	t   *testing.T
	mem *device.Memory
	out bytes.Buffer
}

// samples are blocks that the kernel wrote, by file.
func samples(t *testing.T) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("../format/testdata/blocks/*.bin")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no samples (%v)", err)
	}
	out := map[string][]byte{}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(p), ".bin")] = b
	}
	return out
}

// newBench opens the volume of the samples; change changes its superblock first.
func newBench(t *testing.T, change func(sb []byte)) *bench {
	t.Helper()
	sb := bytes.Clone(samples(t)["superblock"])
	change(sb)
	format.SetChecksum(sb, format.SBCRC)
	mem := device.NewMemory(320 << 20)
	if _, err := mem.WriteAt(sb, 0); err != nil {
		t.Fatal(err)
	}
	v, err := volume.Open(mem, volume.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, mem: mem}
	b.Session = &Session{Vol: v, Raw: mem, Out: &b.out}
	return b
}

// run runs a command and returns what it prints.
func (b *bench) run(words ...string) string {
	b.t.Helper()
	b.out.Reset()
	if err := b.Run(context.Background(), words); err != nil {
		b.t.Fatalf("%q: %v", words, err)
	}
	return b.out.String()
}

// benchAt is where the structures under test lie: far from everything.
const benchAt = 100 << 20

func (b *bench) load(data []byte) {
	b.t.Helper()
	if _, err := b.mem.WriteAt(data, benchAt); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) bytes(n int) []byte {
	out := make([]byte, n)
	if _, err := b.mem.ReadAt(out, benchAt); err != nil {
		b.t.Fatal(err)
	}
	return out
}

// someFields are the fields of a structure, of arrays the first two elements.
func someFields(all format.Values) format.Values {
	var out format.Values
	seen := map[string]int{}
	for _, v := range all {
		name := indices.ReplaceAllString(v.Name, "[]")
		if seen[name]++; seen[name] <= 2 {
			out = append(out, v)
		}
	}
	return out
}

var indices = regexp.MustCompile(`\[\d+\]`)

// Every field of every structure is printed, set and damaged by its name, and nothing else changes
// but the checksum, which is right afterwards.
func TestEveryField(t *testing.T) {
	tested := map[string]bool{}
	test := func(b *bench, data []byte) {
		f := formOf(format.Detect(b.Vol.Geo, data))
		if f == plain {
			t.Fatal("a sample of no known type")
		}
		b.load(data)
		b.run("daddr", "-q", fmt.Sprint(benchAt/format.BasicBlock))
		b.run("type", "-q", f.name)
		all, err := f.table.All(b.Vol.Geo, data)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range someFields(all) {
			if v.Size == 0 { // text without a byte
				continue
			}
			tested[f.name+"."+indices.ReplaceAllString(v.Name, "[]")] = true
			b.field(f, data, v)
		}
		b.load(make([]byte, len(data)))
	}
	today := newBench(t, func([]byte) {})
	older := newBench(t, func(sb []byte) {
		format.SBIncompat.Put(sb, format.SBIncompat.Get(sb)&^(format.InSparse|format.InBigtime|format.InNrext64))
	})
	for name, data := range samples(t) {
		test(today, data)
		if strings.HasPrefix(name, "inode-") { // the older forms of times and counts
			data = bytes.Clone(data)
			format.DiFlags2.Put(data, 0)
			format.PutNExtents(data, 0, 0)
			format.DiFormat.Put(data, format.FmtExtents)
			format.DiForkOff.Put(data, 0)
			test(older, data)
		}
		switch {
		case strings.HasPrefix(name, "inobt"):
			test(older, data)
		case name == "superblock": // with what realtime groups and metadata directories add
			data = bytes.Clone(data)
			format.SBIncompat.Put(data, ^format.Incompat(0))
			test(today, data)
		}
	}
	dquot := make([]byte, 1024)
	format.DquotMagicNum.Put(dquot, format.DquotMagic)
	test(today, dquot)
	for _, bt := range format.BlockTypes() {
		for _, f := range bt.Table.Fields {
			if name := formOf(bt).name + "." + indices.ReplaceAllString(f.Name, "[]"); !tested[name] && f.Count == 1 {
				t.Errorf("%s was not tested", name)
			}
		}
	}
	t.Logf("%d fields", len(tested))
}

// field tests one field of a structure that holds data.
func (b *bench) field(f *form, data []byte, v format.Value) {
	t, g := b.t, b.Vol.Geo
	t.Helper()
	n := f.length(g, data)
	if got := b.run("print", v.Name); !strings.Contains(got, v.String()) {
		t.Fatalf("%s: %s: print gives %q, want %q", f.name, v.Name, got, v)
	}
	b.run("set", v.Name, v.String())
	if got := b.bytes(n); !bytes.Equal(got[v.Off:v.Off+v.Size], data[v.Off:v.Off+v.Size]) {
		t.Fatalf("%s: %s: set to its own value %q changed it", f.name, v.Name, v)
	}
	for _, verb := range verbs {
		b.load(data)
		b.run("fuzz", v.Name, verb)
		got := b.bytes(n)
		if err := onlyChanged(data[:n], got, v, f); err != nil {
			t.Fatalf("%s: fuzz %s %s: %v", f.name, v.Name, verb, err)
		}
		same := bytes.Equal(got[v.Off:v.Off+v.Size], data[v.Off:v.Off+v.Size])
		switch verb {
		case "firstbit", "middlebit", "lastbit", "add", "sub":
			if same {
				t.Fatalf("%s: fuzz %s %s changed nothing", f.name, v.Name, verb)
			}
		}
		if _, want, ok := f.sum(got); ok && v.Kind != format.CRC && f.length(g, got) == n {
			if is, _, _ := f.sum(got); is != want {
				t.Fatalf("%s: fuzz %s %s left a wrong checksum", f.name, v.Name, verb)
			}
		}
	}
	b.load(data)
	b.run("fuzz", "--bad-crc", v.Name, "lastbit")
	if is, want, ok := f.sum(b.bytes(n)); ok && is == want && v.Kind != format.CRC {
		t.Fatalf("%s: fuzz --bad-crc %s left a checksum that is right", f.name, v.Name)
	}
	b.load(data)
}

// onlyChanged is an error when more of a structure has changed than a field and the checksum.
func onlyChanged(old, b []byte, v format.Value, f *form) error {
	for i := range old {
		inField := i >= v.Off && i < v.Off+v.Size
		inSum := f.block != nil && i >= int(f.block.CRC) && i < int(f.block.CRC)+4
		if old[i] != b[i] && !inField && !inSum {
			return fmt.Errorf("byte %d is another", i)
		}
	}
	return nil
}

func TestFuzzNumbers(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 0))
	for _, c := range []struct {
		bits int
		num  uint64
		verb string
		want uint64
	}{
		{32, 20480, "firstbit", 2147504128}, {32, 20480, "middlebit", 53248}, {32, 20480, "lastbit", 20481},
		{8, 12, "middlebit", 4}, {52, 38, "middlebit", 33554470}, {1, 1, "middlebit", 0}, {1, 0, "ones", 1},
		{64, 5, "ones", ^uint64(0)}, {64, 5, "zeroes", 0}, {21, 0, "firstbit", 1 << 20},
	} {
		v, err := fuzz(nil, format.Value{Bits: c.bits, Num: c.num}, c.verb, rnd)
		if err != nil || v.Num != c.want {
			t.Errorf("%s of %d in %d bits: %d, %v, want %d", c.verb, c.num, c.bits, v.Num, err, c.want)
		}
	}
	var usage *UsageError
	if _, err := fuzz(nil, format.Value{Bits: 8}, "lastbite", rnd); !errors.As(err, &usage) || !strings.Contains(err.Error(), `"lastbit"`) {
		t.Errorf("a verb that there is not: %v", err)
	}
}

// What was altered in a session open for other changes is seen by what follows, and the session
// leaves it so.
func TestSetAmongChanges(t *testing.T) {
	path := newImage(t)
	s, close := writerOn(t, path)
	must := func(words ...string) {
		t.Helper()
		if err := s.Run(t.Context(), words); err != nil {
			t.Fatalf("%q: %v", words, err)
		}
	}
	must("mkdir", "/a")
	must("inode", "-q", "/a")
	must("set", "core.mode", "040700")
	if i, err := s.Vol.Lookup("/a"); err != nil || i.Mode() != 0o40700 {
		t.Errorf("mode after set: %v, %v", i, err)
	}
	must("mkdir", "/a/b")
	must("chmod", "711", "/a/b")
	must("inode", "-q", "/a/b")
	must("fuzz", "core.uid", "ones")
	must("sb", "-q")
	must("set", "fname", "patched")
	close()
	s, close = writerOn(t, path)
	i, err := s.Vol.Lookup("/a/b")
	if err != nil || i.UID() != 0xffffffff || i.Mode() != 0o40711 {
		t.Errorf("after all: %v, %v", i, err)
	}
	if s.Vol.Geo.Label != "patched" {
		t.Errorf("label %q", s.Vol.Geo.Label)
	}
	// A superblock without sense stays so when the session ends.
	must("sb", "-q")
	must("set", "fdblocks", "77")
	close()
	s, close = writerOn(t, path)
	if free := format.SBFDBlocks.Get(s.Vol.Superblock()); free != 77 {
		t.Errorf("%d free blocks, want what was set", free)
	}
	close()
}

// newImage makes an empty image, and returns its path.
func newImage(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image")
	if _, err := mkfs.Make(t.Context(), mkfs.Job{Path: path, Time: time.Unix(1_600_000_000, 0), Config: mkfs.Config{Size: 64 << 20}}); err != nil {
		t.Fatal(err)
	}
	return path
}

// writerOn opens an image for changes; close ends the session.
func writerOn(t *testing.T, path string) (s *Session, close func()) {
	t.Helper()
	dev, err := device.Open(path, device.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	w, err := volume.OpenWriter(dev, volume.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &Session{Vol: w.Volume, Writer: w, Out: io.Discard}, func() {
		t.Helper()
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
