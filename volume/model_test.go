package volume_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/attr"
	"github.com/cowfs/cowfs/dir"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/volume"
)

// node is an inode of the model.
type node struct {
	mode     uint16 // with the type
	uid, gid uint32
	data     []byte // of a file
	target   string // of a link
	xattrs   map[string]string
	links    int // names; of a directory without those that its children's ".." are

	kids   map[string]*node // of a directory
	names  []string         // keys of kids, to choose from
	parent *node            // of a directory
}

func (n *node) isDir() bool  { return n.mode&format.ModeType == format.ModeDir }
func (n *node) isFile() bool { return n.mode&format.ModeType == format.ModeReg }

func (n *node) add(name string, kid *node) {
	if _, ok := n.kids[name]; !ok {
		n.names = append(n.names, name)
	}
	n.kids[name] = kid
	kid.links++
	if kid.isDir() {
		kid.parent = n
	}
}

func (n *node) remove(name string) {
	n.kids[name].links--
	delete(n.kids, name)
	i := slices.Index(n.names, name)
	n.names[i] = n.names[len(n.names)-1]
	n.names = n.names[:len(n.names)-1]
}

func newDir(mode uint16) *node {
	return &node{mode: format.ModeDir | mode, kids: map[string]*node{}, xattrs: map[string]string{}}
}

// model is a tree in memory beside the volume that should hold the same, and random operations
// on both.
type model struct {
	root *node
	top  string // path of root in the volume, "" for the volume's own
	rng  *rand.Rand
	// MaxFile is how large files get, in bytes, and Wide how many names a directory is wanted
	// to have.
	MaxFile int64
	Wide    int
	full    int // operations that found no space
}

// newModel makes a model of a volume that is empty.
func newModel(t testing.TB, seed uint64, v *volume.Volume) *model {
	t.Helper()
	m := &model{root: newDir(0o755), rng: rand.New(rand.NewPCG(seed, 7)), MaxFile: 300_000, Wide: 60}
	m.root.parent = m.root
	root, err := v.Root()
	check(t, err)
	m.root.xattrs, err = xattrsOf(v, root) // mkfs leaves a property there
	check(t, err)
	return m
}

// learn makes the model what a volume holds.
func (m *model) learn(t testing.TB, v *volume.Volume) {
	t.Helper()
	seen := map[format.Ino]*node{}
	var read func(i *inode.Inode) *node
	read = func(i *inode.Inode) *node {
		if n := seen[i.Ino]; n != nil {
			return n
		}
		n := &node{mode: i.Mode(), uid: i.UID(), gid: i.GID()}
		seen[i.Ino] = n
		var err error
		n.xattrs, err = xattrsOf(v, i)
		check(t, err)
		switch {
		case n.isDir():
			n.kids = map[string]*node{}
			d, err := dir.Open(i)
			check(t, err)
			for e, err := range d.Entries() {
				check(t, err)
				kid, err := v.Inode(e.Ino)
				check(t, err)
				n.add(e.Name, read(kid))
			}
		case n.isFile():
			n.data, err = fs.ReadFile(inodeFile{v, i}, "file")
		case n.mode&format.ModeType == format.ModeLink:
			n.target, err = i.Target()
		}
		check(t, err)
		return n
	}
	root, err := v.Root()
	check(t, err)
	m.root = read(root)
	m.root.parent = m.root
}

// operation is one change: of the volume, and of the model.
type operation struct {
	what   string
	volume func(w *volume.Writer) error
	model  func()
	err    error // that is wanted of the volume; the model then stays
	file   *node // whose bytes are written in place
}

// pick chooses something in the tree that want accepts, and gives its path, parent and name.
func (m *model) pick(want func(n *node) bool) (path string, in *node, name string) {
	for range 50 {
		path, in, name = m.top, nil, ""
		at := m.root
		for at.isDir() && len(at.names) > 0 {
			name = at.names[m.rng.IntN(len(at.names))]
			path, in, at = path+"/"+name, at, at.kids[name]
			if want(at) && m.rng.IntN(3) > 0 {
				return path, in, name
			}
		}
		if in != nil && want(at) {
			return path, in, name
		}
	}
	return "", nil, ""
}

