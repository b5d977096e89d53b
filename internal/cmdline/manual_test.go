package cmdline

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v3"
)

func TestManual(t *testing.T) {
	p := Page{
		Program: "mktest", Summary: "make a test-image", Before: ".SH SYNOPSIS\nmktest\n", After: ".SH SEE ALSO\nxfs(5)\n",
		Groups: []Group{{"All", []cli.Flag{
			&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: ".undo\\ too"},
			&cli.StringFlag{Name: "size", Usage: "make `SIZE` bytes"},
		}}},
	}
	var b strings.Builder
	if err := p.Manual(&b); err != nil {
		t.Fatal(err)
	}
	want := `.\" Made by mktest --man. Do not edit.
.TH MKTEST 8 "" "cowfs" "System Administration"
.SH NAME
mktest \- make a test\-image
.SH SYNOPSIS
mktest
.SH OPTIONS
.SS All
.TP
\fB\-\-force\fR, \fB\-f\fR
\&.undo\e too.
.TP
\fB\-\-size\fR \fIsize\fR
Make SIZE bytes.
.SH SEE ALSO
xfs(5)
`
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Error(d)
	}
}
