package shell

import (
	"fmt"
	"html"
	"strings"
)

// Colours of kinds: grey for free, blues for metadata, greens for contents, the darker the more
// owners they have, and orange for what is not yet part of a file.
var useColours = [useKinds]string{
	"#eceff3", "#1e3a8a", "#94a3b8", "#3b82f6", "#8b5cf6", "#bbe7c8", "#5cc27f", "#1f9d55", "#0b5d2e", "#e879b9", "#f59e0b", "#6b7280",
}

// Sizes of the map, in pixels.
const (
	cellSize  = 8
	rowCells  = 128
	labelSize = 66
	groupGap  = 10
)

// drawMap draws groups below one another, with what the colours mean on top.
func drawMap(maps []*groupMap) string {
	width := 2*margin + labelSize + rowCells*cellSize
	var b strings.Builder
	y := drawLegend(&b, maps, width, margin)
	for _, m := range maps {
		fmt.Fprintf(&b, `<text x="%d" y="%d" font-size="12" fill="#1f2937">group %d</text>`+"\n", margin, y+cellSize+3, m.ag)
		for i := 0; i < len(m.cells); i += rowCells {
			drawRow(&b, m, i, min(i+rowCells, len(m.cells)), y)
			y += cellSize
		}
		y += groupGap
	}
	head := fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="Helvetica, Arial, sans-serif">`+"\n"+
		`<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width, y+margin, width, y+margin, width, y+margin)
	return head + b.String() + "</svg>\n"
}

// drawLegend names the colours of the kinds there are, and returns where to go on.
func drawLegend(b *strings.Builder, maps []*groupMap, width, y int) int {
	var all [useKinds]uint64
	cell := uint64(1)
	for _, m := range maps {
		cell = m.cell
		for k, n := range m.sums() {
			all[k] += n
		}
	}
	x := margin
	for k, n := range all {
		if n == 0 {
			continue
		}
		text := fmt.Sprintf("%s: %d", useNames[k], n)
		if room := 28 + 7*len(text); x+room > width-margin {
			x, y = margin, y+20
		}
		fmt.Fprintf(b, `<rect x="%d" y="%d" width="12" height="12" fill="%s" stroke="#cbd5e1"/><text x="%d" y="%d" font-size="12" fill="#1f2937">%s</text>`+"\n",
			x, y, useColours[k], x+17, y+10, html.EscapeString(text))
		x += 28 + 7*len(text)
	}
	note := "a cell is one block"
	if cell > 1 {
		note = fmt.Sprintf("a cell is %d blocks, in the colour of what most of them are", cell)
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" font-size="12" fill="#6b7280">%s</text>`+"\n", margin, y+32, note)
	return y + 48
}

// drawRow draws the cells from to end-1 of a group; neighbours of one kind together.
func drawRow(b *strings.Builder, m *groupMap, from, end, y int) {
	for i := from; i < end; {
		k := most(m.cells[i])
		next := i + 1
		for next < end && most(m.cells[next]) == k {
			next++
		}
		last := min(uint64(next)*m.cell, m.blocks) - 1
		fmt.Fprintf(b, `<rect x="%d" y="%d" width="%d" height="%d" fill="%s"><title>group %d, blocks %d to %d: %s</title></rect>`+"\n",
			margin+labelSize+(i-from)*cellSize, y, (next-i)*cellSize, cellSize-1, useColours[k], m.ag, uint64(i)*m.cell, last, useNames[k])
		i = next
	}
}

// most is the kind that most blocks of a cell are of; of equally many, the rarer one, which stands
// further behind.
func most(c [useKinds]uint64) useKind {
	best := useFree
	for k, n := range c {
		if n > 0 && n >= c[best] {
			best = useKind(k)
		}
	}
	return best
}

// mapPage is a page with the map and the counts.
func mapPage(maps []*groupMap) string {
	var b strings.Builder
	b.WriteString("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/><title>Map of an XFS image</title>\n" +
		"<style>body{font-family:Helvetica,Arial,sans-serif;color:#1f2937;margin:2em}table{border-collapse:collapse;margin-top:1em}" +
		"td,th{padding:.2em .8em;text-align:right;border-bottom:1px solid #e5e7eb}</style></head>\n<body><h1>Map of an XFS image</h1>\n")
	b.WriteString(drawMap(maps))
	b.WriteString("<table><tr><th>group</th><th>blocks</th>")
	for _, name := range useNames {
		fmt.Fprintf(&b, "<th>%s</th>", html.EscapeString(name))
	}
	b.WriteString("</tr>\n")
	for _, m := range maps {
		fmt.Fprintf(&b, "<tr><td>%d</td><td>%d</td>", m.ag, m.blocks)
		for _, n := range m.sums() {
			fmt.Fprintf(&b, "<td>%d</td>", n)
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</table></body></html>\n")
	return b.String()
}
