package oracle

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/format"
)

// quiet matches the lines that xfs_repair -n prints about a healthy image, in either
// generation. Any other line is a complaint.
var quiet = regexp.MustCompile(`^(` + strings.Join([]string{
	`Only one AG detected - cannot validate filesystem geometry\.`, // see Repair
	`Phase \d - .*`,
	`No modify flag set, skipping (phase 5|filesystem flush and exiting\.)`,
	// On standard error, for an image in a file whose host is not XFS.
	`Cannot get host filesystem geometry\.`,
	`Repair may fail if there is a sector size mismatch between`,
	`the image and the host filesystem\.`,
	`        - zero log\.\.\.`,
	`        - scan filesystem freespace and inode maps\.\.\.`,
	`        - found root inode chunk`,
	`        - scan \(but don't clear\) agi unlinked lists\.\.\.`,
	`        - process known inodes and perform inode discovery\.\.\.`,
	`        - agno = \d+`,
	`        - process newly discovered inodes\.\.\.`,
	`        - setting up duplicate extent list\.\.\.`,
	`        - check for inodes claiming duplicate blocks\.\.\.`,
	`        - traversing filesystem \.\.\.`,
	`        - traversal finished \.\.\.`,
	`        - moving disconnected inodes to lost\+found \.\.\.`,
	// With a stripe unit it tells how far it is.
	`        - reporting progress in intervals of 15 minutes`,
	`        - \d\d:\d\d:\d\d: [a-z ]+ - \d+ of \d+ [a-z ]+ done`,
	``,
}, "|") + `)$`)

// Repair runs xfs_repair -n on an image and returns its complaints. No complaint and exit
// code 0 is the only healthy answer; a non-zero exit is a complaint too.
func Repair(t testing.TB, gen Gen, image string) []string {
	t.Helper()
	return RepairWithin(context.Background(), t, gen, image)
}

// RepairWithin is Repair for damaged images, on which xfs_repair may go on for ever: the end of
// the context ends it, which is a complaint as well.
func RepairWithin(ctx context.Context, t testing.TB, gen Gen, image string) []string {
	t.Helper()
	args := []string{"-n", image}
	if groups(t, image) == 1 {
		// It has no second superblock to compare with, and would refuse to look further.
		args = append([]string{"-o", "force_geometry"}, args...)
	}
	r := RunCmd(t, exec.CommandContext(ctx, Tool(t, "xfs_repair", gen), args...))
	complaints := repairComplaints(r.Stderr + r.Stdout)
	if r.Exit != 0 {
		complaints = append(complaints, fmt.Sprintf("exit code %d", r.Exit))
	}
	return complaints
}

// groups returns the number of allocation groups that the superblock states.
func groups(t testing.TB, image string) uint32 {
	t.Helper()
	f, err := os.Open(image)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sb := make([]byte, format.Superblock.Size)
	if _, err := f.ReadAt(sb, 0); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return format.SBAGCount.Get(sb)
}

func repairComplaints(output string) []string {
	var out []string
	for lines := bufio.NewScanner(strings.NewReader(output)); lines.Scan(); {
		if !quiet.MatchString(lines.Text()) {
			out = append(out, lines.Text())
		}
	}
	return out
}

// RepairClean fails the test unless xfs_repair -n of that generation finds nothing at all.
func RepairClean(t testing.TB, gen Gen, image string) {
	t.Helper()
	if complaints := Repair(t, gen, image); len(complaints) > 0 {
		t.Errorf("xfs_repair -n (%v) complains about %s:\n%s", gen, image, firstLines(complaints))
	}
}

// maxLines bounds what one failure prints: the first differences tell, the rest is noise.
const maxLines = 20

func firstLines(lines []string) string {
	rest := ""
	if len(lines) > maxLines {
		rest = fmt.Sprintf("\n... and %d more lines", len(lines)-maxLines)
		lines = lines[:maxLines]
	}
	return strings.Join(lines, "\n") + rest
}