// dir chooses a directory, the root too.
func (m *model) dir() (string, *node) {
	if m.rng.IntN(4) > 0 {
		if path, in, name := m.pick((*node).isDir); in != nil {
			return path, in.kids[name]
		}
	}
	return m.top, m.root
}

func (m *model) name() string {
	n := 1 + m.rng.IntN(12)
	if m.rng.IntN(4) == 0 {
		n = 1 + m.rng.IntN(255)
	}
	b := make([]byte, n)
	for i := range b {
		b[i] = "abcdefghijklmnopqrstuvwxyz0123456789-_ \xff"[m.rng.IntN(40)]
	}
	return "n" + string(b[1:])
}

func (m *model) bytes(n int64) []byte {
	b := make([]byte, n)
	x := m.rng.Uint64()
	for i := range b {
		x = x*6364136223846793005 + 1
		b[i] = byte(x >> 56)
	}
	return b
}

// next makes up an operation.
func (m *model) next() operation {
	for {
		var o operation
		ok := false
		switch k := m.rng.IntN(100); {
		case k < 25:
			o, ok = m.create()
		case k < 32:
			o, ok = m.link()
		case k < 42:
			o, ok = m.rename()
		case k < 58:
			o, ok = m.unlink()
		case k < 64:
			o, ok = m.meta()
		case k < 78:
			o, ok = m.xattr()
		default:
			o, ok = m.content()
		}
		if ok {
			return o
		}
	}
}

func (m *model) create() (operation, bool) {
	path, d := m.dir()
	name := m.name()
	if _, ok := d.kids[name]; ok || len(d.names) > m.Wide*(1+strings.Count(path, "/")) && m.rng.IntN(8) > 0 {
		return operation{}, false
	}
	if path += "/" + name; len(path) > maxPath {
		return operation{}, false
	}
	n := &node{xattrs: map[string]string{}, uid: m.rng.Uint32N(5), gid: m.rng.Uint32N(5)}
	a := volume.Attr{Mode: uint16(m.rng.IntN(0o10000)), UID: n.uid, GID: n.gid}
	o := operation{model: func() { d.add(name, n) }}
	switch m.rng.IntN(8) {
	case 0, 1:
		if strings.Count(path, "/") > 12 {
			return operation{}, false
		}
		kid := newDir(a.Mode)
		kid.uid, kid.gid = n.uid, n.gid
		n = kid
		o.what = fmt.Sprintf("mkdir %q", path)
		o.volume = func(w *volume.Writer) error { return w.Mkdir(path, a) }
	case 2:
		n.mode = format.ModeLink | 0o777
		size := 1 + m.rng.IntN(1023)
		if m.rng.IntN(3) > 0 {
			size = 1 + m.rng.IntN(60)
		}
		n.target = strings.Repeat("target/", size/7+1)[:size]
		o.what = fmt.Sprintf("symlink %q of %d bytes", path, size)
		o.volume = func(w *volume.Writer) error { return w.Symlink(n.target, path, a) }
	case 3:
		kind := []uint16{format.ModeChar, format.ModeBlk, format.ModeFIFO, format.ModeSock}[m.rng.IntN(4)]
		n.mode = kind | a.Mode
		o.what = fmt.Sprintf("mknod %q %o", path, n.mode)
		o.volume = func(w *volume.Writer) error { return w.Mknod(path, kind, a) }
	default:
		n.mode = format.ModeReg | a.Mode
		o.what = fmt.Sprintf("create %q", path)
		o.volume = func(w *volume.Writer) error { return w.Create(path, a) }
	}
	return o, true
}

func (m *model) link() (operation, bool) {
	old, in, name := m.pick(func(n *node) bool { return !n.isDir() })
	if in == nil {
		return operation{}, false
	}
	n := in.kids[name]
	path, d := m.dir()
	to := m.name()
	if _, ok := d.kids[to]; ok {
		return operation{}, false
	}
	if path += "/" + to; len(path) > maxPath {
		return operation{}, false
	}
	return operation{
		what:   fmt.Sprintf("link %q %q", old, path),
		volume: func(w *volume.Writer) error { return w.Link(old, path) },
		model:  func() { d.add(to, n) },
	}, true
}

func anything(*node) bool { return true }

