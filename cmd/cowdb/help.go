package main

import (
	"strings"

	"github.com/cowfs/cowfs/internal/cmdline"
	"github.com/cowfs/cowfs/shell"
)

const intro = `cowdb - look into an XFS image, and change it

Usage:
  cowdb [FLAGS] IMAGE COMMAND [ARGS]...
  cowdb [FLAGS] -c COMMAND [-c COMMAND]... IMAGE
  cowdb [FLAGS] -f SCRIPT IMAGE
  cowdb [FLAGS] IMAGE               commands from standard input, or of a person at a terminal
  cowdb help [COMMAND]

IMAGE is a file or block device. An argument that begins with / is a path in the image.
`

const outro = `
Examples:
  cowdb disk.img ls -l /etc
  cowdb disk.img cat /etc/os-release
  cowdb --json disk.img bmap /var/log/wtmp
  cowdb --offset 1m disk.img get /boot/vmlinuz .
  cowdb -c 'agf 0' -c 'btdump bnobt 0' disk.img
  cowdb -w --let host=web1 -f setup.cowdb disk.img

Exit codes: 0; 1 when a command fails or meets damage; 2 for wrong usage; 130 interrupted.
`

// helpText is the program's help.
func helpText() string {
	var commands strings.Builder
	commands.WriteString("\nCommands:\n")
	shell.HelpAll(&commands)
	return cmdline.Help(intro, commands.String()+outro, flagGroups())
}
