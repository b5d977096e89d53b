package cmdline

import (
	"strings"
)

// FlagError words an error of the flag parser as users know flags, with their dashes, and makes it
// one about the command line.
func FlagError(err error) error {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: "); ok {
		return Usagef("%s: no such option", dashed(name))
	}
	if name, ok := strings.CutPrefix(text, "flag needs an argument: "); ok {
		return Usagef("%s needs a value", dashed(name))
	}
	value, rest, ok := strings.Cut(text, " for flag ")
	name, cause, ok2 := strings.Cut(rest, ": ")
	value, ok3 := strings.CutPrefix(value, "invalid value ")
	if !ok || !ok2 || !ok3 {
		return Usage(err)
	}
	switch {
	case strings.HasPrefix(cause, "strconv.ParseBool") || cause == "parse error":
		cause = "it takes no value"
	case strings.HasSuffix(cause, "invalid syntax"):
		cause = "not a number"
	case strings.HasSuffix(cause, "value out of range"):
		cause = "too large a number"
	}
	return Usagef("%s %s: %s", dashed(name), value, cause)
}

// dashed is the name of a flag as it is written.
func dashed(name string) string {
	if name = strings.TrimLeft(name, "-"); len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}
