package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/internal/oracle"
)

// someUUID makes images comparable.
const someUUID = "-m uuid=0c3b6e9a-1f52-4d87-9a6e-2b4c6d8e0f13"

var sizes = []string{
	"300m", "301m", "512m", "1000000000", "1g", "1234567890", "4g", "10g", "33g", "100g", "500g",
	"1t", "2t", "3t", "4t", "5t", "7777777777777", "12t", "17592186040320", // the longest file of ext4
}

// An empty image has the superblocks, group headers, log and root directory that mkfs.xfs 7.2
// makes with the same options. The differences that remain are explained: see unlike.
func TestEmptyEqualsMkfs(t *testing.T) {
	t.Parallel()
	type row struct{ size, args string }
	var rows []row
	for _, size := range sizes {
		rows = append(rows, row{size, ""})
	}
	for _, size := range []string{"400m", "20g", "6t"} {
		for _, bs := range []string{"1k", "2k", "8k", "16k", "32k", "64k"} {
			rows = append(rows, row{size, "-b size=" + bs})
		}
	}
	for _, v := range variants {
		if v.name != "agcount-1" { // which mkfs.xfs refuses
			rows = append(rows, row{"6g", v.args})
		}
	}
	for _, args := range []string{
		"-L label", "-L twelve-chars", "-d su=64k,sw=4 -l su=64k", "-d sunit=256,swidth=1024", "-d su=1m,sw=10 -b size=64k",
		"-s size=4096 -b size=4k", "-i maxpct=50", "-i perblock=4", "-l size=20000b", "-l agnum=1", "-d agcount=5 -b size=1k -l size=70m",
		"-c options=" + conf("lts_6.1"), "-c options=" + conf("lts_6.6"), "-c options=" + conf("lts_6.12"), "-c options=" + conf("lts_6.18"),
		"-m autofsck=none", "-m autofsck=check", "-d noalign",
	} {
		rows = append(rows, row{"9g", args})
	}
	for _, r := range rows {
		t.Run(strings.ReplaceAll(strings.TrimSpace(r.size+" "+r.args), "/", "_"), func(t *testing.T) {
			t.Parallel()
			args := strings.Fields(someUUID + " " + r.args)
			wantTable, want := mkfsXFS(t, r.size, args)
			gotTable, got := geometryOf(t, mkfsPath(), r.size, args)
			// It tells first which configuration files it has read.
			if wantTable = wantTable[strings.Index(wantTable, "meta-data="):]; wantTable != gotTable {
				t.Errorf("the table on stdout differs; want\n%sgot\n%s", wantTable, gotTable)
			}
			explained := []*regexp.Regexp{unlike}
			if strings.Contains(r.args, "autofsck") || strings.Contains(r.args, "options=") {
				explained = append(explained, unlikeCopies)
			} else {
				explained = append(explained, unlikeAutofsck)
			}
			compareFields(t, fields(t, want), fields(t, got), explained)
		})
	}
}

// conf is one of the files with options that come with xfsprogs.
func conf(name string) string {
	for _, dir := range []string{os.Getenv("COWFS_XFSPROGS"), cacheBin()} {
		p := filepath.Join(dir, "../root/usr/share/xfsprogs/mkfs", name+".conf")
		if _, err := os.Stat(p); err == nil {
			return p
		}
	}
	return name + ".conf"
}

func cacheBin() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "cowfs/xfsprogs/bin")
}

// mkfsXFS runs mkfs.xfs 7.2; see geometryOf.
func mkfsXFS(t *testing.T, size string, args []string) (table, image string) {
	t.Helper()
	return geometryOf(t, oracle.Tool(t, "mkfs.xfs", oracle.Gen7), size, args)
}

// geometryOf makes an empty image in a file that is there and returns the table on stdout and
// the image's path.
func geometryOf(t *testing.T, program, size string, args []string) (table, image string) {
	t.Helper()
	dir := t.TempDir()
	image = filepath.Join(dir, "image")
	oracle.MustRun(t, "truncate", "--size", strings.ToUpper(size), image)
	cmd := exec.Command(program, append(slices.Clone(args), "image")...)
	cmd.Dir = dir
	r := oracle.RunCmd(t, cmd)
	if r.Exit != 0 {
		t.Fatalf("%v: exit %d\n%s%s", cmd.Args, r.Exit, r.Stdout, r.Stderr)
	}
	return r.Stdout, image
}

