package volume_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/volume"
)

// step is one operation of a script that we and the kernel run.
type step struct {
	kind    string
	a, b    string
	off, to int64
	n       int64
	p       []byte
}

// script makes up operations on a few files.
func script(seed uint64, steps int) []step {
	rng := rand.New(rand.NewPCG(seed, 3))
	names := []string{"a", "b", "c", "d"}
	sizes := map[string]int64{}
	var out []step
	const bs = 4096
	for len(out) < steps {
		s := step{a: names[rng.IntN(4)], off: rng.Int64N(400_000), n: 1 + rng.Int64N(60_000)}
		switch k := rng.IntN(10); {
		case k < 3 || len(out) < 4:
			s.kind, s.p = "write", noise(rng.Uint64(), int(s.n))
			sizes[s.a] = max(sizes[s.a], s.off+s.n)
		case k < 5:
			s.kind, s.off, s.n = "direct", s.off/bs*bs, (s.n+bs-1)/bs*bs
			s.p = noise(rng.Uint64(), int(s.n))
			sizes[s.a] = max(sizes[s.a], s.off+s.n)
		case k < 7:
			s.kind, s.b = "clone", names[rng.IntN(4)]
			s.off, s.to, s.n = s.off/bs*bs, rng.Int64N(400_000)/bs*bs, 3*s.n/bs*bs
			if s.a == s.b || s.n == 0 || s.off+s.n > sizes[s.a] {
				continue
			}
			sizes[s.b] = max(sizes[s.b], s.to+s.n)
		case k == 7:
			s.kind = "punch"
		case k == 8:
			s.kind, s.off = "truncate", 200_000+s.off
			sizes[s.a] = s.off
		default:
			s.kind = "sync"
		}
		out = append(out, s)
	}
	return out
}

// byUs runs a step.
func (s step) byUs(w *volume.Writer) error {
	switch s.kind {
	case "write":
		return w.WriteAt("/"+s.a, s.p, s.off)
	case "direct":
		return w.WriteDirect("/"+s.a, s.p, s.off)
	case "clone":
		return w.CloneRange("/"+s.a, s.off, "/"+s.b, s.to, s.n)
	case "punch":
		return w.Punch("/"+s.a, s.off, s.n)
	case "truncate":
		return w.Truncate("/"+s.a, s.off)
	}
	return w.Sync()
}

// byKernel runs a step on a mount.
func (s step) byKernel(dir string) error {
	flags := os.O_RDWR
	if s.kind == "direct" {
		flags |= syscall.O_DIRECT
	}
	f, err := os.OpenFile(filepath.Join(dir, s.a), flags, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	switch s.kind {
	case "write":
		_, err = f.WriteAt(s.p, s.off)
	case "direct":
		_, err = f.WriteAt(aligned(s.p), s.off)
	case "clone":
		g, err := os.OpenFile(filepath.Join(dir, s.b), os.O_RDWR, 0)
		if err != nil {
			return err
		}
		defer g.Close()
		return unix.IoctlFileCloneRange(int(g.Fd()), &unix.FileCloneRange{
			Src_fd: int64(f.Fd()), Src_offset: uint64(s.off), Src_length: uint64(s.n), Dest_offset: uint64(s.to),
		})
	case "punch":
		err = unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, s.off, s.n)
	case "truncate":
		err = f.Truncate(s.off)
	default:
		err = f.Sync()
	}
	return err
}

// aligned is a copy that lies where direct writes want it.
func aligned(p []byte) []byte {
	b := make([]byte, len(p)+4096)
	off := 4096 - int(uintptr(unsafe.Pointer(&b[0]))%4096)
	copy(b[off:], p)
	return b[off : off+len(p)]
}

const cowExtSize = 64 << 10

// kernelCowExtSize sets the hint of a file below a mount.
func kernelCowExtSize(path string, size uint32) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	const get, set, flag = 0x801c581f, 0x401c5820, 0x10000 // FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR, FS_XFLAG_COWEXTSIZE
	var attr struct {
		flags, extSize, extents, project, cowExtSize uint32
		_                                            [8]byte
	}
	for _, request := range []uintptr{get, set} {
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), request, uintptr(unsafe.Pointer(&attr))); errno != 0 {
			return errno
		}
		attr.flags, attr.cowExtSize = attr.flags|flag, size
	}
	return nil
}

// ownersOf tells for each block of a file how many owners it has: 0 for a hole.
func ownersOf(t *testing.T, v *volume.Volume, path string) []uint32 {
	t.Helper()
	i, err := v.Lookup(path)
	check(t, err)
	f, err := v.FileOf(path, i)
	check(t, err)
	out := make([]uint32, (i.Size()+4095)/4096)
	for m, err := range f.Fork().All() {
		check(t, err)
		err := v.Refs(m.Start, m.Count, func(start format.FSBlock, count, refs uint32) error {
			for k := range int64(count) {
				if at := int64(m.Off) + int64(start-m.Start) + k; at < int64(len(out)) && !m.Unwritten {
					out[at] = refs
				}
			}
			return nil
		})
		check(t, err)
	}
	return out
}

