package xfsdb

import (
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/oracle"
)

// Run runs xfs_db on an image with one group of commands for each of the places, and returns
// what each group printed.
func Run(t testing.TB, image string, groups [][]string) []string {
	t.Helper()
	var script strings.Builder
	for i, g := range groups {
		fmt.Fprintf(&script, "echo ====%d\n%s\n", i, strings.Join(g, "\n"))
	}
	cmd := exec.Command(oracle.Tool(t, "xfs_db", oracle.Gen7), "-r", image)
	cmd.Stdin = strings.NewReader(script.String())
	r := oracle.RunCmd(t, cmd)
	parts := regexp.MustCompile(`(?m)^(?:xfs_db> )*====\d+ *\n`).Split(r.Stdout, -1)
	if len(parts) != len(groups)+1 {
		t.Fatalf("xfs_db answered %d of %d questions:\n%s%s", len(parts)-1, len(groups), r.Stdout, r.Stderr)
	}
	return parts[1:]
}

var (
	dbTable = regexp.MustCompile(`^(.*)\[(\d+)(?:-\d+)?\] = \[(.*)\] *$`)
	dbRow   = regexp.MustCompile(`^(\d+):\[(.*)\] *$`)
	dbArray = regexp.MustCompile(`^(.*)\[(\d+)(?:-(\d+))?\] = *(.*?) *$`)
)

// Parse reads what xfs_db's print wrote as names and values. Indices that xfs_db counts from
// 1 come back counted from 0.
func Parse(out string) map[string]string {
	vals := map[string]string{}
	var array string
	var cols []string
	for _, line := range strings.Split(out, "\n") {
		line = strings.TrimPrefix(line, "xfs_db> ")
		if m := dbTable.FindStringSubmatch(line); m != nil {
			array, cols = m[1], strings.Split(m[3], ",")
		} else if m := dbRow.FindStringSubmatch(line); m != nil && array != "" {
			for i, v := range strings.Split(m[2], ",") {
				vals[element(array, m[1])+"."+cols[i]] = v
			}
		} else if m := dbArray.FindStringSubmatch(line); m != nil {
			for _, pair := range strings.Fields(m[4]) {
				i, v, many := strings.Cut(pair, ":")
				if !many {
					i, v = m[2], pair
				}
				vals[element(m[1], i)] = v
			}
		} else if name, v, ok := strings.Cut(line, " = "); ok {
			vals[name] = v
		}
	}
	return vals
}

// element is the name of an array's element with its index counted from 0.
func element(array, i string) string {
	n, _ := strconv.Atoi(i)
	switch last := array[strings.LastIndexByte(array, '.')+1:]; last {
	case "recs", "keys", "ptrs":
		n--
	}
	return fmt.Sprintf("%s[%d]", array, n)
}

// Compare compares our values of a structure with xfs_db's, and returns the differences. Each
// name that one side has and the other has not is a difference, too, unless it is known.
func Compare(ours format.Values, db map[string]string) []string {
	var diffs []string
	seen := map[string]bool{}
	for _, v := range ours {
		for _, e := range expected(v) {
			got, ok := db[e.name]
			seen[e.name] = true
			if got == "" && e.zero {
				continue // xfs_db leaves these out
			}
			if !ok || !e.same(got) {
				diffs = append(diffs, fmt.Sprintf("%s: we have %.200s (%s), xfs_db %.200q", e.name, v, v.Name, got))
			}
		}
	}
	for name, v := range db {
		if !seen[name] && !onlyDB.MatchString(name) {
			diffs = append(diffs, fmt.Sprintf("%s: only xfs_db has it: %q", name, v))
		}
	}
	return diffs
}

// onlyDB matches what xfs_db prints of things that are in no field: an empty fork, a flag of newer
// kernels, padding, and bytes of unused ranges in directories. What of this we have is compared all the same.
var onlyDB = regexp.MustCompile(`^(u3|a|pad|u3\.dev|v3\.metadata|[bd]u\[\d+\]\.(filler|filetype))$`)

// omitted are names that xfs_db leaves out where the feature that they belong to is off.
var omitted = map[string]bool{"rmaproot": true, "refcntroot": true, "rtstart": true, "rtreserved": true}

// expectation is what xfs_db should print for one of our values.
type expectation struct {
	name string
	zero bool // a null or zero value that xfs_db leaves out
	same func(got string) bool
}

// flagsDB says which of our masks xfs_db prints as a field for each bit, next to the mask.
var flagsDB = regexp.MustCompile(`^(core\.flags|v3\.flags2|a\.sfattr\.list\[\d+\]\.flags|entries\[\d+\]\.flags)$`)

