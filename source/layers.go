package source

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// builder puts a tree together from entries with paths, as archives have them, layer by layer.
// Its own nodes are raw: finish numbers them and drops those that were replaced. While building,
// Node.at of a directory is 1 + its first link, and Node.parent is where its .. leads.
type builder struct {
	t     *Tree
	rules *rules
	names arenaWriter
	links slabs[layerLink]
	index linkTable

	xattrs    xattrTable
	layer     uint32 // from 1 on
	whiteouts bool   // names that begin with .wh. are no files
	// swept has the directories whose content of earlier layers was hidden in this layer.
	swept map[ID]bool
	// lastPath is the path of the directory lastDir, as walked last: the next entry is mostly
	// there, too. Empty when it might not lead there any more.
	lastPath string
	lastDir  ID
}

// layerLink is a name in a directory.
type layerLink struct {
	dir   ID
	name  nameRef
	id    ID     // unnumbered: the name was hidden
	next  uint32 // 1 + index of another link of the directory; 0: none
	layer uint32 // the last one that mentions the name, or something below it
}

const (
	whiteoutPrefix = ".wh."
	whiteoutOpaque = ".wh..wh..opq"
	// whiteoutMeta begins names of the bookkeeping of AUFS, which no image means to have.
	whiteoutMeta = ".wh..wh."

	maxPath    = 1 << 16 // bytes of an entry's path
	maxFollows = 40      // symbolic links on the way to an entry, as in Linux
)

var (
	errLoop     = errors.New("too many symbolic links on the way")
	errPath     = fmt.Errorf("path is longer than %d bytes", maxPath)
	errLinkDir  = errors.New("target of the hard link is a directory")
	errRoot     = errors.New("the root cannot be anything but a directory")
	errWhiteout = errors.New("whiteout of no name")
	errNotThere = errors.New("not there")
)

func newBuilder(r *rules, s store) *builder {
	b := &builder{t: &Tree{store: s}, rules: r, index: newLinkTable()}
	b.names.a = &b.t.names
	b.t.nodes.grow(1)
	*b.t.Node(0) = b.implicitDir()
	return b
}

// implicitDir is a directory that no entry describes.
func (b *builder) implicitDir() Node {
	n := Node{Mode: modeDir | 0o755}
	if o := b.rules.owner; o != nil {
		n.UID, n.GID = o.UID, o.GID
	}
	n.Sec, n.Nsec = b.rules.mtime(0, 0)
	return n
}

// startLayer begins a layer over those before.
func (b *builder) startLayer() {
	b.layer++
	b.swept = map[ID]bool{}
	b.lastPath = ""
}

func (b *builder) newNode(n Node) (ID, error) {
	if uint64(b.t.nodes.n) >= uint64(unnumbered) {
		return 0, fmt.Errorf("more than %d files", b.t.nodes.n)
	}
	id := ID(b.t.nodes.grow(1))
	*b.t.Node(id) = n
	return id, nil
}

// child finds a name in a directory; nil when it is not there.
func (b *builder) child(dir ID, name string) *layerLink {
	i, ok := b.index.get(b, dir, name)
	if !ok {
		return nil
	}
	if l := b.links.at(i); l.id != unnumbered {
		return l
	}
	return nil
}

// set makes a name in a directory lead to a node.
func (b *builder) set(dir ID, name string, id ID) error {
	if n := b.t.Node(id); n.isDir() {
		n.parent = dir
	}
	if i, ok := b.index.get(b, dir, name); ok {
		l := b.links.at(i)
		l.id, l.layer = id, b.layer
		b.lastPath = ""
		return nil
	}
	if err := checkName([]byte(name)); err != nil {
		return err
	}
	ref, err := b.names.addName([]byte(name))
	if err != nil {
		return err
	}
	b.names.flush()
	d := b.t.Node(dir)
	i := b.links.grow(1)
	*b.links.at(i) = layerLink{dir: dir, name: ref, id: id, next: uint32(d.at), layer: b.layer}
	d.at = uint64(i) + 1
	b.index.add(b, i)
	return nil
}

