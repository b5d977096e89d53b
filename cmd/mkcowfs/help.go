package main

import "github.com/cowfs/cowfs/internal/cmdline"

const intro = `mkcowfs [options] IMAGE

Makes an XFS version 5 filesystem in IMAGE, a regular file or a block device. A file appears
whole when all is done; until then nothing is changed. The size is --size, else that of IMAGE if
it exists, else the smallest that holds the content.

Examples:
  mkcowfs --size 10G disk.img                         an empty image
  mkcowfs --root ./rootfs root.img                    the smallest image that holds a directory
  mkcowfs --root ./rootfs --free 20% --all-root root.img
  mkcowfs --oci ./layout:latest --dedupe app.img      a container image
  mkcowfs --tar base.tar.gz --tar more.tar.zst a.img  layers on one another
  mkcowfs -N -b size=1k -d size=1g disk.img           show the geometry, make nothing
`

const outro = `
Exit codes: 0 made, 1 failed, 2 wrong options, 130 interrupted.

Environment: SOURCE_DATE_EPOCH replaces the current time, DETERMINISTIC_SEED is the seed of the
UUID and of inode generations. With one of them the same command makes the same image.
`

// helpText tells all that can be said on the command line, by group.
func helpText() string { return cmdline.Help(intro, outro, flagGroups()) }
