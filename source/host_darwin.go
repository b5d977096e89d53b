package source

import (
	"os"

	"golang.org/x/sys/unix"
)

const errNoXattr = unix.ENOATTR

// spoolFile makes a file that is gone when it is closed.
func spoolFile(dir string) (*os.File, error) { return unlinkedFile(dir) }
