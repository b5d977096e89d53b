package shell

import (
	"flag"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/usage"
)

// Complete returns what the last word of a line can become, and where in the line it begins: names
// of commands, flags, variables, fields of what is at the position, paths in the image and on the
// host. What is complete ends with a blank.
func (s *Session) Complete(line string) (start int, words []string) {
	start = lastWord(line)
	before, err := Split(line[:start])
	if err != nil {
		return start, nil
	}
	known, err := Split(line[start:])
	if err != nil || len(known) > 1 {
		return start, nil
	}
	last := strings.Join(known, "")
	var list []string
	for _, c := range s.candidates(lineWords(), before, last) {
		if strings.HasPrefix(c, last) {
			list = append(list, quoteWord(c))
		}
	}
	slices.Sort(list)
	return start, slices.Compact(list)
}

// lastWord is where the last word of a line begins.
func lastWord(line string) int {
	start, quote := 0, byte(0)
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '\\':
			i++
		case c == ' ' || c == '\t':
			start = i + 1
		}
	}
	return start
}

// quoteWord writes a word so that it is read as one, but for a blank at its end.
func quoteWord(w string) string {
	text, blank := strings.CutSuffix(w, " ")
	var b strings.Builder
	for i := range len(text) {
		if strings.IndexByte(" \t'\"\\#", text[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(text[i])
	}
	if blank {
		b.WriteByte(' ')
	}
	return b.String()
}

// prefixes are commands with another command behind them, after so many other words.
var prefixes = map[string]int{"try": 0, "expect": 1, "capture": 1}

// candidates lists what can stand behind some words, beginning with last. The first word is one of
// those in first.
func (s *Session) candidates(first, before []string, last string) []string {
	if name, ok := strings.CutPrefix(last, "$"); ok && identLen(name) == len(name) {
		return prefixed("$", slices.Collect(maps.Keys(s.vars)))
	}
	if len(before) == 0 {
		return finished(first)
	}
	if before[0] == "help" {
		return finished(lineWords())
	}
	c, err := Find(before[0])
	if err != nil {
		return nil
	}
	f := c.flags()
	c.setup(f)
	if strings.HasPrefix(last, "-") {
		var flags []string
		f.VisitAll(func(o *flag.Flag) { flags = append(flags, usage.Dashed(o.Name)+" ") })
		return flags
	}
	args := withoutFlags(f, before[1:])
	if n, ok := prefixes[c.Name]; ok && len(args) >= n {
		return s.candidates(commandNames(), args[n:], last)
	}
	return s.arguments(kindOf(c.Args, len(args)), last)
}

func finished(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = w + " "
	}
	return out
}

func prefixed(p string, words []string) []string {
	for i := range words {
		words[i] = p + words[i]
	}
	return words
}

// withoutFlags leaves out flags and their values.
func withoutFlags(f *flag.FlagSet, args []string) []string {
	if f.Parse(splitLetters(f, args)) != nil {
		return args
	}
	return f.Args()
}

// usageFlags are the flags in a usage, with their values.
var usageFlags = regexp.MustCompile(`\[-[^]]*\]`)

// kindOf is the word that a usage has for its argument i, "" for none.
func kindOf(usage string, i int) string {
	usage = usageFlags.ReplaceAllString(usage, "")
	var kinds []string
	for _, w := range strings.FieldsFunc(usage, func(r rune) bool { return r == ' ' || r == '[' || r == ']' }) {
		if !strings.HasPrefix(w, "-") {
			kinds = append(kinds, w)
		}
	}
	for k := len(kinds) - 1; k >= 0 && len(kinds) > 0; k-- {
		if kinds[k] == "..." {
			kinds = slices.Delete(kinds, k, k+1)
		} else if w, ok := strings.CutSuffix(kinds[k], "..."); ok {
			kinds[k] = w
		}
	}
	if len(kinds) == 0 {
		return ""
	}
	return kinds[min(i, len(kinds)-1)]
}

// arguments lists what an argument of a kind can be.
func (s *Session) arguments(kind, last string) []string {
	switch {
	case strings.HasPrefix(last, "/") && kind != "HOST" && kind != "SCRIPT":
		return s.imagePaths(last)
	case kind == "FIELD":
		return s.fieldNames(last)
	case kind == "VERB":
		return finished(verbs)
	case kind == "KIND":
		var kinds []string
		for _, k := range []*btree.Kind{btree.Bnobt, btree.Cntbt, btree.Inobt, btree.Finobt, btree.Rmapbt, btree.Refcountbt, btree.Bmbt} {
			kinds = append(kinds, k.Name)
		}
		return finished(kinds)
	case kind == "HOST" || kind == "SCRIPT":
		return hostPaths(last)
	case kind == "COMMAND":
		return finished(commandNames())
	case last == "" && (strings.HasPrefix(kind, "/") || strings.Contains(kind, "PATH")):
		return s.imagePaths("/")
	}
	return nil
}

// imagePaths lists the paths in the image that begin with last.
func (s *Session) imagePaths(last string) []string {
	dir, _ := path.Split(last)
	d, err := s.Vol.Dir(dir)
	if err != nil {
		return nil
	}
	var out []string
	for e, err := range d.Entries() {
		if err != nil {
			break
		}
		if e.Type == format.FTDir {
			out = append(out, dir+e.Name+"/")
		} else {
			out = append(out, dir+e.Name+" ")
		}
	}
	return out
}

// hostPaths lists the paths of the host that begin with last.
func hostPaths(last string) []string {
	dir, _ := filepath.Split(last)
	list, _ := os.ReadDir(filepath.Join(dir, ".")) // nothing to offer, else
	var out []string
	for _, e := range list {
		if e.IsDir() {
			out = append(out, dir+e.Name()+string(filepath.Separator))
		} else {
			out = append(out, dir+e.Name()+" ")
		}
	}
	return out
}

// fieldNames lists the fields of what is at the position, each up to the next dot or bracket
// behind last.
func (s *Session) fieldNames(last string) []string {
	p, err := s.walk.here()
	if err != nil || p.form.table == nil {
		return nil
	}
	b, err := s.bytes(&p)
	if err != nil {
		return nil
	}
	values, _ := p.form.table.Decode(s.Vol.Geo, b) // what damage hides is not offered
	seen := map[string]bool{}
	var out []string
	for _, v := range values {
		name := v.Name
		if !strings.HasPrefix(name, last) {
			continue
		}
		if i := strings.IndexAny(name[len(last):], ".["); i >= 0 {
			name = name[:len(last)+i+1]
		} else {
			name += " "
		}
		if !seen[name] {
			seen[name] = true
			out = append(out, name)
		}
	}
	return out
}
