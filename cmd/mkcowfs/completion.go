package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v3"
)

// printCompletion prints a script that lets a shell complete flags, and files elsewhere.
func printCompletion(w io.Writer, shell string, flags []cli.Flag) error {
	print, ok := map[string]func([]cli.Flag) string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}[shell]
	if !ok {
		return usagef("--completion %q: not known; there are bash, zsh, fish", shell)
	}
	_, err := io.WriteString(w, print(flags))
	return err
}

// words are the names of a flag as they are written.
func words(f cli.Flag) []string {
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

func usage(f cli.Flag) string {
	d, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return ""
	}
	return strings.NewReplacer("`", "", "'", "", "[", "(", "]", ")", ":", "").Replace(d.GetUsage())
}

func bashScript(flags []cli.Flag) string {
	var all []string
	for _, f := range flags {
		all = append(all, words(f)...)
	}
	return fmt.Sprintf(`_mkcowfs() {
	local cur=${COMP_WORDS[COMP_CWORD]}
	COMPREPLY=()
	if [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W "%s" -- "$cur"))
	fi
}
complete -o default -F _mkcowfs mkcowfs
`, strings.Join(all, " "))
}

func zshScript(flags []cli.Flag) string {
	var b strings.Builder
	b.WriteString("#compdef mkcowfs\n_arguments -s")
	for _, f := range flags {
		for _, word := range words(f) {
			value := ""
			if needsValue(f) {
				value = ":value:_files"
			}
			fmt.Fprintf(&b, " \\\n\t'*%s[%s]%s'", word, usage(f), value)
		}
	}
	b.WriteString(" \\\n\t'*:image:_files'\n")
	return b.String()
}

func fishScript(flags []cli.Flag) string {
	var b strings.Builder
	for _, f := range flags {
		b.WriteString("complete -c mkcowfs")
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
		fmt.Fprintf(&b, " -d '%s'\n", usage(f))
	}
	return b.String()
}
