package volume_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/cowfs/cowfs/attr"
	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/dir"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/volume"
)

// metered is a device that counts reads, and refuses them when there have been so many that
// something must be going in circles.
type metered struct {
	device.Device
	mu    sync.Mutex
	left  int
	units map[int64]int // when not nil: lengths of what was read, by offset
}

var errCircles = errors.New("so many reads that something goes in circles")

func (m *metered) ReadAt(p []byte, off int64) (int, error) {
	m.mu.Lock()
	m.left--
	left := m.left
	if m.units != nil {
		m.units[off] = len(p)
	}
	m.mu.Unlock()
	if left < 0 {
		return 0, errCircles
	}
	return m.Device.ReadAt(p, off)
}

// reader uses the whole reading interface and keeps the errors.
type reader struct {
	v      *volume.Volume
	names  int // how many more are visited: directories can lead in circles
	seen   map[format.Ino]bool
	errors []error
}

func (r *reader) keep(err error) {
	if err != nil && err != io.EOF {
		r.errors = append(r.errors, err)
	}
}

func (r *reader) readAll() {
	r.v.Warnings()
	r.v.Statfs()
	_, err := r.v.ReadLog()
	r.keep(err)
	r.keep(fs.WalkDir(r.v, ".", func(path string, d fs.DirEntry, err error) error {
		if r.names--; r.names < 0 {
			return fs.SkipAll
		}
		r.keep(err)
		if err == nil {
			r.name(path, d)
		}
		return nil
	}))
	for ag := range format.AGNumber(r.v.Geo.AGCount) {
		r.group(ag)
	}
}

func (r *reader) name(path string, d fs.DirEntry) {
	info, err := d.Info()
	r.keep(err)
	if err != nil || r.seen[info.Sys().(*inode.Inode).Ino] {
		return
	}
	i, err := r.v.LookupLink(path)
	r.keep(err)
	if err != nil {
		return
	}
	r.seen[i.Ino] = true
	r.inode(path, i)
	switch {
	case i.IsLink():
		_, err = r.v.Lookup(path)
		r.keep(err)
	case i.IsRegular():
		f, err := r.v.OpenFile(path)
		r.keep(err)
		if err == nil {
			buf := make([]byte, 8192)
			for _, off := range []int64{0, i.Size() / 2, i.Size() - 1} {
				_, err = f.ReadAt(buf, max(off, 0))
				r.keep(err)
			}
		}
	case i.IsDir():
		open, err := dir.Open(i)
		r.keep(err)
		if err == nil {
			_, err = open.Parent()
			r.keep(err)
			for _, name := range []string{"a", "files", "00007-nnnnnnn", "00631-nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"} {
				_, err = open.Lookup(name)
				r.keep(err)
			}
		}
	}
}

func (r *reader) inode(path string, i *inode.Inode) {
	for _, which := range []inode.Which{inode.Data, inode.Attr, inode.Cow} {
		f, err := i.Fork(which)
		r.keep(err)
		if err != nil {
			continue
		}
		for _, err := range f.All() {
			r.keep(err)
		}
		_, _, err = f.Find(1000)
		r.keep(err)
	}
	a, err := r.v.Attrs(i)
	r.keep(err)
	if err != nil {
		return
	}
	for ref, err := range a.All() {
		r.keep(err)
		if err != nil {
			break
		}
		value, err := a.Value(ref)
		r.keep(err)
		if len(value) > format.MaxAttrValue {
			r.keep(fmt.Errorf("%s: a value of %d bytes", path, len(value)))
		}
	}
	_, err = a.Get(0, "number-3")
	r.keep(err)
	_, err = r.v.Parents(i)
	r.keep(err)
}

func (r *reader) group(ag format.AGNumber) {
	for _, kind := range []*btree.Kind{btree.Bnobt, btree.Cntbt, btree.Inobt, btree.Finobt, btree.Rmapbt, btree.Refcountbt} {
		t, err := r.v.Tree(kind, ag)
		r.keep(err)
		if err != nil {
			continue
		}
		for _, err := range t.All() {
			r.keep(err)
		}
	}
	for _, err := range r.v.Fsmap(ag) {
		r.keep(err)
	}
	_, err := r.v.FreeSpace(ag)
	r.keep(err)
	_, err = r.v.AGFL(ag)
	r.keep(err)
}

// allowed are the errors that damage may lead to.
var allowed = []error{
	format.ErrCorrupt, format.ErrUnsupported, fs.ErrNotExist, volume.ErrTooManyLinks, volume.ErrNameTooLong, dir.ErrNotDir, attr.ErrNotFound,
	io.ErrUnexpectedEOF,
}

// target is an image to be damaged, and where its metadata are.
type target struct {
	image *device.Memory
	units []int64 // offsets, in order
}

