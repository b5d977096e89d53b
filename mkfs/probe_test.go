package mkfs

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/internal/oracle"
)

// TestProbeSignatures writes each magic to each of its places on an otherwise empty device.
func TestProbeSignatures(t *testing.T) {
	const size = 8*mib + 12345
	for i := range signatures {
		s := &signatures[i]
		if s.sure != nil {
			continue
		}
		for _, at := range s.at(size) {
			d := device.NewMemory(size)
			if _, err := d.WriteAt([]byte(s.magic), at); err != nil {
				t.Fatal(err)
			}
			if found, err := Probe(d); err != nil || found != s.name {
				t.Errorf("%s at %d: got %q, %v", s.name, at, found, err)
			}
		}
	}
}

// boot is a boot sector: a jump, what edit puts into it, and the mark at its end.
func boot(edit func(b []byte)) []byte {
	b := make([]byte, 512)
	copy(b, "\xeb\x3c\x90")
	copy(b[510:], "\x55\xaa")
	edit(b)
	return b
}

func TestProbeUnsure(t *testing.T) {
	fat := func(b []byte) { copy(b[11:], "\x00\x02\x04\x01\x00\x02\x00\x02\x00\x00\xf8") }
	ext := func(compat, incompat, ro byte) []byte {
		b := make([]byte, 1024)
		copy(b[56:], "\x53\xef")
		b[92], b[96], b[100] = compat, incompat, ro
		return b
	}
	for _, c := range []struct {
		name string
		at   int64
		b    []byte
		want string
	}{
		{"FAT without its name", 0, boot(fat), "a FAT filesystem"},
		{"empty partition table", 0, boot(func(b []byte) {}), "an MBR partition table"},
		{"partition table", 0, boot(func(b []byte) { copy(b[446:], "\x80\x01\x01\x00\x83\xfe\xff\xff\x00\x08\x00\x00\x00\x00\x10\x00") }), "an MBR partition table"},
		{"boot code that is no table", 0, boot(func(b []byte) { b[446] = 0x33 }), ""},
		{"no mark", 0, boot(func(b []byte) { b[510] = 0 }), ""},
		{"ext2", 1024, ext(0, 2, 1), "an ext2 filesystem"},
		{"ext3", 1024, ext(4, 2, 1), "an ext3 filesystem"},
		{"ext4", 1024, ext(4, 0x42, 1), "an ext4 filesystem"},
		{"nilfs", 1030, []byte("\x34\x34\x18\x01"), "a NILFS2 filesystem"},
		{"chance", 1030, []byte("\x34\x34\xff\xff"), ""},
		{"minix", 1040, []byte("\x68\x24\x01\x00"), "a Minix filesystem"},
		{"hfs", 1024, []byte("BD\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00"), "an HFS filesystem"},
		{"apple", 512, []byte("PM\x00\x00\x00\x00\x00\x03"), "an Apple partition table"},
		{"letters at the place of others", 1024, []byte("BDXX"), ""},
		{"random", 0, bytes.Repeat([]byte("\xa5\x5a\x17"), 200_000), ""},
	} {
		d := device.NewMemory(mib)
		if _, err := d.WriteAt(c.b, c.at); err != nil {
			t.Fatal(err)
		}
		if found, err := Probe(d); err != nil || found != c.want {
			t.Errorf("%s: got %q, %v, want %q", c.name, found, err, c.want)
		}
	}
}

// TestProbeSmall looks at devices that end before, within and behind a signature.
func TestProbeSmall(t *testing.T) {
	for size := int64(0); size < 2048; size += 7 {
		if found, err := Probe(device.NewMemory(size)); found != "" || err != nil {
			t.Fatalf("%d bytes: got %q, %v", size, found, err)
		}
	}
}

// TestProbeReal has the tools of this machine make what is to be found.
func TestProbeReal(t *testing.T) {
	for _, c := range []struct {
		tool string
		args []string
		want string
	}{
		{"mkfs.ext2", []string{"-q", "-F"}, "an ext2 filesystem"},
		{"mkfs.ext3", []string{"-q", "-F"}, "an ext3 filesystem"},
		{"mkfs.ext4", []string{"-q", "-F"}, "an ext4 filesystem"},
		{"mkswap", nil, "a swap area"},
		{"mkfs.btrfs", []string{"-q"}, "a Btrfs filesystem"},
	} {
		t.Run(c.tool, func(t *testing.T) {
			if _, err := exec.LookPath(c.tool); err != nil && c.tool == "mkfs.btrfs" {
				t.Skip("not on this machine, and its signature is tested above")
			}
			path := filepath.Join(t.TempDir(), "image")
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(path, 128*mib); err != nil {
				t.Fatal(err)
			}
			oracle.MustRun(t, oracle.Program(t, c.tool), append(c.args, path)...)
			d, err := device.Open(path, device.ReadOnly)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			if found, err := Probe(d); err != nil || found != c.want {
				t.Errorf("got %q, %v, want %q", found, err, c.want)
			}
		})
	}
}

func TestOccupied(t *testing.T) {
	err := error(&OccupiedError{"disk.img", "a swap area"})
	if !strings.Contains(err.Error(), "disk.img: holds a swap area; give -f") {
		t.Error(err)
	}
}

func FuzzProbe(f *testing.F) {
	f.Add([]byte("XFSB"), int64(0), int64(4096))
	f.Add([]byte("\x53\xef"), int64(1080), int64(2000))
	f.Add([]byte("EFI PART"), int64(100), int64(1000))
	f.Fuzz(func(t *testing.T, b []byte, at, size int64) {
		if size < 0 || size > 16*mib || at < 0 || at > size || int64(len(b)) > size-at {
			return
		}
		d := device.NewMemory(size)
		if _, err := d.WriteAt(b, at); err != nil {
			t.Fatal(err)
		}
		if _, err := Probe(d); err != nil {
			t.Fatal(err)
		}
	})
}