func (m *model) rename() (operation, bool) {
	old, in, from := m.pick(anything)
	if in == nil {
		return operation{}, false
	}
	n := in.kids[from]
	path, d := m.dir()
	to := m.name()
	if m.rng.IntN(3) == 0 { // over something
		var k *node
		if path, k, to = m.pick(anything); k == nil {
			return operation{}, false
		}
		d = k
	} else {
		path += "/" + to
	}
	if len(path)+n.longest() > maxPath {
		return operation{}, false
	}
	over := d.kids[to]
	o := operation{
		what:   fmt.Sprintf("rename %q %q", old, path),
		volume: func(w *volume.Writer) error { return w.Rename(old, path) },
	}
	below := false
	for at := d; n.isDir(); at = at.parent {
		if at == n {
			below = true
		}
		if at == at.parent {
			break
		}
	}
	switch {
	case over == n: // even of a directory onto itself
		o.model = func() {}
	case below:
		o.err = volume.ErrLoop
	case over != nil && over.isDir() && !n.isDir():
		o.err = volume.ErrIsDir
	case over != nil && !over.isDir() && n.isDir():
		o.err = dir.ErrNotDir
	case over != nil && over.isDir() && len(over.kids) > 0:
		o.err = volume.ErrNotEmpty
	default:
		o.model = func() {
			if over != nil {
				d.remove(to)
			}
			in.remove(from)
			d.add(to, n)
		}
	}
	return o, true
}

// longest is the length of the longest path below a directory.
func (n *node) longest() (most int) {
	for name, kid := range n.kids {
		most = max(most, 1+len(name)+kid.longest())
	}
	return most
}

// maxPath keeps paths within what the kernel takes.
const maxPath = 3500

func (m *model) unlink() (operation, bool) {
	path, in, name := m.pick(anything)
	if in == nil {
		return operation{}, false
	}
	n := in.kids[name]
	o := operation{
		what:   fmt.Sprintf("remove %q", path),
		volume: func(w *volume.Writer) error { return w.Remove(path) },
		model:  func() { in.remove(name) },
	}
	if n.isDir() && len(n.kids) > 0 {
		if m.rng.IntN(4) > 0 {
			return o, false
		}
		o.err = volume.ErrNotEmpty
	}
	return o, true
}

func (m *model) meta() (operation, bool) {
	path, in, name := m.pick(func(n *node) bool { return n.mode&format.ModeType != format.ModeLink })
	if in == nil {
		return operation{}, false
	}
	n := in.kids[name]
	if m.rng.IntN(2) == 0 {
		mode := uint16(m.rng.IntN(0o10000))
		return operation{
			what:   fmt.Sprintf("chmod %q %o", path, mode),
			volume: func(w *volume.Writer) error { return w.Chmod(path, mode) },
			model:  func() { n.mode = n.mode&format.ModeType | mode },
		}, true
	}
	uid, gid := m.rng.Uint32(), m.rng.Uint32()
	return operation{
		what:   fmt.Sprintf("chown %q", path),
		volume: func(w *volume.Writer) error { return w.Chown(path, uid, gid) },
		model:  func() { n.uid, n.gid = uid, gid },
	}, true
}

func (m *model) xattr() (operation, bool) {
	path, in, name := m.pick(anything)
	if in == nil {
		return operation{}, false
	}
	n := in.kids[name]
	key := fmt.Sprintf("trusted.%d", m.rng.IntN(20))
	if m.rng.IntN(4) == 0 {
		key = "trusted." + strings.Repeat("long", 1+m.rng.IntN(60)) + fmt.Sprint(m.rng.IntN(3))
	}
	_, have := n.xattrs[key]
	if len(n.xattrs) > 0 && m.rng.IntN(3) == 0 {
		keys := slices.Sorted(maps.Keys(n.xattrs))
		key = keys[m.rng.IntN(len(keys))]
		return operation{
			what:   fmt.Sprintf("removexattr %q %.20s", path, key),
			volume: func(w *volume.Writer) error { return w.RemoveXattr(path, key) },
			model:  func() { delete(n.xattrs, key) },
		}, true
	}
	size := []int64{8, 100, 1000, 5000, 65536}[m.rng.IntN(5)]
	if size == 65536 && m.rng.IntN(4) > 0 {
		size = 20
	}
	value := m.bytes(m.rng.Int64N(size + 1))
	o := operation{
		what:   fmt.Sprintf("setxattr %q %.20s %d bytes", path, key, len(value)),
		volume: func(w *volume.Writer) error { return w.SetXattr(path, key, value, false, false) },
		model:  func() { n.xattrs[key] = string(value) },
	}
	switch m.rng.IntN(10) {
	case 0:
		o.volume = func(w *volume.Writer) error { return w.SetXattr(path, key, value, true, false) }
		if have {
			o.err = attr.ErrExist
		}
	case 1:
		o.volume = func(w *volume.Writer) error { return w.SetXattr(path, key, value, false, true) }
		if !have {
			o.err = attr.ErrNotFound
		}
	}
	return o, true
}

