package format

// Tables of one field without a name: parts that are a value of their own. Those of a length
// that only the image tells are made when they are needed.

func textTable(n int) *Struct { return oneField("text", n, Text) }

func rawTable(n int) *Struct { return oneField("raw", n, Raw) }

func padTable(n int) *Struct { return oneField("pad", n, Pad) }

func oneField(name string, n int, k Kind) *Struct {
	s := &Struct{Name: name, Size: n} // has one field only, and there are many of the sort
	s.add(Field{Size: n, Kind: k})
	return s
}

// textPart, rawPart and padPart are the n bytes from off.
func textPart(name string, off, n int) Part { return Part{name, -1, off, n, textTable(n)} }

func rawPart(name string, off, n int) Part { return Part{name, -1, off, n, rawTable(n)} }

func padPart(name string, off, n int) Part { return Part{name, -1, off, n, padTable(n)} }

// one is a part that there is just one of.
func one(name string, off int, table *Struct) Part {
	return Part{name, -1, off, table.Size, table}
}
