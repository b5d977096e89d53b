package usage

import (
	"flag"
	"io"
	"testing"
)

func TestSuggest(t *testing.T) {
	known := []string{"agf", "agi", "ls", "mkdir", "stat", "stack", "q", "log", "generator"}
	for word, want := range map[string]string{
		"mkdri": "mkdir", "statt": "stat", "agg": "agf", "sl": "ls", "x": "", "p": "", "": "", "foo": "", "gladiators": "", "genration": "generator", "mk": "mkdir", "sta": "stat", "frobnicate": "",
	} {
		if want != "" {
			want = `; did you mean "` + want + `"?`
		}
		if got := Suggest(word, known); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}

// Errors of package flag are worded.
func TestFlag(t *testing.T) {
	known := map[string]bool{"b": true, "size": true, "force": false, "length": true}
	for _, c := range []struct{ arg, want string }{
		{"--lenght=4", `--lenght: no such option; did you mean "--length"?`},
		{"-sise", `--sise: no such option; did you mean "--size"?`},
		{"-q", "-q: no such option"},
		{"--frobnicate", "--frobnicate: no such option"},
		{"--size", "--size needs a value"},
		{"-b=x", `-b "x": not a number`},
		{"-b=99999999999999999999", `-b "99999999999999999999": too large a number`},
		{"--force=2", `--force "2": it takes no value`},
		{"-=", "bad flag syntax: -="},
	} {
		f := flag.NewFlagSet("test", flag.ContinueOnError)
		f.SetOutput(io.Discard)
		f.Int("b", 0, "")
		f.String("size", "", "")
		f.Bool("force", false, "")
		f.String("length", "", "")
		if err := Flag(f.Parse([]string{c.arg}), known); err.Error() != c.want {
			t.Errorf("%s: %v, want %s", c.arg, err, c.want)
		}
	}
}