// resize cuts a file or fills it up with zeroes.
func (n *node) resize(size int64) {
	if size <= int64(len(n.data)) {
		n.data = n.data[:size:size]
		return
	}
	n.data = append(n.data, make([]byte, size-int64(len(n.data)))...)
}

func (n *node) clear(off, end int64) {
	if end = min(end, int64(len(n.data))); off < end {
		clear(n.data[off:end])
	}
}

func (m *model) content() (operation, bool) {
	path, in, name := m.pick((*node).isFile)
	if in == nil {
		return operation{}, false
	}
	n := in.kids[name]
	off := m.rng.Int64N(m.MaxFile)
	size := 1 + m.rng.Int64N(m.MaxFile-off)
	if m.rng.IntN(2) == 0 {
		size = 1 + m.rng.Int64N(min(m.MaxFile-off, 5000))
	}
	keep := m.rng.IntN(2) == 0
	end := off + size
	grow := func() {
		if !keep && end > int64(len(n.data)) {
			n.resize(end)
		}
	}
	o := operation{}
	switch m.rng.IntN(8) {
	case 0:
		o.what = fmt.Sprintf("truncate %q %d to %d", path, len(n.data), off)
		o.volume = func(w *volume.Writer) error { return w.Truncate(path, off) }
		o.model = func() { n.resize(off) }
	case 1:
		o.what = fmt.Sprintf("fallocate %q %d+%d keep %v", path, off, size, keep)
		o.volume = func(w *volume.Writer) error { return w.Fallocate(path, off, size, keep) }
		o.model = grow
	case 2, 3:
		o.file = n
		o.what = fmt.Sprintf("punch %q %d+%d", path, off, size)
		o.volume = func(w *volume.Writer) error { return w.Punch(path, off, size) }
		o.model = func() { n.clear(off, end) }
	case 4:
		o.file = n
		o.what = fmt.Sprintf("zero %q %d+%d keep %v", path, off, size, keep)
		o.volume = func(w *volume.Writer) error { return w.ZeroRange(path, off, size, keep) }
		o.model = func() { n.clear(off, end); grow() }
	default:
		if m.rng.IntN(3) == 0 {
			off = int64(len(n.data)) // append
			size = min(size, max(1, m.MaxFile-off))
		}
		p := m.bytes(size)
		o.file = n
		o.what = fmt.Sprintf("write %q %d+%d", path, off, size)
		o.volume = func(w *volume.Writer) error { return w.WriteAt(path, p, off) }
		o.model = func() {
			if off+size > int64(len(n.data)) {
				n.resize(off + size)
			}
			copy(n.data[off:], p)
		}
	}
	return o, true
}

// run does an operation to both. A volume that is full leaves both as they were.
func (m *model) run(w *volume.Writer, o operation) error {
	switch err := o.volume(w); {
	case o.err != nil && !errors.Is(err, o.err):
		return fmt.Errorf("%s: %w, want %w", o.what, err, o.err)
	case o.err != nil:
	case errors.Is(err, space.ErrNoSpace):
		m.full++
	case err != nil:
		return fmt.Errorf("%s: %w", o.what, err)
	default:
		o.model()
	}
	return nil
}

// A picture is what can be seen of a tree, a line for each path.
type picture map[string]string

// picture is that of the model.
func (m *model) picture() picture {
	p := picture{}
	m.root.picture(m.top, p)
	return p
}

