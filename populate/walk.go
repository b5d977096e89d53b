package populate

import (
	"context"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/source"
)

// link is a name of a node.
type link struct {
	dir  source.ID
	name string
}

// walk visits every node once, in order of ID, with its first link. The root's link is empty.
func walk(ctx context.Context, t *source.Tree, visit func(id source.ID, l link) error) error {
	next := source.ID(0)
	first := func(id source.ID, l link) error {
		next++
		if id%1024 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		return visit(id, l)
	}
	var descend func(dir source.ID) error
	descend = func(dir source.ID) error {
		for name, id := range t.Entries(dir) {
			if id != next {
				continue // a further link to a node that was visited
			}
			if err := first(id, link{dir, name}); err != nil {
				return err
			}
			if isDir(t.Node(id)) {
				if err := descend(id); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := first(0, link{}); err != nil {
		return err
	}
	return descend(0)
}

func isDir(n *source.Node) bool { return n.Mode&format.ModeType == format.ModeDir }
func isReg(n *source.Node) bool { return n.Mode&format.ModeType == format.ModeReg }

// linksOf collects the links of all nodes with more than one, directories left out.
func linksOf(t *source.Tree) map[source.ID][]link {
	links := map[source.ID][]link{}
	for i := range t.Len() {
		dir := source.ID(i)
		for name, id := range t.Entries(dir) {
			if n := t.Node(id); n.NLink > 1 && !isDir(n) {
				links[id] = append(links[id], link{dir, name})
			}
		}
	}
	return links
}
