package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cowfs/cowfs/attr"
	"github.com/cowfs/cowfs/format"
)

// walkDir is ScanDir for hosts without the system calls that the scan on Linux is made of. It asks
// package os, one file after the other, and the host for the little that os does not know. It works
// on Linux too, which is where its tests run.
func walkDir(ctx context.Context, root string, o Options) (*Tree, error) {
	r, err := o.compile()
	if err != nil {
		return nil, err
	}
	root, err = filepath.EvalSymlinks(root)
	if err != nil {
		return nil, err
	}
	t := &Tree{store: walkStore{root}}
	w := &walker{ctx: ctx, t: t, rules: r, root: root, names: arenaWriter{a: &t.names}}
	info, err := os.Lstat(root)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s: not a directory", root)
	}
	if err := w.node(ID(t.nodes.grow(1)), "", info); err != nil {
		return nil, err
	}
	if err := w.dir(0, ""); err != nil {
		return nil, err
	}
	w.names.flush()
	t.xattrs = w.xattrs.sets
	t.joinLinks(w.links)
	return t, nil
}

// walker is one walkDir.
type walker struct {
	ctx    context.Context
	t      *Tree
	rules  *rules
	root   string
	names  arenaWriter
	xattrs xattrTable
	links  []hostLink
}

// host is the host's path of one below the root.
func (w *walker) host(path string) string { return filepath.Join(w.root, filepath.FromSlash(path)) }

// dir lists a directory, gives its names nodes, and goes on into those that are directories.
func (w *walker) dir(dir ID, path string) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	list, err := os.ReadDir(w.host(path)) // in byte order
	if err != nil {
		return goneError(w.host(path), err)
	}
	var infos []fs.FileInfo
	for _, e := range list {
		below := join(path, e.Name())
		if err := checkName([]byte(e.Name())); err != nil {
			return fmt.Errorf("%s: %w", w.host(below), err)
		}
		info, err := e.Info()
		if err != nil {
			return goneError(w.host(below), err)
		}
		if !w.leaveOut(below, info) {
			infos = append(infos, info)
		}
	}
	first, raw := w.t.entries.grow(len(infos)), ID(w.t.nodes.grow(len(infos)))
	w.t.Node(dir).at = uint64(first)<<32 | uint64(len(infos))
	for i, info := range infos {
		ref, err := w.names.addName([]byte(info.Name()))
		if err != nil {
			return err
		}
		id, below := raw+ID(i), join(path, info.Name())
		*w.t.entries.at(first + i) = entry{ref, id}
		if err := w.node(id, below, info); err != nil {
			return err
		}
	}
	if w.rules.Progress != nil {
		w.rules.Progress(w.t.nodes.n)
	}
	for i, info := range infos {
		if !info.IsDir() {
			continue
		}
		if err := w.dir(raw+ID(i), join(path, info.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) leaveOut(path string, info fs.FileInfo) bool {
	if w.rules.excluded(path) {
		return true
	}
	skip := w.rules.SkipFile
	if skip == nil || !info.Mode().IsRegular() {
		return false
	}
	st, err := statHost(w.host(path), info)
	return err == nil && FileID{st.dev, st.ino} == *skip
}

// node fills a node with what the host says of a file.
func (w *walker) node(id ID, path string, info fs.FileInfo) error {
	host, n := w.host(path), w.t.Node(id)
	st, err := statHost(host, info)
	if err != nil {
		return goneError(host, err)
	}
	n.Mode = st.mode
	at := info.ModTime()
	if err := w.rules.apply(n, st.uid, st.gid, at.Unix(), uint32(at.Nanosecond())); err != nil {
		return fmt.Errorf("%s: %w", host, err)
	}
	if st.nlink > 1 && !n.isDir() {
		w.links = append(w.links, hostLink{st.dev, st.ino})
		n.NLink = uint32(len(w.links))
	}
	switch n.Mode & modeType {
	case modeReg:
		n.Size, n.at = info.Size(), fileStamp(info)
		if err := w.holes(host, n, st.blocks); err != nil {
			return fmt.Errorf("%s: %w", host, err)
		}
	case modeLink:
		err = w.target(host, n)
	case format.ModeChar, format.ModeBlk:
		n.Rdev, err = encodeDev(st.major, st.minor)
	case modeDir, format.ModeFIFO, format.ModeSock:
	default:
		err = fmt.Errorf("unknown file type in mode %v", info.Mode())
	}
	if err == nil && !w.rules.NoXattrs {
		err = w.readXattrs(host, n)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", host, err)
	}
	return nil
}

func (w *walker) target(host string, n *Node) error {
	target, err := os.Readlink(host)
	if err != nil {
		return err
	}
	target = filepath.ToSlash(target)
	if len(target) == 0 || len(target) > maxTarget {
		return fmt.Errorf("symbolic link to %d bytes", len(target))
	}
	ref, err := w.names.addBytes([]byte(target))
	n.at, n.Size = uint64(ref), int64(len(target))
	return err
}

// holes finds the ranges of a regular file that have data. The host has given it blocks bytes.
func (w *walker) holes(host string, n *Node, blocks int64) error {
	if n.Size == 0 || blocks >= n.Size {
		return nil
	}
	f, err := os.Open(host)
	if err != nil {
		return err
	}
	defer f.Close()
	ranges, err := fileRanges(f, n.Size)
	if err != nil || ranges == nil {
		return err
	}
	w.t.extents = append(w.t.extents, ranges)
	n.extents = uint32(len(w.t.extents))
	return nil
}

func (w *walker) readXattrs(host string, n *Node) error {
	all, err := hostXattrs(host)
	if err != nil {
		return err
	}
	var set []Xattr
	for _, x := range all {
		if attr.IsHostName(x.Name) {
			set = append(set, x)
		}
	}
	if set, err = w.rules.finishXattrs(n, set); err == nil && len(set) > 0 {
		n.xattrs = w.xattrs.add(set)
	}
	return err
}

// goneError makes the error about a file that has just gone a ChangedError.
func goneError(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &ChangedError{Path: path, Detail: "it is gone"}
	}
	return err
}