func digest(b []byte) string {
	h := sha256.Sum256(b)
	return fmt.Sprintf("%d bytes %x", len(b), h[:6])
}

func (n *node) picture(path string, p picture) {
	links, content := n.links, ""
	switch n.mode & format.ModeType {
	case format.ModeDir:
		links = 2
		for name, kid := range n.kids {
			if kid.isDir() {
				links++
			}
			kid.picture(path+"/"+name, p)
		}
	case format.ModeReg:
		content = digest(n.data)
	case format.ModeLink:
		content = digest([]byte(n.target))
	}
	p[path] = line(n.mode, n.uid, n.gid, links, content, n.xattrs)
}

func line(mode uint16, uid, gid uint32, links int, content string, xattrs map[string]string) string {
	var x []string
	for _, k := range slices.Sorted(maps.Keys(xattrs)) {
		x = append(x, fmt.Sprintf("%s=%s", k, digest([]byte(xattrs[k]))))
	}
	return fmt.Sprintf("%06o %d:%d %d links, %s, [%s]", mode, uid, gid, links, content, strings.Join(x, " "))
}

// pictureOf reads a volume from a directory on.
func pictureOf(v *volume.Volume, top string) (picture, error) {
	p := picture{}
	root, err := v.Lookup(top)
	if err != nil {
		return nil, err
	}
	return p, p.read(v, top, root)
}

func (p picture) read(v *volume.Volume, path string, i *inode.Inode) error {
	fail := func(err error) error { return fmt.Errorf("%q: %w", path, err) }
	if len(p) > 100_000 || len(path) > 1<<16 {
		return errors.New("tree without end")
	}
	content := ""
	switch i.Mode() & format.ModeType {
	case format.ModeDir:
		d, err := dir.Open(i)
		if err != nil {
			return fail(err)
		}
		for e, err := range d.Entries() {
			if err != nil {
				return fail(err)
			}
			kid, err := v.Inode(e.Ino)
			if err != nil {
				return fail(err)
			}
			if found, err := d.Lookup(e.Name); err != nil || found != e {
				return fmt.Errorf("%q: lookup of %q: %v, %w", path, e.Name, found, err)
			}
			if err := p.read(v, path+"/"+e.Name, kid); err != nil {
				return err
			}
		}
	case format.ModeReg:
		b, err := fs.ReadFile(inodeFile{v, i}, "file")
		if err != nil {
			return fail(err)
		}
		content = digest(b)
	case format.ModeLink:
		target, err := i.Target()
		if err != nil {
			return fail(err)
		}
		content = digest([]byte(target))
	}
	xattrs, err := xattrsOf(v, i)
	if err != nil {
		return fail(err)
	}
	p[path] = line(i.Mode(), i.UID(), i.GID(), int(i.NLink()), content, xattrs)
	return nil
}

func xattrsOf(v *volume.Volume, i *inode.Inode) (map[string]string, error) {
	xattrs := map[string]string{}
	r, err := v.Attrs(i)
	if err != nil {
		return nil, err
	}
	for a, err := range r.All() {
		if err != nil {
			return nil, err
		}
		value, err := r.Value(a)
		if err != nil {
			return nil, err
		}
		if name, b, ok := attr.ToHost(a.Flags, []byte(a.Name), value); ok {
			xattrs[name] = string(b)
		}
	}
	return xattrs, nil
}

// inodeFile is a filesystem of one file.
type inodeFile struct {
	v *volume.Volume
	i *inode.Inode
}

func (f inodeFile) Open(name string) (fs.File, error) { return f.v.FileOf(name, f.i) }

// differences lists what two pictures disagree in.
func (p picture) differences(got picture) []string {
	var out []string
	for path, want := range p {
		if g, ok := got[path]; !ok {
			out = append(out, fmt.Sprintf("%q is missing: %s", path, want))
		} else if g != want {
			out = append(out, fmt.Sprintf("%q: got\n\t%s, want\n\t%s", path, g, want))
		}
	}
	for path := range got {
		if _, ok := p[path]; !ok {
			out = append(out, fmt.Sprintf("%q is there", path))
		}
	}
	slices.Sort(out)
	return out
}
