package usage

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

// Flag words an error of a parser of flags, that of package flag or of cli, as users know flags, with
// their dashes. Known are the names of all flags, without dashes, and whether they need a value: for
// one that is not known it proposes the nearest. What types of flags say of their values stays.
func Flag(err error, known map[string]bool) error {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: "); ok {
		return errors.New(Dashed(name) + ": no such option" + suggestFlag(name, known))
	}
	if name, ok := strings.CutPrefix(text, "flag needs an argument: "); ok {
		return errors.New(Dashed(name) + " needs a value")
	}
	value, name, cause, ok := invalid(text)
	if !ok {
		return err
	}
	switch {
	case strings.HasPrefix(cause, "strconv.ParseBool"), cause == "parse error" && !known[strings.TrimLeft(name, "-")]:
		cause = "it takes no value"
	case cause == "parse error", strings.HasSuffix(cause, "invalid syntax"):
		cause = "not a number"
	case strings.HasSuffix(cause, "value out of range"):
		cause = "too large a number"
	}
	return errors.New(Dashed(name) + " " + value + ": " + cause)
}

// invalid takes apart an error about the value of a flag.
func invalid(text string) (value, name, cause string, ok bool) {
	for _, form := range []struct{ start, middle string }{
		{"invalid value ", " for flag "}, {"invalid boolean value ", " for "},
	} {
		rest, ok1 := strings.CutPrefix(text, form.start)
		value, rest, ok2 := strings.Cut(rest, form.middle)
		name, cause, ok3 := strings.Cut(rest, ": ")
		if ok1 && ok2 && ok3 {
			return value, name, cause, true
		}
	}
	return "", "", "", false
}

// Dashed is the name of a flag as it is written.
func Dashed(name string) string {
	if name = strings.TrimLeft(name, "-"); len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// suggestFlag is Suggest for flags. One letter is as near to any other as to the one that was meant.
func suggestFlag(name string, known map[string]bool) string {
	name = strings.TrimLeft(name, "-")
	if len(name) < 2 {
		return ""
	}
	var long []string
	for _, k := range slices.Sorted(maps.Keys(known)) {
		if len(k) > 1 {
			long = append(long, k)
		}
	}
	k, ok := nearest(name, long)
	if !ok {
		return ""
	}
	return propose(Dashed(k))
}
