package mkfs

import (
	"encoding/binary"
	"math/bits"
)

// signature is how a filesystem, or whatever else may fill a disk, is told from its bytes.
type signature struct {
	name  string
	magic string
	at    places
	// sure, when not nil, judges a magic that may be chance. b holds sureBytes from the magic on.
	sure func(b []byte) bool
}

const sureBytes = 512

// places are offsets in bytes at which a magic may stand on a device of so many bytes.
type places func(size int64) []int64

func from(offsets ...int64) places { return func(int64) []int64 { return offsets } }

// every is n offsets from first on, step apart.
func every(step, first int64, n int) places {
	offsets := make([]int64, n)
	for i := range offsets {
		offsets[i] = first + int64(i)*step
	}
	return from(offsets...)
}

// fromEnd counts back from the end, rounded down to whole units first.
func fromEnd(unit int64, back ...int64) places {
	return func(size int64) []int64 {
		offsets := make([]int64, len(back))
		for i, b := range back {
			offsets[i] = size/unit*unit - b
		}
		return offsets
	}
}

// raidNew is where version 1.0 of Linux RAID puts its superblock: at least 8 KiB before the end.
func raidNew(size int64) []int64 { return []int64{(size - 8<<10) / 4096 * 4096} }

// swapEnds are the last ten bytes of a first page, for all sizes of pages.
var swapEnds = from(4096-10, 8192-10, 16384-10, 32768-10, 65536-10)

// signatures are looked for in this order; the first found is named.
var signatures = []signature{
	{"a LUKS2 encrypted volume", "LUKS\xba\xbe\x00\x02", from(0), nil},
	{"a LUKS encrypted volume", "LUKS\xba\xbe", from(0), nil},
	{"a LUKS2 encrypted volume", "SKUL\xba\xbe", from(16<<10, 32<<10, 64<<10, 128<<10, 256<<10, 512<<10, 1<<20, 2<<20, 4<<20), nil},
	{"a BitLocker encrypted volume", "-FVE-FS-", from(3), nil},
	{"an LVM physical volume", "LVM2 001", every(512, 24, 4), nil},
	{"a member of a Linux RAID", "\xfc\x4e\x2b\xa9\x01\x00\x00\x00", from(0, 4096), nil},
	{"a member of a Linux RAID", "\xfc\x4e\x2b\xa9\x01\x00\x00\x00", raidNew, nil},
	{"a member of a Linux RAID", "\xfc\x4e\x2b\xa9\x00\x00\x00\x00", fromEnd(64<<10, 64<<10), nil},
	{"a member of a Linux RAID", "\xa9\x2b\x4e\xfc\x00\x00\x00\x00", fromEnd(64<<10, 64<<10), nil},
	{"a VDO volume", "dmvdo001", from(0), nil},
	{"a bcache or bcachefs volume", "\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81", from(4096 + 24), nil},
	{"a bcachefs filesystem", "\xc6\x85\x73\xf6\x66\xce\x90\xa9\xd9\x6a\x60\xcf\x80\x3d\xf7\xef", from(4096 + 24), nil},

	{"an XFS filesystem", "XFSB", from(0), nil},
	{"an ext4 filesystem", "\x53\xef", from(1024 + 56), isExt(4)},
	{"an ext3 filesystem", "\x53\xef", from(1024 + 56), isExt(3)},
	{"an ext2 filesystem", "\x53\xef", from(1024 + 56), isExt(2)},
	{"a Btrfs filesystem", "_BHRfS_M", from(64<<10 + 64), nil},
	{"an F2FS filesystem", "\x10\x20\xf5\xf2", from(1024, 4096+1024), nil},
	{"a ZFS pool", "\x0c\xb1\xba\x00\x00\x00\x00\x00", every(1024, 128<<10, 128), nil},
	{"a ZFS pool", "\x00\x00\x00\x00\x00\xba\xb1\x0c", every(1024, 128<<10, 128), nil},
	{"a ReiserFS filesystem", "ReIsErFs", from(8<<10+52, 64<<10+52), nil},
	{"a ReiserFS filesystem", "ReIsEr2Fs", from(64<<10 + 52), nil},
	{"a ReiserFS filesystem", "ReIsEr3Fs", from(64<<10 + 52), nil},
	{"a Reiser4 filesystem", "ReIsEr4", from(64 << 10), nil},
	{"a JFS filesystem", "JFS1", from(32 << 10), nil},
	{"a NILFS2 filesystem", "\x34\x34", from(1024 + 6), isNilfs},
	{"a GFS2 filesystem", "\x01\x16\x19\x70\x00\x00\x00\x01", from(64 << 10), nil},
	{"an OCFS2 filesystem", "OCFSV2", from(1<<10, 2<<10, 4<<10, 8<<10), nil},
	{"a UBI volume", "UBI#\x01", from(0), nil},
	{"a UBIFS filesystem", "\x31\x18\x10\x06", from(0), nil},
	{"a SquashFS filesystem", "hsqs", from(0), nil},
	{"a SquashFS filesystem", "sqsh", from(0), nil},
	{"an EROFS filesystem", "\xe2\xe1\xf5\xe0", from(1024), nil},
	{"a cramfs filesystem", "\x45\x3d\xcd\x28", from(0, 512), nil},
	{"a romfs filesystem", "-rom1fs-", from(0), nil},
	{"an HFS+ filesystem", "H+\x00\x04", from(1024), nil},
	{"an HFSX filesystem", "HX\x00\x05", from(1024), nil},
	{"an HFS filesystem", "BD", from(1024), isHFS},
	{"an APFS container", "NXSB", from(32), nil},
	{"a UFS filesystem", "\x19\x01\x54\x19", from(8<<10+1372, 64<<10+1372), nil},
	{"a UFS filesystem", "\x54\x19\x01\x00", from(8<<10 + 1372), nil},
	{"a Minix filesystem", "\x7f\x13", from(1024 + 16), isMinix},
	{"a Minix filesystem", "\x8f\x13", from(1024 + 16), isMinix},
	{"a Minix filesystem", "\x68\x24", from(1024 + 16), isMinix},
	{"a Minix filesystem", "\x78\x24", from(1024 + 16), isMinix},
	{"a ReFS filesystem", "ReFS\x00\x00\x00\x00", from(3), nil},
	{"an NTFS filesystem", "NTFS    ", from(3), nil},
	{"an exFAT filesystem", "EXFAT   ", from(3), nil},
	{"a FAT filesystem", "FAT32   ", from(82), nil},
	{"a FAT filesystem", "FAT1", from(54), nil},
	{"a FAT filesystem", "", from(0), isFAT},

	{"a swap area", "SWAPSPACE2", swapEnds, nil},
	{"a swap area", "SWAP-SPACE", swapEnds, nil},
	{"a suspended system", "S1SUSPEND", swapEnds, nil},
	{"a suspended system", "S2SUSPEND", swapEnds, nil},

	{"a GPT partition table", "EFI PART", from(512, 4096), nil},
	{"a GPT partition table", "EFI PART", fromEnd(512, 512, 4096), nil},
	{"an ISO 9660 filesystem", "CD001\x01", from(32<<10 + 1), nil},
	{"a UDF filesystem", "NSR02", every(2048, 32<<10+1, 8), nil},
	{"a UDF filesystem", "NSR03", every(2048, 32<<10+1, 8), nil},
	{"an Apple partition table", "PM", from(512), isApple},
	{"a BSD disk label", "\x57\x45\x56\x82", from(64, 512), nil},
	{"an MBR partition table", "", from(0), isMBR},
}