// The same script, run by us and by the kernel, leaves the same contents and the same sharing.
func TestCowAsTheKernelDoes(t *testing.T) {
	for n := range oracle.Soak(3, 30) {
		s := seed(t, uint64(90+n))
		steps := script(s, 80)
		ours, theirs := emptyImage(t, mkfs.Config{Size: 512 << 20}), emptyImage(t, mkfs.Config{Size: 512 << 20})
		w := openWriter(t, ours)
		k := oracle.Mount(t, theirs, oracle.MountOptions{})
		for _, name := range []string{"a", "b", "c", "d"} {
			check(t, w.Create("/"+name, volume.Attr{Mode: 0o644}))
			check(t, os.WriteFile(filepath.Join(k.Dir, name), nil, 0o644))
		}
		check(t, w.SetCowExtSize("/a", cowExtSize))
		check(t, kernelCowExtSize(filepath.Join(k.Dir, "a"), cowExtSize))
		for i, x := range steps {
			what := fmt.Sprintf("step %d: %s %s %d+%d to %s %d", i, x.kind, x.a, x.off, x.n, x.b, x.to)
			if err := x.byKernel(k.Dir); err != nil {
				t.Fatalf("the kernel: %s: %v", what, err)
			}
			if err := x.byUs(w); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
		check(t, w.Close())
		k.Unmount()
		oracle.RepairClean(t, oracle.Gen7, ours)
		compareSharing(t, ours, theirs)
	}
}

func compareSharing(t *testing.T, ours, theirs string) {
	t.Helper()
	var v [2]*volume.Volume
	for i, path := range []string{ours, theirs} {
		dev, err := device.Open(path, device.ReadOnly)
		check(t, err)
		v[i], err = volume.Open(dev, volume.Options{})
		check(t, err)
		defer v[i].Close()
	}
	shared := 0
	for _, name := range []string{"a", "b", "c", "d"} {
		x, err := v[0].ReadFile(name)
		check(t, err)
		y, err := v[1].ReadFile(name)
		check(t, err)
		if !bytes.Equal(x, y) {
			t.Errorf("%s: the contents differ", name)
		}
		p, q := ownersOf(t, v[0], "/"+name), ownersOf(t, v[1], "/"+name)
		for i := range p {
			if p[i] > 1 {
				shared++
			}
			if p[i] != q[i] {
				t.Errorf("%s: block %d has %d owners, the kernel's has %d", name, i, p[i], q[i])
				break
			}
		}
	}
	if shared == 0 {
		t.Error("nothing is shared in the end")
	}
}

// A file that is made shorter has the block that it ends in for itself, as the kernel sees to it:
// programs that map the file see what lies behind its end.
func TestTruncateUnsharesTheEnd(t *testing.T) {
	ours, theirs := emptyImage(t, mkfs.Config{Size: 512 << 20}), emptyImage(t, mkfs.Config{Size: 512 << 20})
	w := openWriter(t, ours)
	k := oracle.Mount(t, theirs, oracle.MountOptions{})
	const n = 5*4096 + 300
	for _, name := range []string{"a", "b", "c", "d"} {
		check(t, w.Create("/"+name, volume.Attr{Mode: 0o644}))
		check(t, os.WriteFile(filepath.Join(k.Dir, name), nil, 0o644))
	}
	for i, s := range []step{
		{kind: "write", a: "a", p: noise(5, n)},
		{kind: "clone", a: "a", b: "b"},
		{kind: "clone", a: "a", b: "c"},
		{kind: "clone", a: "a", b: "d"},
		{kind: "truncate", a: "b", off: 2*4096 + 17}, // in the middle of a block
		{kind: "truncate", a: "c", off: 3 * 4096},    // between blocks
		{kind: "truncate", a: "d", off: n},           // nothing goes, and the kernel does the same
	} {
		if err := errors.Join(s.byUs(w), s.byKernel(k.Dir)); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	check(t, w.Close())
	k.Unmount()
	oracle.RepairClean(t, oracle.Gen7, ours)
	compareSharing(t, ours, theirs)

	m := oracle.Mount(t, ours, oracle.MountOptions{ReadOnly: true})
	f, err := os.Open(filepath.Join(m.Dir, "b"))
	check(t, err)
	defer f.Close()
	p, err := unix.Mmap(int(f.Fd()), 0, 3*4096, unix.PROT_READ, unix.MAP_SHARED)
	check(t, err)
	if behind := p[2*4096+17:]; len(bytes.Trim(behind, "\x00")) > 0 {
		t.Errorf("a program that maps the file sees what it had behind its end")
	}
	check(t, unix.Munmap(p))
}
