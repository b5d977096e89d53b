package repair

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/txn"
)

// mendNames mends directories, attributes and links: all that stands on sound groups and forks.
func (j *job) mendNames(ctx context.Context, report *check.Report) error {
	e, err := newEditor(j.dev, j.geo)
	if err != nil {
		return err
	}
	n := &names{editor: e, view: e.store.View(), r: j.r, mended: map[format.Ino]bool{}}
	n.src = inode.Source{Geo: j.geo, Dev: n.view}
	for _, ino := range append(hit(report, "attr."), hit(report, "parent.shape")...) {
		if err := n.rewriteAttrs(ino); err != nil && !errors.Is(err, inode.ErrFree) {
			return fmt.Errorf("attributes of inode %d: %w", ino, err)
		}
	}
	for _, ino := range hit(report, "dir.") {
		if err := n.rewriteDir(ino); err != nil && !errors.Is(err, inode.ErrFree) {
			return fmt.Errorf("directory %d: %w", ino, err)
		}
	}
	for _, ino := range hit(report, check.ForkPlace.Name) {
		if err := n.rewriteOddDir(ino); err != nil && !errors.Is(err, inode.ErrFree) {
			return fmt.Errorf("directory %d: %w", ino, err)
		}
	}
	for _, ino := range hit(report, check.SymlinkRoom.Name) {
		if err := n.rewriteLink(ino); err != nil && !errors.Is(err, inode.ErrFree) {
			return fmt.Errorf("symbolic link %d: %w", ino, err)
		}
	}
	sb := make([]byte, j.geo.SectSize)
	if _, err := n.view.ReadAt(sb, 0); err != nil {
		return err
	}
	t := &tree{names: n, nodes: map[format.Ino]*node{}, removed: map[format.Ino]bool{}, specials: specials(sb)}
	if err := t.connect(ctx); err != nil {
		return err
	}
	return e.close()
}

// specials are the inodes other than the root that a superblock names.
func specials(sb []byte) (list []format.Ino) {
	list = append(list, format.SBRbmIno.Get(sb), format.SBRsumIno.Get(sb))
	for _, q := range format.Quotas {
		if ino := q.Ino.Get(sb); ino != 0 && ino != format.NullIno {
			list = append(list, ino)
		}
	}
	return list
}

// aboutLinks are the findings of directories whose blocks are sound: links between them are wrong.
var aboutLinks = []string{"dir.disconnected", "dir.loop", "dir.parent", "dir.two-names"}

// hit lists the inodes of findings in an area that ask for a structure to be written anew.
func hit(report *check.Report, area string) []format.Ino {
	set := map[format.Ino]bool{}
	for _, f := range report.Findings {
		if strings.HasPrefix(f.Code.Name, area) && f.Place.Ino != format.NullIno && !slices.Contains(aboutLinks, f.Code.Name) {
			set[f.Place.Ino] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// rewriteOddDir is rewriteDir, if it is a directory, for one that has parts of blocks.
func (n *names) rewriteOddDir(ino format.Ino) error {
	i, err := n.src.Read(ino)
	if err != nil || !i.IsDir() || n.mended[ino] {
		return err
	}
	return n.rewriteDir(ino)
}

// rewriteLink gives a symbolic link just the blocks that its target needs.
func (n *names) rewriteLink(ino format.Ino) error {
	i, err := n.src.Read(ino)
	if err != nil {
		return err
	}
	target, err := i.Target()
	if err != nil {
		return err
	}
	if err := n.emptyFork(ino, inode.Data); err != nil {
		return err
	}
	return n.change(ino, func(_ *txn.Tx, ed *inode.Editor) error { return ed.SetTarget(target) })
}
