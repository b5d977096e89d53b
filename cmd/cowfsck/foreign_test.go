package main

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// patch is what a disk has at a byte.
type patch struct {
	off  int
	text string
}

// little is a number as partition tables have it.
func little(n uint32) string { return string(binary.LittleEndian.AppendUint32(nil, n)) }

// gptDisk is a disk with a GPT whose partitions begin at sectors.
func gptDisk(sector int, starts ...uint32) []patch {
	p := []patch{{sector, "EFI PART"}, {sector + 72, little(2)}, {sector + 80, little(128)}, {sector + 84, little(128)}}
	for i, start := range starts {
		p = append(p, patch{2*sector + 128*i + 32, little(start)})
	}
	return p
}

// mbrEntryOf is a partition table's entry i.
func mbrEntryOf(i int, active, kind byte, start, sectors uint32) patch {
	return patch{446 + 16*i, string([]byte{active, 0, 0, 0, kind, 0, 0, 0}) + little(start) + little(sectors)}
}

// TestForeign says what there is where no XFS filesystem begins, and to look into partitions.
func TestForeign(t *testing.T) {
	const table = "there is a partition table: name the partition with --offset, such as --offset "
	bootable := patch{510, "\x55\xaa"}
	for _, c := range []struct {
		name string
		disk []patch
		want string // at the end; with neither of the words below when ""
	}{
		{"ext", []patch{{1080, "\x53\xef"}}, "; there is an ext2, ext3 or ext4 filesystem\n"},
		{"btrfs", []patch{{65600, "_BHRfS_M"}}, "; there is a btrfs filesystem\n"},
		{"squashfs", []patch{{0, "hsqs"}}, "; there is a squashfs filesystem\n"},
		{"gpt", gptDisk(512, 2048, 4096), table + "1048576\n"},
		{"gpt, xfs second", append(gptDisk(512, 64, 128), patch{128 * 512, "XFSB"}), table + "65536\n"},
		{"gpt of 4k", gptDisk(4096, 256), table + "1048576\n"},
		{"gpt without partitions", gptDisk(512), table + "1048576\n"},
		{"gpt of nonsense", []patch{{512, "EFI PART" + strings.Repeat("\xff", 200)}}, table + "1048576\n"},
		{"gpt over btrfs", append(gptDisk(512, 2048), patch{65600, "_BHRfS_M"}), table + "1048576\n"},
		{"mbr", []patch{bootable, mbrEntryOf(1, 0x80, 0x83, 63, 1000)}, table + "32256\n"},
		{"mbr of nonsense", []patch{bootable, mbrEntryOf(0, 0x33, 0x83, 63, 1000), mbrEntryOf(1, 0, 0x83, 1<<31, 1), mbrEntryOf(2, 0, 0, 63, 1)}, ""},
		{"nothing", nil, ""},
	} {
		disk := make([]byte, 2<<20)
		for _, p := range c.disk {
			copy(disk[p.off:], p.text)
		}
		path := filepath.Join(t.TempDir(), "disk")
		if err := os.WriteFile(path, disk, 0o644); err != nil {
			t.Fatal(err)
		}
		for _, flag := range []string{"-n", "--plan"} {
			code, stdout, stderr := cowfsck(context.Background(), t, flag, path)
			if code != exitFailure || stdout != "" || !strings.HasSuffix(stderr, c.want) || c.want == "" && strings.Contains(stderr, "there is") {
				t.Errorf("%s, %s: exit code %d: %s%s", c.name, flag, code, stdout, stderr)
			}
		}
	}
}
