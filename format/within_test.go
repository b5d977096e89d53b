package format

import (
	"reflect"
	"strings"
	"testing"
)

// What a name leads to is what All gives by names that begin so, for every name and every part of
// one in structures that the kernel wrote.
func TestWithin(t *testing.T) {
	list, g := samples(t)
	for _, s := range list {
		table := Detect(g, s.b).Table
		all, err := table.All(g, s.b)
		if err != nil {
			t.Fatal(err)
		}
		wanted := map[string]Values{}
		var names []string
		for _, v := range all {
			for i := 1; i <= len(v.Name); i++ {
				if i == len(v.Name) || v.Name[i] == '.' || v.Name[i] == '[' {
					name := v.Name[:i]
					if wanted[name] == nil {
						names = append(names, name)
					}
					wanted[name] = append(wanted[name], v)
				}
			}
		}
		for i, name := range names {
			if i > 300 && i%50 > 0 {
				continue
			}
			want := wanted[name]
			got, err := table.Within(g, s.b, name)
			if err != nil {
				t.Fatalf("%s: %s: %v", s.name, name, err)
			}
			if want = withoutZeroPads(want); !reflect.DeepEqual(got, want) {
				t.Fatalf("%s: %s: %d values, want %d:\n%v\nwant\n%v", s.name, name, len(got), len(want), got, want)
			}
		}
		for _, name := range []string{"", "nothing", "core.", "core.nothing", "recs[", "recs[-1]", "recs[00]", "recs[99999]", "recs[99999999999999999999].x", "magicnum[0]", "magicnum.x", "cor", "."} {
			if got, _ := table.Within(g, s.b, name); name != "" && got != nil {
				t.Errorf("%s: %q: %v", s.name, name, got)
			}
		}
	}
}

func withoutZeroPads(vs Values) Values {
	var out Values
	for _, v := range vs {
		if v.Kind != Pad || v.Num != 0 || strings.Trim(string(v.Bytes), "\x00") != "" {
			out = append(out, v)
		}
	}
	if out == nil {
		return vs
	}
	return out
}
