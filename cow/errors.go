package cow

import (
	"errors"
	"fmt"

	"github.com/cowfs/cowfs/format"
)

// ErrNotRegular says that only a regular file will do.
var ErrNotRegular = errors.New("not a regular file")

// What sharing and staging cannot be done with.
var (
	errReflink  = fmt.Errorf("%w: the volume has no reflink", format.ErrUnsupported)
	errOther    = fmt.Errorf("%w: files of different volumes", ErrRange)
	errRealtime = fmt.Errorf("%w: a file in the realtime section", format.ErrUnsupported)
)
