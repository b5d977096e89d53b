package shell

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/usage"
)

// pick returns the fields of the structure in b that a name stands for: one field, or all those
// within a part such as "recs[3]" or "core". The name may leave out its beginning where only one
// part ends so, and have a range such as "recs[3-7]" in place of an index. Padding that is zero is
// found where nothing else is.
func (f *form) pick(g *format.Geometry, b []byte, name string) (format.Values, error) {
	if f.table == nil {
		return nil, usagef("bytes without a known structure have no fields; see type")
	}
	if vs := f.within(g, b, name); len(vs) > 0 {
		return vs, nil
	}
	if m := indexRange.FindStringSubmatch(name); m != nil {
		return f.pickRange(g, b, m[1], m[2], m[3], m[4])
	}
	values, _ := f.decode(g, b) // what can't be read isn't found
	vs, err := pickShort(values, name)
	if err != nil {
		all, _ := f.table.All(g, b)
		if vs, _ := pickShort(all, name); vs != nil {
			return vs, nil
		}
	}
	return vs, err
}

var indexRange = regexp.MustCompile(`^([^\[]*)\[([0-9]+)-([0-9]+)\](.*)$`)

// pickRange is pick for a name with a range of indices, as far as there are elements.
func (f *form) pickRange(g *format.Geometry, b []byte, before, from, to, behind string) (format.Values, error) {
	lo, err := number("index", from, 31)
	if err != nil {
		return nil, err
	}
	hi, err := number("index", to, 31)
	if err != nil {
		return nil, err
	}
	var out format.Values
	for i := lo; i <= hi; i++ {
		vs, err := f.pick(g, b, fmt.Sprintf("%s[%d]%s", before, i, behind))
		if err != nil && len(out) > 0 {
			break
		}
		if err != nil {
			return nil, err
		}
		out = append(out, vs...)
	}
	if len(out) == 0 {
		return nil, usagef("%s[%s-%s]: a range goes from a lower index to a higher one", before, from, to)
	}
	return out, nil
}

// one is pick for a name that stands for one field only.
func (f *form) one(g *format.Geometry, b []byte, name string) (format.Value, error) {
	vs, err := f.pick(g, b, name)
	if err == nil && len(vs) > 1 {
		err = usagef("%q has %d fields; one is needed", name, len(vs))
	}
	if err != nil {
		return format.Value{}, err
	}
	return vs[0], nil
}

// pickShort is pick for a name that leaves out its beginning.
func pickShort(values format.Values, name string) (format.Values, error) {
	whole := map[string]format.Values{}
	for _, v := range values {
		for i := strings.IndexByte(v.Name, '.'); i >= 0; {
			if within(v.Name[i+1:], name) {
				full := v.Name[:i+1] + name
				whole[full] = append(whole[full], v)
			}
			next := strings.IndexByte(v.Name[i+1:], '.')
			if next < 0 {
				break
			}
			i += next + 1
		}
	}
	switch len(whole) {
	case 0:
		return nil, usagef("no field %q here%s", name, suggestField(values, name))
	case 1:
		for _, vs := range whole {
			return vs, nil
		}
	}
	var names []string
	for full := range whole {
		names = append(names, full)
	}
	slices.Sort(names)
	if len(names) > 4 {
		names = append(names[:4], "...")
	}
	return nil, usagef("%q can be %s", name, strings.Join(names, " or "))
}

// within reports whether a full name is name or that of something within it.
func within(full, name string) bool {
	rest, ok := strings.CutPrefix(full, name)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// suggestField finds a field that is spelled much like name: by its whole name, or by its end.
func suggestField(values format.Values, name string) string {
	seen := map[string]bool{}
	var known []string
	for _, v := range values {
		for full := v.Name; ; {
			if !seen[full] {
				seen[full] = true
				known = append(known, full)
			}
			_, rest, ok := strings.Cut(full, ".")
			if !ok {
				break
			}
			full = rest
		}
	}
	return usage.Suggest(name, known)
}

// isField reports whether damage is in the field that v is of.
func isField(v format.Value, damage *format.CorruptError) bool {
	name := damage.Field
	if name == "magic" { // what tables call it differs
		return strings.HasPrefix(v.Name[strings.LastIndexByte(v.Name, '.')+1:], name)
	}
	return name != "" && (v.Name == name || strings.HasSuffix(v.Name, "."+name))
}

// mark notes at the field that damage is about what it should be.
func mark(values format.Values, damage error) {
	var c *format.CorruptError
	if !errors.As(damage, &c) {
		return
	}
	for i, v := range values {
		if !isField(v, c) {
			continue
		}
		note := "wrong"
		if c.Want != "" {
			note += ": should be " + c.Want
		}
		if v.Note != "" {
			note = v.Note + "; " + note
		}
		values[i].Note = note
		return
	}
}
