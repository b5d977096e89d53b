package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/cowfs/cowfs/internal/cmdline"
)

// printCompletion prints a script that lets a shell complete flags, the image, and the commands
// behind it with their arguments, for which it asks cowdb itself.
func printCompletion(w io.Writer, shell string, flags []cli.Flag) error {
	script, ok := map[string]string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}[shell]
	if !ok {
		return cmdline.Usagef("--completion %q: not known; there are bash, zsh, fish", shell)
	}
	var all, values []string
	for _, f := range flags {
		words := cmdline.Words(f)
		all = append(all, words...)
		if d, ok := f.(cli.DocGenerationFlag); ok && d.TakesValue() {
			values = append(values, words...)
		}
	}
	_, err := fmt.Fprint(w, strings.NewReplacer("@FLAGS@", strings.Join(all, " "), "@VALUES@", strings.Join(values, "|")).Replace(script))
	return err
}

const bashCompletion = `_cowdb() {
	local cur=${COMP_WORDS[COMP_CWORD]} image= first= i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		@VALUES@) i=$((i + 1)) ;;
		-*) ;;
		*) image=${COMP_WORDS[i]} first=$((i + 1)); break ;;
		esac
	done
	COMPREPLY=()
	if [[ -n $image ]]; then
		compopt -o nospace 2>/dev/null
		mapfile -t COMPREPLY < <(cowdb --complete "${COMP_WORDS[*]:first:COMP_CWORD-first+1}" "$image" 2>/dev/null)
	elif [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W "@FLAGS@" -- "$cur"))
	fi
}
complete -o default -F _cowdb cowdb
`

const zshCompletion = `#compdef cowdb
_cowdb() {
	local image= first= i
	for ((i = 2; i < CURRENT; i++)); do
		case ${words[i]} in
		@VALUES@) ((i++)) ;;
		-*) ;;
		*) image=${words[i]} first=$((i + 1)); break ;;
		esac
	done
	if [[ -n $image ]]; then
		local -a found
		found=(${(f)"$(cowdb --complete "${words[first,CURRENT]}" "${(Q)image}" 2>/dev/null)"})
		compadd -Q -S '' -a found
	elif [[ ${words[CURRENT]} == -* ]]; then
		compadd -- @FLAGS@
	else
		_files
	fi
}
_cowdb "$@"
`

const fishCompletion = `function __cowdb_complete
	set -l words (commandline -opc)
	set -l i 2
	while test $i -le (count $words)
		switch $words[$i]
			case (string split '|' -- '@VALUES@')
				set i (math $i + 2)
			case '-*'
				set i (math $i + 1)
			case '*'
				break
		end
	end
	if test $i -le (count $words)
		set -l line $words[(math $i + 1)..-1] (commandline -ct)
		cowdb --complete "$line" $words[$i] 2>/dev/null | string trim -r
	else if string match -q -- '-*' (commandline -ct)
		string split ' ' -- '@FLAGS@'
	else
		__fish_complete_path (commandline -ct)
	end
end
complete -c cowdb -f -a '(__cowdb_complete)'
`