// expected says under which names, and how, xfs_db prints one of our values.
func expected(v format.Value) []expectation {
	name := v.Name
	if strings.HasPrefix(name, "nbtree") || strings.HasPrefix(name, "nhdr.") {
		name = strings.TrimPrefix(name, "n") // in attribute forks; the caller puts it back for directories
	}
	switch {
	case name == "v3.cowroot", v.Kind == format.Pad: // ours alone
		return nil
	case strings.HasPrefix(name, "diskdq.") && strings.HasSuffix(name, "timer"): // seconds here, a time there on volumes with bigtime
		at := time.Unix(int64(v.Num), 0).UTC().Format(time.ANSIC)
		return []expectation{{name: name, same: func(got string) bool { return got == at || got == v.String() }}}
	case name == "diskdq.id": // printed as if it had a sign
		return []expectation{{name: name, same: func(got string) bool { return got == strconv.Itoa(int(int32(v.Num))) }}}
	case v.Kind == format.Time || v.Kind == format.BigTime:
		at := format.DecodeTime(v.Num, v.Kind == format.BigTime)
		return []expectation{
			{name: name + ".sec", same: func(got string) bool { return got == at.Format(time.ANSIC) }},
			{name: name + ".nsec", same: func(got string) bool { return got == strconv.Itoa(at.Nanosecond()) }},
		}
	case flagsDB.MatchString(name):
		return expectedBits(name, v)
	}
	return []expectation{{
		name: name,
		zero: (v.Num == 0 || v.IsNull()) && (strings.HasSuffix(name, "]") || omitted[name]),
		same: func(got string) bool { return sameValue(v, got) },
	}}
}

// expectedBits are the fields that xfs_db has for the bits of a mask.
func expectedBits(name string, v format.Value) []expectation {
	var out []expectation
	base := name[:strings.LastIndexByte(name, '.')+1]
	if name == "v3.flags2" {
		out = append(out, expectation{name: name, same: func(got string) bool { return sameValue(v, got) }})
	}
	set := map[string]bool{}
	for _, n := range strings.Split(v.Note, ", ") {
		set[n] = true
	}
	for _, bit := range bitNames[strings.Split(name, "[")[0]] {
		out = append(out, expectation{name: base + bit, same: func(got string) bool { return got == strconv.Itoa(boolInt(set[bit])) }})
	}
	return out
}

var bitNames = map[string][]string{
	"core.flags": {"newrtbm", "prealloc", "realtime", "immutable", "append", "sync", "noatime", "nodump", "rtinherit",
		"projinherit", "nosymlinks", "extsz", "extszinherit", "nodefrag", "filestream"},
	"v3.flags2":     {"reflink", "cowextsz", "dax", "bigtime", "nrext64"},
	"a.sfattr.list": {"root", "secure", "parent"},
	"entries":       {"incomplete", "root", "secure", "local", "parent"},
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// sameValue compares a value of ours with what xfs_db printed, whatever the base.
func sameValue(v format.Value, got string) bool {
	if v.Bits == 0 && v.Kind == format.Text {
		return strings.TrimRight(unescape(got), "\x00") == strings.TrimRight(string(v.Bytes), "\x00")
	}
	got, note, _ := strings.Cut(got, " (")
	if v.Kind == format.CRC {
		return got == v.String() && note == v.Note+")"
	}
	switch {
	case v.Bits == 0:
		return got == v.String()
	case got == "null":
		return v.IsNull() || v.Num == 0 // quota inodes are null in either form
	case v.Kind == format.Owner:
		return got == strconv.FormatInt(int64(v.Num), 10)
	}
	n, err := strconv.ParseUint(got, 0, 64)
	return err == nil && n == v.Num
}

var octal = regexp.MustCompile(`\\([0-7]{3})|\\(.)`)

// unescape reads a string that xfs_db printed in quotes.
func unescape(s string) string {
	s = strings.TrimSuffix(strings.TrimPrefix(s, `"`), `"`)
	return octal.ReplaceAllStringFunc(s, func(m string) string {
		if n, err := strconv.ParseUint(m[1:], 8, 8); err == nil && len(m) == 4 {
			return string([]byte{byte(n)})
		}
		if c := m[1]; 'a' <= c && c <= 'g' { // how xfs_db writes BEL to CR
			return string([]byte{c - 'a' + 7})
		}
		return m[1:]
	})
}

// DirNode gives the names in a directory's node the form that they have in an attribute fork's.
func DirNode(db map[string]string) map[string]string {
	out := map[string]string{}
	for name, v := range db {
		out[strings.TrimPrefix(name, "n")] = v
	}
	return out
}

// Types are the names of types in xfs_db.
var Types = map[*format.BlockType]string{
	format.TypeBnobt: "bnobt", format.TypeCntbt: "cntbt", format.TypeInobt: "inobt", format.TypeFinobt: "finobt",
	format.TypeRmapbt: "rmapbt", format.TypeRefcount: "refcntbt", format.TypeBmbt: "bmapbtd",
	format.TypeAttrLeaf: "attr3", format.TypeAttrNode: "attr3", format.TypeAttrRmt: "attr3",
	format.TypeDirBlock: "dir3", format.TypeDirData: "dir3", format.TypeDirFree: "dir3",
	format.TypeDirLeaf1: "dir3", format.TypeDirLeafN: "dir3", format.TypeDirNode: "dir3",
}
