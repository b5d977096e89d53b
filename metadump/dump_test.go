package metadump

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/bigtree"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/internal/oracle/zoo"
	"github.com/cowfs/cowfs/volume"
)

// secrets are words that are in names, values, targets and contents of the image below, and its label.
var secrets = []string{"secretdirectory", "secretfile", "secretvalue", "secretattr", "secretremoved", "secrettarget", "entry-number", "a-large-secret", "secretlabel"}

// secretImage makes an image that the kernel fills with secrets of all sorts, and of which it
// removes some.
func secretImage(t *testing.T, options ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(path, nil, 0o600))
	must(os.Truncate(path, 96<<20)) // a small log goes with it, and logs are a large part of dumps
	oracle.MustRun(t, oracle.Tool(t, "mkfs.xfs", oracle.Gen7), append(append([]string{"-q", "--unsupported", "-L", "secretlabel"}, options...), path)...)
	m := oracle.Mount(t, path, oracle.MountOptions{})
	at := func(name string) string { return filepath.Join(m.Dir, name) }
	must(os.Mkdir(at("zoo"), 0o755))
	zoo.Small(t, at("zoo"))
	must(os.Mkdir(at("names"), 0o755))
	must(bigtree.Names(at("names"), 1500))
	must(os.Mkdir(at("secretdirectory"), 0o755))
	for i := range 300 {
		must(os.WriteFile(at(fmt.Sprintf("secretdirectory/secretfile-%d", i)), []byte("contents"), 0o644))
	}
	file := at("secretdirectory/secretfile-1")
	must(unix.Setxattr(file, "user.secretattr", []byte("secretvalue"), 0))
	must(unix.Setxattr(file, "user.secretattr-large", bytes.Repeat([]byte("a-large-secret"), 1000), 0))
	for i := range 60 {
		must(unix.Setxattr(at("secretdirectory/secretfile-2"), fmt.Sprintf("user.secretattr-%d", i), []byte(strings.Repeat("secretvalue", 1+i%20)), 0))
	}
	must(os.Symlink("secretdirectory/secretfile-3", at("secretlink")))
	must(os.Symlink(strings.Repeat("secrettarget/", 70), at("secretlink-long")))
	must(os.Link(file, at("secretfile-linked")))
	for i := range 200 {
		must(os.WriteFile(at(fmt.Sprintf("secretdirectory/secretremoved-%d", i)), nil, 0o644))
	}
	for i := range 200 {
		must(os.Remove(at(fmt.Sprintf("secretdirectory/secretremoved-%d", i))))
	}
	m.Unmount()
	return path
}

