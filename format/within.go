package format

import "strings"

// Within lists the fields that a full name stands for: a field of that name, or all fields in the
// part or array of that name, such as "core" or "recs[3]". It gives what Decode has of them, and
// padding that is zero only where there is nothing else. What the name does not lead to is not
// decoded, so this is the way to look at few fields of many. An error about damaged contents comes
// together with the values that could be read.
func (s *Struct) Within(g *Geometry, b []byte, name string) (Values, error) {
	var out, pads Values
	_, err := s.within(g, "", name, b, 0, func(at slot) bool {
		if at.zeroPad() {
			pads = append(pads, at.value())
		} else {
			out = append(out, at.value())
		}
		return true
	})
	if len(out) == 0 {
		out = pads
	}
	return out, err
}

// within is walk for the fields that path leads to, which is what is left of a name behind prefix.
func (s *Struct) within(g *Geometry, prefix, path string, b []byte, off int, visit func(slot) bool) (more bool, err error) {
	if path == "" {
		return s.walk(g, prefix, b, off, visit)
	}
	if err := checkRange(0, s.Size, len(b)); err != nil {
		return true, err
	}
	for i := range s.Fields {
		f := &s.Fields[i]
		rest, ok := leads(path, f.Name)
		if !ok || !f.present(b) {
			continue
		}
		if rest == "" {
			f.visit(prefix, b, off, visit)
			continue
		}
		if k, rest, ok := leadingIndex(rest); ok && rest == "" && k < f.Count && f.Count > 1 && !f.isBytes() {
			visit(slot{join(prefix, f.Name) + index(k), f, k, b, off})
		}
	}
	if s.Parts == nil {
		return true, nil
	}
	parts, damage := s.Parts(g, b)
	for _, p := range parts {
		rest, ok := leads(path, p.Name)
		if ok && rest != "" && p.Index >= 0 {
			var k int
			k, rest, ok = leadingIndex(rest)
			ok = ok && k == p.Index
		}
		if !ok || checkRange(p.Off, p.Len, len(b)) != nil {
			continue
		}
		rest = strings.TrimPrefix(rest, ".")
		if _, err := p.Table.within(g, join(prefix, p.name()), rest, b[p.Off:p.Off+p.Len], off+p.Off, visit); err != nil && damage == nil {
			damage = err
		}
	}
	return true, damage
}

// leads reports whether a path begins with a name, and returns what follows in it: nothing where the
// name goes on and the path stands for the part that it is in.
func leads(path, name string) (rest string, ok bool) {
	if rest, ok = strings.CutPrefix(path, name); ok {
		return rest, rest == "" || name == "" || rest[0] == '.' || rest[0] == '['
	}
	rest, ok = strings.CutPrefix(name, path)
	return "", ok && (rest[0] == '.' || rest[0] == '[')
}

// leadingIndex takes "[3]" from the beginning of a path.
func leadingIndex(path string) (i int, rest string, ok bool) {
	n := 1
	for ; n < len(path) && path[n] >= '0' && path[n] <= '9' && i < 1<<30; n++ {
		i = 10*i + int(path[n]-'0')
	}
	if n < 2 || path[0] != '[' || n == len(path) || path[n] != ']' || n > 2 && path[1] == '0' {
		return 0, path, false
	}
	return i, path[n+1:], true
}
