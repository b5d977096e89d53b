package main

import (
	_ "embed"
	"io"

	"github.com/cowfs/cowfs/internal/cmdline"
)

var (
	//go:embed manual/before.roff
	manualBefore string
	//go:embed manual/after.roff
	manualAfter string
)

// printManual prints the manual page, which lies in docs/man too.
func printManual(w io.Writer) error {
	page := cmdline.Page{
		Program: "cowfsck", Summary: "check and repair an XFS image",
		Before: manualBefore, Groups: flagGroups(), After: manualAfter,
	}
	return page.Manual(w)
}