// open opens an image until the test ends, or until it is closed.
func open(t *testing.T, path string) *volume.Volume {
	t.Helper()
	dev, err := device.Open(path, device.ReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	v, err := volume.Open(dev, volume.Options{Replay: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// dump dumps a volume to a file.
func dump(t *testing.T, v *volume.Volume, o Options) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dump")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	report, err := Dump(t.Context(), v, f, o)
	if err == nil {
		err = f.Close()
	}
	if err != nil || len(report.Missing) > 0 {
		t.Fatalf("%v, %+v", err, report)
	}
	return path
}

// restore makes an image of a dump.
func restore(t *testing.T, path string) (string, *Info) {
	t.Helper()
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	image := filepath.Join(t.TempDir(), "restored")
	var out *device.File
	info, err := Restore(t.Context(), in, func(size int64) (device.Device, error) {
		out, err = device.Create(image, size)
		return out, err
	})
	if err == nil {
		err = out.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return image, info
}

// shape lists what of a volume obfuscation leaves: inodes with their sizes and extents, and
// directories with the lengths of names and what they lead to.
func shape(t *testing.T, v *volume.Volume) string {
	t.Helper()
	var b strings.Builder
	for i, err := range v.Inodes(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		data, attr := format.NExtents(i.Raw)
		fmt.Fprintf(&b, "%d %o %d %d %d %d %d\n", i.Ino, i.Mode(), i.Size(), i.NLink(), data, attr, i.Blocks())
		r, err := v.Attrs(i)
		if err != nil {
			t.Fatal(err)
		}
		for a, err := range r.All() {
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "  %d %#x\n", len(a.Name), a.Flags)
		}
	}
	return b.String()
}

func shapeOf(t *testing.T, path string) string {
	t.Helper()
	v := open(t, path)
	defer v.Close()
	return shape(t, v)
}

// An image of a dump is as sound as the volume, has its shape, and with obfuscation no secrets. Those of
// xfs_metadump's files are those that xfs_mdrestore makes, to the byte.
func TestDumpAndRestore(t *testing.T) {
	seed := uint64(7)
	for name, c := range map[string]struct {
		mkfs  []string
		dumps []Options
	}{
		"1k":        {[]string{"-b", "size=1024"}, []Options{{}, {Full: true}, {Obfuscate: true}}},
		"4k":        {nil, []Options{{Obfuscate: true, Seed: &seed}}},
		"no-parent": {[]string{"-n", "parent=0", "-m", "rmapbt=0"}, []Options{{}, {Obfuscate: true}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := secretImage(t, c.mkfs...)
			v := open(t, path)
			want := shape(t, v)
			for _, o := range c.dumps {
				file := dump(t, v, o)
				image, info := restore(t, file)
				if info.Version != 2 || info.Obfuscated != o.Obfuscate || info.FullBlocks != o.Full || info.DirtyLog {
					t.Errorf("%+v says of itself %+v", o, info)
				}
				oracle.RepairClean(t, oracle.Gen7, image)
				if got := shapeOf(t, image); got != want {
					t.Errorf("%+v: the shape of the copy is another", o)
				}
				raw, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range secrets {
					has := bytes.Contains(raw, []byte(s))
					if has && o.Obfuscate {
						t.Errorf("%+v: the dump has %q", o, s)
					}
					if !has && o.Full {
						t.Errorf("the full dump has no %q", s)
					}
				}
				// The other way: xfs_mdrestore makes the same of it.
				theirs := filepath.Join(t.TempDir(), "theirs")
				oracle.MustRun(t, oracle.Tool(t, "xfs_mdrestore", oracle.Gen7), file, theirs)
				if !equal(t, image, theirs) {
					t.Errorf("%+v: xfs_mdrestore makes another image of it", o)
				}
				if o.Obfuscate {
					readNames(t, image)
				}
			}
			if a, b := dump(t, v, Options{Obfuscate: true, Seed: &seed}), dump(t, v, Options{Obfuscate: true, Seed: &seed}); !equal(t, a, b) {
				t.Error("dumps with the same seed differ")
			}
			if a, b := dump(t, v, Options{Obfuscate: true}), dump(t, v, Options{Obfuscate: true}); equal(t, a, b) {
				t.Error("dumps without a seed are the same")
			}
			if name == "1k" {
				readTheirs(t, path, want)
			}
		})
	}
}

func equal(t *testing.T, a, b string) bool {
	t.Helper()
	ra, errA := os.ReadFile(a)
	rb, errB := os.ReadFile(b)
	if err := errors.Join(errA, errB); err != nil {
		t.Fatal(err)
	}
	return bytes.Equal(ra, rb)
}

// readNames has the kernel look all names of an image up, follow its links, and read attributes.
func readNames(t *testing.T, image string) {
	t.Helper()
	m := oracle.Mount(t, image, oracle.MountOptions{})
	defer m.Unmount()
	names, links := 0, 0
	err := filepath.WalkDir(m.Dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		names++
		if _, err := os.Lstat(path); err != nil {
			return err
		}
		if _, err := unix.Llistxattr(path, make([]byte, 1<<16)); err != nil {
			return err
		}
		if d.Type()&os.ModeSymlink != 0 {
			if target, err := os.Readlink(path); err == nil && strings.Count(target, "/") == 1 {
				if _, err := os.Stat(path); err == nil {
					links++
				}
			}
		}
		return nil
	})
	if err != nil || names < 1800 || links < 1 {
		t.Errorf("the kernel found %d names and %d links that lead somewhere, %v", names, links, err)
	}
}

// readTheirs restores what xfs_metadump writes of an image of that shape, in both versions and with
// all its options, and compares that with what xfs_mdrestore makes of it.
func readTheirs(t *testing.T, path, want string) {
	t.Helper()
	for _, options := range []string{"-o -v 1", "-o -v 2", "-v 1", "-v 2", "-a -o -v 1", "-a -o -v 2"} {
		file := filepath.Join(t.TempDir(), "theirs")
		oracle.MustRun(t, oracle.Tool(t, "xfs_db", oracle.Gen7), "-r", "-c", "metadump -w "+options+" "+file, path)
		image, info := restore(t, file)
		if got := shapeOf(t, image); got != want {
			t.Errorf("%s: the shape of the copy is another", options)
		}
		theirs := filepath.Join(t.TempDir(), "restored")
		oracle.MustRun(t, oracle.Tool(t, "xfs_mdrestore", oracle.Gen7), file, theirs)
		if !equal(t, image, theirs) {
			t.Errorf("%s: xfs_mdrestore makes another image of it", options)
		}
		if info.Obfuscated == strings.Contains(options, "-o") || info.FullBlocks != strings.Contains(options, "-a") || !strings.Contains(options, fmt.Sprintf("-v %d", info.Version)) {
			t.Errorf("%s: %+v", options, info)
		}
	}
}

// A dump that was cut short anywhere, or damaged, is refused; no volume comes of it.
func TestBadDumps(t *testing.T) {
	raw := smallDump(t)
	mem := device.NewMemory(0)
	load := func(b []byte) error {
		_, err := Restore(context.Background(), bytes.NewReader(b), func(size int64) (device.Device, error) {
			mem = device.NewMemory(size)
			return mem, nil
		})
		return err
	}
	if err := load(raw); err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(raw); n += 97 {
		err := load(raw[:n])
		if err == nil && !boundary(raw, n) {
			t.Errorf("a dump of the first %d bytes of %d was taken", n, len(raw))
		}
		if err != nil && n > 600 {
			b := make([]byte, 4)
			if _, rerr := mem.ReadAt(b, 0); rerr != nil || format.SBMagicNum.Get(b) == format.SBMagic {
				t.Errorf("%d bytes: there is a superblock", n)
			}
		}
	}
	for what, change := range map[string]func(b []byte){
		"magic":      func(b []byte) { b[0] = 'Y' },
		"version":    func(b []byte) { format.Metadump2Version.Put(b, 3) },
		"incompat":   func(b []byte) { format.Metadump2Incompat.Put(b, 1) },
		"device":     func(b []byte) { b[24] = 0x40 },
		"place":      func(b []byte) { format.MetadumpExtentAddr.Put(b[24+12+512:], 1<<40) },
		"length":     func(b []byte) { format.MetadumpExtentLen.Put(b[24+12+512:], 1<<31) },
		"superblock": func(b []byte) { b[36] = 0 },
		"size":       func(b []byte) { format.SBBlockLog.Put(b[36:], 40) },
	} {
		b := bytes.Clone(raw)
		change(b)
		if err := load(b); err == nil {
			t.Errorf("a wrong %s was taken", what)
		}
	}
}

// boundary reports whether a dump can end at byte n.
func boundary(raw []byte, n int) bool {
	at := format.Metadump2.Size
	for at < n {
		at += format.MetadumpExtent.Size + int(format.MetadumpExtentLen.Get(raw[at:]))<<format.BasicBlockLog
	}
	return at == n && n > format.Metadump2.Size
}

// smallDump is the dump of a volume with little in it.
func smallDump(t testing.TB) []byte {
	t.Helper()
	sb, err := os.ReadFile("../format/testdata/blocks/superblock.bin")
	if err != nil {
		t.Fatal(err)
	}
	mem := device.NewMemory(320 << 20)
	if _, err := mem.WriteAt(sb, 0); err != nil {
		t.Fatal(err)
	}
	v, err := volume.Open(mem, volume.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := Dump(context.Background(), v, &out, Options{Full: true}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func FuzzRestore(f *testing.F) {
	f.Add(smallDump(f))
	v1 := make([]byte, 1024)
	format.Metadump1MagicNo.Put(v1, format.Metadump1Magic)
	format.Metadump1Count.Put(v1, 1)
	format.Metadump1BlockLog.Put(v1, 9)
	copy(v1[512:], smallDump(f)[36:548])
	f.Add(v1)
	f.Fuzz(func(t *testing.T, b []byte) {
		_, err := Restore(context.Background(), bytes.NewReader(b), func(size int64) (device.Device, error) { return device.NewMemory(size), nil })
		if err != nil && errors.Is(err, io.EOF) {
			t.Errorf("the end of the file: %v", err)
		}
	})
}