// fields returns what xfs_db 7.2 prints of all headers, in order, as "structure field = value".
func fields(t *testing.T, image string) []string {
	t.Helper()
	db := oracle.Tool(t, "xfs_db", oracle.Gen7)
	sb := oracle.MustRun(t, db, "-r", "-c", "sb 0", "-c", "p agcount logstart rootino", image)
	var groups, logStart, root uint64
	if _, err := fmt.Sscanf(sb, "agcount = %d\nlogstart = %d\nrootino = %d", &groups, &logStart, &root); err != nil {
		t.Fatalf("%q: %v", sb, err)
	}
	// The fields that point to a tree; one that a feature brings may not be there.
	type pointer struct{ header, field string }
	roots := []pointer{{"agf", "bnoroot"}, {"agf", "cntroot"}, {"agi", "root"}}
	optional := oracle.MustRun(t, db, "-r", "-c", "agf 0", "-c", "p rmaproot refcntroot", "-c", "agi 0", "-c", "p free_root", image)
	for _, p := range []pointer{{"agf", "rmaproot"}, {"agf", "refcntroot"}, {"agi", "free_root"}} {
		if regexp.MustCompile(p.field + ` = [1-9]`).MatchString(optional) {
			roots = append(roots, p)
		}
	}
	type place struct{ name, goTo string }
	var places []place
	add := func(name, goTo string) { places = append(places, place{name, goTo}) }
	for ag := range groups {
		for _, s := range []string{"sb", "agf", "agi", "agfl"} {
			add(fmt.Sprint(s, " ", ag), fmt.Sprint(s, " ", ag))
		}
		for _, root := range roots {
			add(fmt.Sprint(root.field, " ", ag), fmt.Sprintf("%s %d\naddr %s", root.header, ag, root.field))
		}
	}
	for i, name := range []string{"root directory", "realtime bitmap", "realtime summary"} {
		add(name, fmt.Sprint("inode ", root+uint64(i)))
	}
	add("log", fmt.Sprintf("fsblock %d\ntype text", logStart))
	var script strings.Builder
	for i, p := range places {
		fmt.Fprintf(&script, "echo PLACE %d\n%s\nprint\n", i, p.goTo)
	}
	cmd := exec.Command(db, "-r", image)
	cmd.Stdin = strings.NewReader(script.String())
	var out []string
	at := ""
	for line := range strings.Lines(oracle.RunCmd(t, cmd).Stdout) {
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "xfs_db>"))
		var i int
		if _, err := fmt.Sscanf(line, "PLACE %d", &i); err == nil {
			at = places[i].name
			continue
		}
		if line != "" {
			out = append(out, at+" "+line)
		}
	}
	return out
}

// unlike matches the fields in which an image may differ from that of mkfs.xfs: checksums and
// times; generation numbers, which mkfs.xfs draws at random; and the change counters of inodes,
// which tell in how many steps mkfs.xfs made them.
var unlike = regexp.MustCompile(`^(.*\bcrc = 0x[0-9a-f]+ \(correct\)|(root|real).* (core\.[acm]time|v3\.crtime)\.n?sec = .*|(root|real).* (core\.gen|v3\.change_count) = .*)$`)

// unlikeAutofsck matches what the property autofsck=repair changes, which mkfs.xfs gives to
// the root directory unasked and mkcowfs with -m autofsck= only.
var unlikeAutofsck = regexp.MustCompile(`^root directory (core\.forkoff|core\.aformat|a\.sfattr\..*) = .*$`)

// unlikeCopies matches the attribute bit in the copies of the superblock. When the property is
// the only attribute, mkfs.xfs sets the bit after it has made the copies.
var unlikeCopies = regexp.MustCompile(`^sb [1-9]\d* versionnum = 0xb[4-5c-d][ab]5$`)

func compareFields(t *testing.T, want, got []string, explained []*regexp.Regexp) {
	t.Helper()
	if len(want) < 100 {
		t.Fatalf("xfs_db prints only %d fields:\n%s", len(want), strings.Join(want, "\n"))
	}
	known := func(lines []string) map[string]bool {
		m := make(map[string]bool)
		for _, l := range lines {
			m[l] = true
		}
		return m
	}
	report := func(kind string, lines []string, other map[string]bool) {
		n := 0
		for _, l := range lines {
			if other[l] || slices.ContainsFunc(explained, func(r *regexp.Regexp) bool { return r.MatchString(l) }) {
				continue
			}
			if n++; n > 20 {
				t.Errorf("%s: and more", kind)
				return
			}
			t.Errorf("%s: %s", kind, l)
		}
	}
	report("mkfs.xfs has", want, known(got))
	report("mkcowfs has ", got, known(want))
}
