package shell

import (
	"fmt"
	"html"
	"os"
	"strings"
)

// Sizes of the picture of a tree, in pixels.
const (
	nodeWidth, nodeHeight = 132, 46
	nodeGap, levelGap     = 16, 74
	maxRow                = 24 // blocks of a level that are drawn apart
	margin                = 24
)

// treeRow is a level of the picture: blocks, or an ellipsis for many.
type treeRow struct {
	nodes []*NodeDoc
	more  int // that are not drawn
}

// treeRows orders the blocks of a tree by level, the root first. Of a long level the first and
// the last blocks are drawn.
func treeRows(root *NodeDoc) []treeRow {
	var rows []treeRow
	for level := []*NodeDoc{root}; len(level) > 0; {
		row := treeRow{nodes: level}
		if len(level) > maxRow {
			half := maxRow / 2
			row.nodes = append(append([]*NodeDoc(nil), level[:half]...), level[len(level)-half:]...)
			row.more = len(level) - maxRow
		}
		rows = append(rows, row)
		var next []*NodeDoc
		for _, n := range level {
			next = append(next, n.children...)
		}
		level = next
	}
	return rows
}

// drawTree writes a picture of a tree to a file.
func drawTree(path, title string, root *NodeDoc) error {
	rows := treeRows(root)
	widest := 0
	for _, r := range rows {
		n := len(r.nodes)
		if r.more > 0 {
			n++
		}
		widest = max(widest, n)
	}
	width := max(widest*(nodeWidth+nodeGap)-nodeGap, 420) + 2*margin
	height := len(rows)*(nodeHeight+levelGap) - levelGap + 2*margin + 44
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="Helvetica, Arial, sans-serif">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width, height)
	fmt.Fprintf(&b, `<text x="%d" y="%d" font-size="18" font-weight="bold" fill="#1f2937">%s</text>`+"\n", margin, margin+14, html.EscapeString(title))
	place := map[*NodeDoc][2]int{}
	for i, r := range rows {
		placeRow(place, r, width, margin+44+i*(nodeHeight+levelGap))
	}
	for _, r := range rows {
		for _, n := range r.nodes {
			drawEdges(&b, place, n)
		}
	}
	for _, r := range rows {
		for _, n := range r.nodes {
			drawNode(&b, place[n], n)
		}
		if r.more > 0 {
			left, right := place[r.nodes[maxRow/2-1]], place[r.nodes[maxRow/2]]
			fmt.Fprintf(&b, `<text x="%d" y="%d" font-size="12" text-anchor="middle" fill="#6b7280">%d more blocks</text>`+"\n",
				(left[0]+right[0]+nodeWidth)/2, left[1]+nodeHeight/2+4, r.more)
		}
	}
	b.WriteString("</svg>\n")
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

// placeRow centres a level.
func placeRow(place map[*NodeDoc][2]int, r treeRow, width, y int) {
	n := len(r.nodes)
	if r.more > 0 {
		n++
	}
	x := (width - (n*(nodeWidth+nodeGap) - nodeGap)) / 2
	for i, node := range r.nodes {
		if r.more > 0 && i == maxRow/2 {
			x += nodeWidth + nodeGap
		}
		place[node] = [2]int{x, y}
		x += nodeWidth + nodeGap
	}
}

// drawEdges draws lines to those children that are drawn.
func drawEdges(b *strings.Builder, place map[*NodeDoc][2]int, n *NodeDoc) {
	from := place[n]
	for _, c := range n.children {
		to, ok := place[c]
		if !ok {
			continue
		}
		x1, y1, x2, y2 := from[0]+nodeWidth/2, from[1]+nodeHeight, to[0]+nodeWidth/2, to[1]
		mid := (y1 + y2) / 2
		fmt.Fprintf(b, `<path d="M%d %d C%d %d %d %d %d %d" fill="none" stroke="#9ca3af" stroke-width="1.2"/>`+"\n", x1, y1, x1, mid, x2, mid, x2, y2)
	}
}

// drawNode draws a block: its number, how full it is, and its first key.
func drawNode(b *strings.Builder, at [2]int, n *NodeDoc) {
	x, y := at[0], at[1]
	fill, stroke := "#eef2ff", "#4f46e5"
	if n.Level == 0 {
		fill, stroke = "#ecfdf5", "#059669"
	}
	if n.Damage != "" {
		fill, stroke = "#fef2f2", "#dc2626"
	}
	name := "inode"
	if n.Block != nil {
		name = fmt.Sprint(*n.Block)
	}
	fmt.Fprintf(b, `<g><title>%s</title>`, html.EscapeString(nodeTip(n, name)))
	fmt.Fprintf(b, `<rect x="%d" y="%d" width="%d" height="%d" rx="6" fill="%s" stroke="%s" stroke-width="1.4"/>`, x, y, nodeWidth, nodeHeight, fill, stroke)
	if n.Max > 0 {
		fmt.Fprintf(b, `<rect x="%d" y="%d" width="%d" height="5" rx="2" fill="#e5e7eb"/>`, x+8, y+nodeHeight-10, nodeWidth-16)
		fmt.Fprintf(b, `<rect x="%d" y="%d" width="%d" height="5" rx="2" fill="%s"/>`, x+8, y+nodeHeight-10, (nodeWidth-16)*min(n.Recs, n.Max)/n.Max, stroke)
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" font-size="12" font-weight="bold" fill="#111827">%s</text>`, x+8, y+16, name)
	fmt.Fprintf(b, `<text x="%d" y="%d" font-size="11" text-anchor="end" fill="#374151">%d/%d</text>`, x+nodeWidth-8, y+16, n.Recs, n.Max)
	key, _, _ := strings.Cut(n.First, ",")
	if n.Damage != "" {
		key = "damaged"
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" font-size="10" fill="#4b5563">%s</text></g>`+"\n", x+8, y+30, html.EscapeString(shorten(key, 22)))
}

func nodeTip(n *NodeDoc, name string) string {
	tip := fmt.Sprintf("level %d, block %s: %d of %d, from %s", n.Level, name, n.Recs, n.Max, n.First)
	if n.Damage != "" {
		tip += "\n" + n.Damage
	}
	return tip
}

func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n-3] + "..."
}
