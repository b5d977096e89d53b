package main

import (
	"bytes"
	"runtime/debug"
	"strings"

	"github.com/cowfs/cowfs/shell"
)

// helpText is the template of the program's help.
func helpText() string {
	var commands bytes.Buffer
	shell.HelpAll(&commands)
	return `cowdb - look into an XFS image

Usage:
  cowdb [FLAGS] IMAGE COMMAND [ARGS]...
  cowdb [FLAGS] -c COMMAND [-c COMMAND]... IMAGE
  cowdb [FLAGS] -f SCRIPT IMAGE
  cowdb [FLAGS] IMAGE               commands from standard input, a line each
  cowdb help [COMMAND]

IMAGE is a file or block device; it is only read. An argument that begins with / is a path
in the image. "#" begins a comment in a script.

Flags:
{{range .VisibleFlags}}  {{.}}
{{end}}
Commands:
` + strings.ReplaceAll(commands.String(), "{{", "{ {") + `
Examples:
  cowdb disk.img ls -l /etc
  cowdb disk.img cat /etc/os-release
  cowdb --json disk.img bmap /var/log/wtmp
  cowdb --offset 1m disk.img get /boot/vmlinuz .
  cowdb -c 'agf 0' -c 'btdump bnobt 0' disk.img

Exit codes: 0; 1 when a command fails or meets damage; 2 for wrong usage.
`
}

// version is that of the module the program was built from.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
