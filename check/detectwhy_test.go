package check_test

import (
	"path"
	"strings"
)

// difference is something that xfs_repair -n complains about and we do not, with the reason.
type difference struct {
	structure, field string
	complaint        string // part of xfs_repair's first line
	why              string
}

// differences are all there are.
var differences = []difference{}

// explained is the reason why we need not find what xfs_repair has found.
func explained(c fieldCase, complaints []string) string {
	for _, e := range differences {
		if e.structure == c.structure() && (e.field == "" || e.field == c.field.Name) && strings.Contains(complaints[0], e.complaint) {
			return e.why
		}
	}
	return ""
}

// silentFields are those that nobody finds wrong, as patterns of "structure: field".
var silentFields = []struct {
	why    string
	fields []string
}{
	{"any value is legal, and nothing else in the image depends on it: owners, versions, labels, contents", []string{
		"inode: core.uid", "inode: core.gid", "inode: core.projid_*", "inode: v3.change_count", "*superblock: fname",
		"inode: a.sfattr.list*.value", "attribute leaf block: nvlist*.value", "remote attribute block: data",
	}},
	{"times: any is legal", []string{"inode: core.?time*", "inode: v3.crtime*"}},
	{"when a structure was last written: any place of the log is legal that is not ahead of its head", []string{"*: *lsn"}},
	{"what a copy of the superblock counts is as old as the copy; only what is impossible is found", []string{
		"secondary superblock: *count", "secondary superblock: ifree", "secondary superblock: fdblocks", "secondary superblock: inprogress",
	}},
	{fewValues, nil},
	{"a search goes by the rest of the key, and nobody reads this", []string{"bnobt node: keys*.blockcount"}},
}

// fewValues is the reason where a longer run would find something.
const fewValues = "few values were tried, and these are legal ones, or were so on the image at hand"

// reason is why nobody finds the values of a field wrong.
func reason(r *detectionRow) string {
	for _, s := range silentFields {
		for _, pattern := range s.fields {
			if ok, err := path.Match(pattern, r.Structure+": "+r.Field); ok && err == nil {
				return s.why
			}
		}
	}
	return ""
}