// cleanPath brings the path of an entry into the form a/b/c; "" is the root.
func cleanPath(path string) (string, error) {
	if len(path) > maxPath {
		return "", errPath
	}
	var parts []string
	for part := range strings.SplitSeq(path, "/") {
		switch part {
		case "", ".":
		case "..":
			if len(parts) == 0 {
				return "", ErrEscapes
			}
			parts = parts[:len(parts)-1]
		default:
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "/"), nil
}

// splitPath cuts the last name off a clean path.
func splitPath(path string) (dir, name string) {
	i := strings.LastIndexByte(path, '/')
	return path[:max(i, 0)], path[i+1:]
}

// walk finds the directory that a clean path leads to, through symbolic links, which never lead
// out of the root. With create it makes what is missing, and marks what it passes as part of the
// layer; without, it fails with errNotThere.
func (b *builder) walk(path string, create bool) (ID, error) {
	if path != "" && path == b.lastPath {
		return b.lastDir, nil
	}
	dir, rest, follows := ID(0), path, 0
	for rest != "" {
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		switch name {
		case "", ".":
			continue
		case "..":
			dir = b.t.Node(dir).parent
			continue
		}
		l := b.child(dir, name)
		if l == nil {
			if !create {
				return 0, errNotThere
			}
			id, err := b.newNode(b.implicitDir())
			if err == nil {
				err = b.set(dir, name, id)
			}
			if err != nil {
				return 0, err
			}
			dir = id
			continue
		}
		if create {
			l.layer = b.layer
		}
		switch n := b.t.Node(l.id); n.Mode & modeType {
		case modeDir:
			dir = l.id
		case modeLink:
			if follows++; follows > maxFollows {
				return 0, errLoop
			}
			target := b.t.Target(l.id)
			if strings.HasPrefix(target, "/") {
				dir = 0
			}
			rest = target + "/" + rest
		default:
			return 0, ErrNotDirectory
		}
	}
	if create {
		b.lastPath, b.lastDir = path, dir
	}
	return dir, nil
}

// put adds a node at a clean path. A directory that is there already keeps its content; anything
// else is replaced.
func (b *builder) put(path string, n Node) error {
	if path == "" {
		if !n.isDir() {
			return errRoot
		}
		b.redescribe(0, n)
		return nil
	}
	dir, name := splitPath(path)
	parent, err := b.walk(dir, true)
	if err != nil {
		return err
	}
	if l := b.child(parent, name); l != nil && n.isDir() && b.t.Node(l.id).isDir() {
		l.layer = b.layer
		b.redescribe(l.id, n)
		return nil
	}
	id, err := b.newNode(n)
	if err != nil {
		return err
	}
	return b.set(parent, name, id)
}

// redescribe gives a directory other metadata.
func (b *builder) redescribe(id ID, n Node) {
	old := b.t.Node(id)
	n.at, n.parent = old.at, old.parent
	*old = n
}

// hardLink adds another name, at a clean path, of what is at the clean path target.
func (b *builder) hardLink(path, target string) error {
	dir, name := splitPath(target)
	parent, err := b.walk(dir, false)
	if errors.Is(err, errNotThere) {
		return fmt.Errorf("%w: %q", ErrNoLinkTarget, target)
	}
	if err != nil {
		return err
	}
	if target == "" {
		return errLinkDir
	}
	l := b.child(parent, name)
	if l == nil {
		return fmt.Errorf("%w: %q", ErrNoLinkTarget, target)
	}
	id := l.id
	if b.t.Node(id).isDir() {
		return errLinkDir
	}
	if path == "" {
		return errRoot
	}
	dir, name = splitPath(path)
	if parent, err = b.walk(dir, true); err != nil {
		return err
	}
	return b.set(parent, name, id)
}

// whiteout does what an entry means whose path has a name that begins with .wh.; not ok when it
// is an ordinary one.
func (b *builder) whiteout(path string) (ok bool, err error) {
	dir, name := splitPath(path)
	if !strings.HasPrefix(name, whiteoutPrefix) {
		return strings.HasPrefix(path, whiteoutMeta) || strings.Contains(dir, "/"+whiteoutMeta), nil
	}
	hidden := name[len(whiteoutPrefix):]
	if hidden == "" || hidden == "." || hidden == ".." {
		return true, errWhiteout
	}
	parent, err := b.walk(dir, false)
	if errors.Is(err, errNotThere) || errors.Is(err, ErrNotDirectory) {
		return true, nil
	}
	if err != nil {
		return true, err
	}
	switch {
	case name == whiteoutOpaque:
		b.sweep(parent)
	case strings.HasPrefix(name, whiteoutMeta):
	default:
		if l := b.child(parent, hidden); l != nil {
			b.hide(l)
		}
	}
	return true, nil
}

// hide takes away what a name leads to as far as earlier layers brought it.
func (b *builder) hide(l *layerLink) {
	switch {
	case l.layer != b.layer:
		l.id = unnumbered
		b.lastPath = ""
	case b.t.Node(l.id).isDir():
		b.sweep(l.id)
	}
}

// sweep takes away what earlier layers brought into a directory.
func (b *builder) sweep(dir ID) {
	for todo := []ID{dir}; len(todo) > 0; {
		dir := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if b.swept[dir] {
			continue
		}
		b.swept[dir] = true
		for i := b.t.Node(dir).at; i != 0; {
			l := b.links.at(int(i - 1))
			i = uint64(l.next)
			switch {
			case l.id == unnumbered:
			case l.layer != b.layer:
				l.id = unnumbered
			case b.t.Node(l.id).isDir():
				todo = append(todo, l.id)
			}
		}
	}
	b.lastPath = ""
}

// finish turns what was built into the tree, without what the rules leave out.
func (b *builder) finish() *Tree {
	type frame struct {
		dir  ID
		path string // only when there are patterns to match it with
	}
	t := b.t
	b.index = linkTable{}
	var live []entry
	for todo := []frame{{}}; len(todo) > 0; {
		f := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		live = live[:0]
		d := t.Node(f.dir)
		for i := d.at; i != 0; {
			l := b.links.at(int(i - 1))
			i = uint64(l.next)
			if l.id == unnumbered {
				continue
			}
			path := ""
			if len(b.rules.Exclude) > 0 {
				path = join(f.path, t.names.name(l.name))
				if b.rules.excluded(path) {
					continue
				}
			}
			live = append(live, entry{l.name, l.id})
			if t.Node(l.id).isDir() {
				todo = append(todo, frame{l.id, path})
			}
		}
		slices.SortFunc(live, func(x, y entry) int {
			return strings.Compare(t.names.name(x.name), t.names.name(y.name))
		})
		first := t.entries.grow(len(live))
		for i, e := range live {
			*t.entries.at(first + i) = e
		}
		d.at = uint64(first)<<32 | uint64(len(live))
	}
	b.links = slabs[layerLink]{}
	t.xattrs = b.xattrs.sets
	t.number(func(raw ID) ID { return raw })
	return t
}
