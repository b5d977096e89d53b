package source

const unnumbered = ^ID(0)

// number brings a raw tree into its final form. In a raw tree each directory's entries are in
// byte order and lead to nodes in any order; more nodes than are reachable may exist. same gives,
// for a node met for the first time, the node that stands for its inode: itself, or one that was
// met earlier.
func (t *Tree) number(same func(raw ID) ID) {
	ids := make([]ID, t.nodes.n)
	for i := range ids {
		ids[i] = unnumbered
	}
	type frame struct {
		dir       ID // numbered
		node      *Node
		next, end int
	}
	open := func(id ID, n *Node) frame {
		first := int(n.at >> 32)
		return frame{id, n, first, first + int(uint32(n.at))}
	}
	root := t.Node(0)
	ids[0], root.NLink = 0, 2
	next := ID(1)
	stack := []frame{open(0, root)}
	for len(stack) > 0 {
		f := &stack[len(stack)-1]
		if f.next == f.end {
			stack = stack[:len(stack)-1]
			continue
		}
		e := t.entries.at(f.next)
		f.next++
		raw := e.id
		if ids[raw] == unnumbered {
			raw = same(raw)
		}
		n := t.Node(raw)
		if ids[raw] != unnumbered {
			n.NLink++
			e.id = ids[raw]
			continue
		}
		ids[raw] = next
		e.id = next
		next++
		n.parent, n.name, n.NLink = f.dir, e.name, 1
		if n.isDir() {
			f.node.NLink++
			n.NLink = 2
			stack = append(stack, open(e.id, n))
		}
	}
	t.permute(ids, int(next))
}

// permute moves each node to the place that ids gives it; those without one are dropped.
func (t *Tree) permute(ids []ID, n int) {
	rest := ID(n)
	for i, id := range ids {
		if id == unnumbered {
			ids[i] = rest
			rest++
		}
	}
	for i := range ids {
		for ids[i] != ID(i) {
			j := ids[i]
			a, b := t.Node(ID(i)), t.Node(j)
			*a, *b = *b, *a
			ids[i], ids[j] = ids[j], j
		}
	}
	t.nodes.truncate(n)
}
