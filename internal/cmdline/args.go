package cmdline

import (
	"strings"

	"github.com/urfave/cli/v3"
)

// Reorder brings arguments as getopt takes them into the form that the flag package takes: all
// flags before the other arguments, one letter per argument, values behind "=". So scripts that
// call the older programs, with "-fq image -bsize=4k", work.
func Reorder(args []string, flags []cli.Flag) []string {
	values := map[string]bool{} // names of flags that need a value
	for _, f := range flags {
		for _, name := range f.Names() {
			values[name] = needsValue(f)
		}
	}
	var out, rest []string
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			rest = append(rest, args...)
			args = nil
		case strings.HasPrefix(arg, "--"):
			if name := arg[2:]; values[name] {
				if len(args) == 0 {
					return []string{arg} // for the flag package to complain
				}
				arg += "=" + args[0]
				args = args[1:]
			}
			out = append(out, arg)
		case len(arg) > 1 && arg[0] == '-':
			var letters []string
			letters, args = splitLetters(arg[1:], args, values)
			if last := letters[len(letters)-1]; values[last[1:]] {
				return []string{last} // its value is missing, likewise
			}
			out = append(out, letters...)
		default:
			rest = append(rest, arg)
		}
	}
	return append(append(out, "--"), rest...)
}

// splitLetters takes apart one argument of single-letter flags. The last may have its value in
// the same argument or in the next one.
func splitLetters(letters string, args []string, values map[string]bool) (out, rest []string) {
	for i := range len(letters) {
		letter := letters[i : i+1]
		if !values[letter] {
			out = append(out, "-"+letter)
			continue
		}
		value := letters[i+1:]
		if value == "" && len(args) > 0 {
			value, args = args[0], args[1:]
		} else if value == "" {
			return append(out, "-"+letter), nil
		}
		return append(out, "-"+letter+"="+value), args
	}
	return out, args
}

func needsValue(f cli.Flag) bool {
	if g, ok := f.(*cli.GenericFlag); ok {
		if b, ok := g.Value.(interface{ IsBoolFlag() bool }); ok && b.IsBoolFlag() {
			return false
		}
	}
	d, ok := f.(cli.DocGenerationFlag)
	return ok && d.TakesValue()
}
