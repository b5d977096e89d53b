package shell

import (
	"slices"
	"strings"
	"sync"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/usage"
)

// form is a way to read the bytes at a position: as a block of a type, as a record of the log, or
// as bytes without a known meaning.
type form struct {
	name    string            // as command type takes it
	aliases []string          // what xfs_db calls it, where that differs
	block   *format.BlockType // nil for the other two
	table   *format.Struct    // nil: just bytes
}

// plain is the form of bytes without a known meaning, logForm that of a record of the log.
var (
	plain   = &form{name: "data", aliases: []string{"text"}}
	logForm = &form{name: "log", table: format.LogRecord}
)

// forms returns all forms, always the same.
var forms = sync.OnceValue(makeForms)

func makeForms() []*form {
	block := func(t *format.BlockType, name string, aliases ...string) *form {
		return &form{name, aliases, t, t.Table}
	}
	return []*form{
		block(format.TypeSuperblock, "sb"), block(format.TypeAGF, "agf"), block(format.TypeAGI, "agi"), block(format.TypeAGFL, "agfl"),
		block(format.TypeBnobt, "bnobt"), block(format.TypeCntbt, "cntbt"), block(format.TypeInobt, "inobt"), block(format.TypeFinobt, "finobt"),
		block(format.TypeRmapbt, "rmapbt"), block(format.TypeRefcount, "refcountbt", "refcntbt"), block(format.TypeBmbt, "bmbt", "bmapbtd", "bmapbta"),
		block(format.TypeInode, "inode"),
		block(format.TypeDirBlock, "dirblock"), block(format.TypeDirData, "dirdata"), block(format.TypeDirFree, "dirfree"),
		block(format.TypeDirLeaf1, "dirleaf1"), block(format.TypeDirLeafN, "dirleafn"), block(format.TypeDirNode, "dirnode"),
		block(format.TypeAttrNode, "attrnode"), block(format.TypeAttrLeaf, "attrleaf"), block(format.TypeAttrRmt, "attrrmt"),
		block(format.TypeSymlink, "symlink"), block(format.TypeDquot, "dquot", "dqblk"), logForm, plain,
	}
}

// formNames lists the names of all forms.
func formNames() []string {
	var out []string
	for _, f := range forms() {
		out = append(out, f.name)
	}
	return out
}

// formByName finds a form by its name or alias.
func formByName(name string) (*form, error) {
	for _, f := range forms() {
		if f.name == name || slices.Contains(f.aliases, name) {
			return f, nil
		}
	}
	return nil, usagef("%q: no type of structure%s; the types are %s", name, usage.Suggest(name, formNames()), strings.Join(formNames(), ", "))
}

// formOf is the form of a type of blocks, plain for nil.
func formOf(t *format.BlockType) *form {
	for _, f := range forms() {
		if t != nil && f.block == t {
			return f
		}
	}
	return plain
}

// title is what messages call a structure of the form.
func (f *form) title() string {
	if f.block != nil {
		return f.block.Name
	}
	if f == logForm {
		return "log record"
	}
	return "data"
}

// length is the number of bytes of the structure that b starts with, going by what it says of
// itself; it can be more than b has. Plain bytes have no length of their own: 0.
func (f *form) length(g *format.Geometry, b []byte) int {
	switch {
	case f.block != nil && len(b) >= f.block.Table.Size:
		return f.block.Len(g, b)
	case f == logForm && len(b) >= format.LogRecord.Size:
		payload := (min(int(format.LogLen.Get(b)), format.MaxLogRecord) + format.BasicBlock - 1) &^ (format.BasicBlock - 1)
		return format.LogHeaders(min(format.LogSize.Get(b), format.MaxLogRecord))*format.BasicBlock + payload
	case f.table != nil:
		return f.table.Size
	}
	return 0
}

// reach is how many bytes a structure of the form can have, of any form when f is nil.
func (f *form) reach(g *format.Geometry) int {
	switch {
	case f == nil:
	case f.block == format.TypeInode:
		return g.InodeSize
	case slices.Contains(headers[:], f.block):
		return g.SectSize
	}
	return max(g.BlockSize, g.DirBlockSize)
}

// headers are what the first sectors of a group hold, in their order.
var headers = [...]*format.BlockType{format.TypeSuperblock, format.TypeAGF, format.TypeAGI, format.TypeAGFL}

// verify judges the structure in b.
func (f *form) verify(g *format.Geometry, b []byte, at format.Place) error {
	switch {
	case f.block != nil:
		return format.Verify(g, f.block, b, at)
	case f == logForm:
		return format.VerifyLog(g, b)
	}
	return nil
}

// decode lists the fields of the structure in b.
func (f *form) decode(g *format.Geometry, b []byte) (format.Values, error) {
	switch {
	case f.block != nil:
		return f.block.Decode(g, b)
	case f.table != nil:
		return f.table.Decode(g, b)
	}
	return nil, nil
}

// within lists the fields of the structure in b that a full name stands for.
func (f *form) within(g *format.Geometry, b []byte, name string) format.Values {
	var vs format.Values // damage is found elsewhere
	switch {
	case f.block != nil:
		vs, _ = f.block.Within(g, b, name)
	case f.table != nil:
		vs, _ = f.table.Within(g, b, name)
	}
	return vs
}

// sum returns the checksum that b has and the one that it should have.
func (f *form) sum(b []byte) (got, want uint32, ok bool) {
	switch {
	case f.block != nil:
		return f.block.CRC.Get(b), format.Checksum(b, f.block.CRC), true
	case f == logForm:
		want, err := format.LogChecksum(b)
		return format.LogCRC.Get(b), want, err == nil
	}
	return 0, 0, false
}

// putSum stores a checksum.
func (f *form) putSum(b []byte, sum uint32) {
	if f.block != nil {
		f.block.CRC.Put(b, sum)
	} else if f == logForm {
		format.LogCRC.Put(b, sum)
	}
}
