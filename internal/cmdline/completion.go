package cmdline

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v3"
)

// Completion prints a script that lets a shell complete a program's flags, and files elsewhere.
func Completion(w io.Writer, shell, program string, flags []cli.Flag) error {
	script, ok := map[string]func(string, []cli.Flag) string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}[shell]
	if !ok {
		return Usagef("--completion %q: not known; there are bash, zsh, fish", shell)
	}
	_, err := io.WriteString(w, script(program, flags))
	return err
}

// Words are the names of a flag as they are written.
func Words(f cli.Flag) []string {
	var out []string
	for _, name := range f.Names() {
		if len(name) == 1 {
			out = append(out, "-"+name)
		} else {
			out = append(out, "--"+name)
		}
	}
	return out
}

func meaning(f cli.Flag) string {
	d, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return ""
	}
	return strings.NewReplacer("`", "", "'", "", "[", "(", "]", ")", ":", "").Replace(d.GetUsage())
}

func bashScript(program string, flags []cli.Flag) string {
	var all []string
	for _, f := range flags {
		all = append(all, Words(f)...)
	}
	return fmt.Sprintf(`_%[1]s() {
	local cur=${COMP_WORDS[COMP_CWORD]}
	COMPREPLY=()
	if [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W "%[2]s" -- "$cur"))
	fi
}
complete -o default -F _%[1]s %[1]s
`, program, strings.Join(all, " "))
}

func zshScript(program string, flags []cli.Flag) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#compdef %s\n_arguments -s", program)
	for _, f := range flags {
		for _, word := range Words(f) {
			value := ""
			if needsValue(f) {
				value = ":value:_files"
			}
			fmt.Fprintf(&b, " \\\n\t'*%s[%s]%s'", word, meaning(f), value)
		}
	}
	b.WriteString(" \\\n\t'*:image:_files'\n")
	return b.String()
}

func fishScript(program string, flags []cli.Flag) string {
	var b strings.Builder
	for _, f := range flags {
		fmt.Fprintf(&b, "complete -c %s", program)
		for _, name := range f.Names() {
			if len(name) == 1 {
				b.WriteString(" -s " + name)
			} else {
				b.WriteString(" -l " + name)
			}
		}
		if needsValue(f) {
			b.WriteString(" -r")
		}
		fmt.Fprintf(&b, " -d '%s'\n", meaning(f))
	}
	return b.String()
}