func le16(b []byte, at int) uint16 { return binary.LittleEndian.Uint16(b[at:]) }
func le32(b []byte, at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }
func be32(b []byte, at int) uint32 { return binary.BigEndian.Uint32(b[at:]) }

// isExt tells the generations of ext apart by the features that came with each.
func isExt(generation int) func(b []byte) bool {
	const (
		hasJournal   = 1 << 2                    // compatible
		ext3Incompat = 1<<1 | 1<<2 | 1<<3 | 1<<4 // filetype, recover, journal_dev, meta_bg
		ext3ROCompat = 1<<0 | 1<<1 | 1<<2        // sparse_super, large_file, btree_dir
	)
	return func(b []byte) bool {
		compat, incompat, ro := le32(b, 36), le32(b, 40), le32(b, 44)
		is := 2
		switch {
		case incompat&^ext3Incompat != 0 || ro&^ext3ROCompat != 0:
			is = 4
		case compat&hasJournal != 0:
			is = 3
		}
		return is == generation
	}
}

// isNilfs looks at the size of the superblock, which follows the magic.
func isNilfs(b []byte) bool { return le16(b, 2) >= 128 && le16(b, 2) <= 1024 }

// isHFS looks at the size of allocation blocks.
func isHFS(b []byte) bool { return be32(b, 20) != 0 && be32(b, 20)%512 == 0 }

// isMinix looks at the state, which follows the magic: clean, with errors, or both.
func isMinix(b []byte) bool { return le16(b, 2) >= 1 && le16(b, 2) <= 3 }

// isApple looks at the number of partitions.
func isApple(b []byte) bool { return be32(b, 4) > 0 && be32(b, 4) < 256 }

func bootSector(b []byte) bool { return b[510] == 0x55 && b[511] == 0xaa }

// isFAT judges a boot sector by the description of a FAT filesystem in it.
func isFAT(b []byte) bool {
	sector, cluster, fats, media := le16(b, 11), b[13], b[16], b[21]
	return bootSector(b) && (b[0] == 0xeb || b[0] == 0xe9) &&
		sector >= 512 && sector <= 4096 && bits.OnesCount16(sector) == 1 &&
		bits.OnesCount8(cluster) == 1 && (fats == 1 || fats == 2) && media >= 0xf0
}

// isMBR judges a boot sector by the four entries of a partition table, each of which starts with
// a flag.
func isMBR(b []byte) bool {
	for i := 446; i < 510; i += 16 {
		if b[i]&^0x80 != 0 {
			return false
		}
	}
	return bootSector(b)
}
