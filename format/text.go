package format

import (
	"strconv"
	"strings"
)

// Values is what Decode returns: the fields of a structure in order.
type Values []Value

// String prints the values as xfs_db does, a line "name = value" for each, with what the value
// stands for behind it in parentheses. Arrays of numbers take one line, which leaves out null
// and zero elements; arrays of structures that hold only numbers take one line an element, under
// a line with the names:
//
//	unlinked[0-63] = 5:133 7:199
//	recs[0-1] = [startblock,blockcount]
//	0:[13,3]
//	1:[24,25576]
//
// Indices count from 0 everywhere; xfs_db counts records, keys and pointers from 1.
func (vs Values) String() string {
	var b strings.Builder
	for len(vs) > 0 {
		n := vs.run()
		switch run := vs[:n]; {
		case run.isArray():
			run.writeArray(&b)
		case run.isTable():
			run.writeTable(&b)
		default:
			run.writeLines(&b)
		}
		vs = vs[n:]
	}
	return b.String()
}

// element splits the name of a value at its last index: "recs[3].startblock" is element 3 of
// recs, member startblock. Names without an index give i = -1.
func (v Value) element() (array string, i int, member string) {
	open, end := strings.LastIndexByte(v.Name, '['), strings.LastIndexByte(v.Name, ']')
	if open < 0 || end < open {
		return v.Name, -1, ""
	}
	i, err := strconv.Atoi(v.Name[open+1 : end])
	if err != nil {
		return v.Name, -1, ""
	}
	return v.Name[:open], i, strings.TrimPrefix(v.Name[end+1:], ".")
}

// run is the number of values at the beginning that belong to one array; 1 without an array.
func (vs Values) run() int {
	array, i, _ := vs[0].element()
	n := 1
	for i >= 0 && n < len(vs) {
		if a, j, _ := vs[n].element(); j < 0 || a != array {
			break
		}
		n++
	}
	return n
}

func (vs Values) isArray() bool {
	for _, v := range vs {
		if _, i, member := v.element(); i < 0 || member != "" || v.Bits == 0 {
			return false
		}
	}
	return true
}

// isTable reports whether all elements of the array have the same members, numbers all.
func (vs Values) isTable() bool {
	cols := vs.columns()
	if cols == 0 || len(vs)%cols != 0 {
		return false
	}
	for n, v := range vs {
		_, first, member := vs[n%cols].element()
		_, i, m := v.element()
		if v.Bits == 0 || m == "" || m != member || i != first+n/cols {
			return false
		}
	}
	return true
}

// columns is the number of values of the first element.
func (vs Values) columns() int {
	_, first, _ := vs[0].element()
	n := 0
	for n < len(vs) {
		if _, i, _ := vs[n].element(); i < 0 || i != first {
			break
		}
		n++
	}
	return n
}

// span prints the array's name and the range of its indices.
func (vs Values) span() string {
	array, first, _ := vs[0].element()
	_, last, _ := vs[len(vs)-1].element()
	if first == last {
		return array + index(first)
	}
	return array + "[" + strconv.Itoa(first) + "-" + strconv.Itoa(last) + "]"
}

func (vs Values) writeArray(b *strings.Builder) {
	b.WriteString(vs.span() + " =")
	for _, v := range vs {
		_, i, _ := v.element()
		switch {
		case len(vs) == 1:
			b.WriteString(" " + v.String())
		case !v.IsNull() && (v.Num != 0 || v.Kind.pointer()):
			b.WriteString(" " + strconv.Itoa(i) + ":" + v.String())
		}
	}
	b.WriteByte('\n')
}

func (vs Values) writeTable(b *strings.Builder) {
	cols := vs.columns()
	b.WriteString(vs.span() + " = [")
	for n, v := range vs[:cols] {
		if n > 0 {
			b.WriteByte(',')
		}
		_, _, member := v.element()
		b.WriteString(member)
	}
	b.WriteString("]\n")
	for n, v := range vs {
		if n%cols == 0 {
			_, i, _ := v.element()
			b.WriteString(strconv.Itoa(i) + ":[")
		} else {
			b.WriteByte(',')
		}
		b.WriteString(v.String())
		if n%cols == cols-1 {
			b.WriteString("]\n")
		}
	}
}

func (vs Values) writeLines(b *strings.Builder) {
	for _, v := range vs {
		b.WriteString(v.Name + " = " + v.String())
		if v.Note != "" {
			b.WriteString(" (" + v.Note + ")")
		}
		b.WriteByte('\n')
	}
}