func newTarget(t testing.TB) *target {
	t.Helper()
	image := inMemory(t, buildImage(t, mkfs.Config{}, 700, true))
	m := &metered{Device: image, left: 1 << 20, units: map[int64]int{}}
	v, err := volume.Open(m, volume.Options{})
	check(t, err)
	r := reader{v: v, names: 1 << 20, seen: map[format.Ino]bool{}}
	r.readAll()
	for _, err := range r.errors {
		if !slices.ContainsFunc([]error{fs.ErrNotExist, volume.ErrTooManyLinks, dir.ErrNotDir, attr.ErrNotFound}, func(e error) bool { return errors.Is(err, e) }) {
			t.Fatalf("before any damage: %v", err)
		}
	}
	g := &target{image: image}
	for off := range m.units {
		if b := g.unit(image, off, v.Geo); b != nil {
			g.units = append(g.units, off)
		}
	}
	slices.Sort(g.units)
	return g
}

// unit reads the structure at an offset; nil if there is none.
func (g *target) unit(dev device.Device, off int64, geo *format.Geometry) []byte {
	b := make([]byte, min(format.MaxBlockSize, dev.Size()-off))
	if _, err := dev.ReadAt(b, off); err != nil {
		return nil
	}
	kind := format.Detect(geo, b)
	if kind == nil {
		return nil
	}
	return b[:min(kind.Len(geo, b), len(b))]
}

// damage applies changes to a copy of the image: each is 8 bytes that choose a structure, a place
// in it, a value, and how it is put there. Checksums are made right again, so that the change
// is met by what reads the structure.
func (g *target) damage(t testing.TB, changes []byte) *device.Memory {
	dev := g.image.Clone()
	sb := make([]byte, format.MaxSectorSize)
	_, err := dev.ReadAt(sb, 0)
	check(t, err)
	geo, err := format.GeometryOf(sb)
	check(t, err)
	for ; len(changes) >= 8; changes = changes[8:] {
		off := g.units[int(binary.BigEndian.Uint16(changes))%len(g.units)]
		b := g.unit(dev, off, geo)
		if b == nil {
			continue // damaged beyond recognition already
		}
		kind := format.Detect(geo, b)
		at := int(binary.BigEndian.Uint16(changes[2:])) % len(b)
		value := changes[4:6]
		switch changes[6] % 4 {
		case 0:
			b[at] = value[0]
		case 1:
			copy(b[at:], value)
		case 2:
			b[at] ^= 1 << (value[0] % 8)
		case 3: // one structure in another's place
			other := g.unit(dev, g.units[int(binary.BigEndian.Uint16(value))%len(g.units)], geo)
			copy(b[at:], other)
		}
		if len(b) >= int(kind.CRC)+4 {
			kind.SetChecksum(b)
		}
		_, err := dev.WriteAt(b, off)
		check(t, err)
	}
	return dev
}

// read reads all that can be read of a damaged image and fails the test if that leads to
// anything but errors of the right class.
func (g *target) read(t testing.TB, changes []byte) (harm int) {
	m := &metered{Device: g.damage(t, changes), left: 100_000}
	v, err := volume.Open(m, volume.Options{})
	r := reader{v: v, names: 2000, seen: map[format.Ino]bool{}}
	r.keep(err)
	if err == nil {
		r.readAll()
	}
	for _, err := range r.errors {
		if !slices.ContainsFunc(allowed, func(e error) bool { return errors.Is(err, e) }) {
			t.Errorf("changes %x: %v", changes, err)
		}
		if errors.Is(err, format.ErrCorrupt) {
			harm++
		}
	}
	return harm
}

// TestDamage changes structures at random, one to four at a time.
func TestDamage(t *testing.T) {
	g := newTarget(t)
	rng := rand.New(rand.NewPCG(1, 2))
	const rounds = 80
	noticed := 0
	for range rounds {
		changes := make([]byte, 8*(1+rng.IntN(4)))
		for i := range changes {
			changes[i] = byte(rng.Uint32())
		}
		if g.read(t, changes) > 0 {
			noticed++
		}
	}
	t.Logf("%d structures, %d of %d images found damaged", len(g.units), noticed, rounds)
	if noticed < rounds/3 {
		t.Error("hardly any damage was noticed")
	}
}

func FuzzVolume(f *testing.F) {
	g := newTarget(f)
	f.Add([]byte{})
	for unit := 0; unit < len(g.units); unit += 1 + len(g.units)/16 {
		for _, at := range []uint16{10, 70, 180} {
			change := binary.BigEndian.AppendUint16(nil, uint16(unit))
			change = binary.BigEndian.AppendUint16(change, at)
			f.Add(append(change, 0xff, 0x01, byte(at%4), 0))
		}
	}
	f.Fuzz(func(t *testing.T, changes []byte) {
		g.read(t, changes[:min(len(changes), 64)])
	})
}
