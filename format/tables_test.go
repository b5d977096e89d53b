package format

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// tables lists every field table of the package. TestTablesComplete keeps the list so.
var tables = []*Struct{
	Superblock, AGF, AGI, AGFL, agflSlot,
	ShortBlock, LongBlock, RootBlock, ShortPtr, LongPtr,
	FreeRec, InobtRec, InobtRecFull, InobtKey, RmapRec, RmapKey, RefcountRec, RefcountKey, BmbtRec, BmbtKey,
	Dinode, devFork, DirSF, DirSFEntry, ino4, ino8, ftypeField, AttrSF, AttrSFEntry, ParentRec,
	DirData, DirBlock, DirEntry, DirUnused, dirTag, DirBlockTail, DirLeaf, DirLeafEntry, dirLeafTail, dirBest, DirFree,
	DaInfo, DaNode, DaNodeEntry,
	AttrLeaf, AttrEntry, AttrLocalName, attrParentName, AttrRemoteName, AttrRmt, Symlink,
	Dquot, ACL, ACLEntry,
	LogRecord, LogExtHeader, LogOp, LogUnmount,
	LogTrans, LogDone, LogInode, LogDinode, LogBuf, logBufWord, LogEFI, LogFreeExtent, LogRUI, LogBUI, LogMapExtent,
	LogCUI, LogRefExtent, LogAttrI, LogXMI, LogICreate, LogDquot, LogQuotaOff,
	Metadump1, Metadump2, MetadumpExtent,
}

// makers are the functions that make a table; those of variable length are made on demand.
var makers = map[string]bool{
	"newStruct": true, "dirHeader": true, "dirDataHeader": true, "daHeader": true, "remoteHeader": true, "littleCopy": true,
	"logItem": true, "intent": true,
}

// TestTablesComplete compares the list of tables with the package's source: every package-level
// variable that a table maker sets must be in it.
func TestTablesComplete(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, s := range g.Specs {
				for _, v := range s.(*ast.ValueSpec).Values {
					if makesTable(v) {
						n++
					}
				}
			}
		}
	}
	if n != len(tables) {
		t.Errorf("the source declares %d tables, the list has %d", n, len(tables))
	}
	seen := map[string]bool{}
	for _, s := range tables {
		if seen[s.Name] {
			t.Errorf("two tables are called %q", s.Name)
		}
		seen[s.Name] = true
	}
}

func makesTable(v ast.Expr) bool {
	switch e := v.(type) {
	case *ast.CallExpr:
		id, ok := e.Fun.(*ast.Ident)
		return ok && makers[id.Name]
	case *ast.UnaryExpr:
		lit, ok := e.X.(*ast.CompositeLit)
		if !ok {
			return false
		}
		id, ok := lit.Type.(*ast.Ident)
		return ok && id.Name == "Struct"
	}
	return false
}

// Every bit of a structure is claimed by exactly one field or declared padding. Fields with a
// condition are variants of a union: they may lie over each other, but not over others.
func TestCoverage(t *testing.T) {
	for _, s := range tables {
		if err := coverage(s); err != nil {
			t.Error(err)
		}
	}
}

func coverage(s *Struct) error {
	owner := make([]*Field, 8*s.Size)
	for i := range s.Fields {
		f := &s.Fields[i]
		first, last := 8*f.Off, 8*(f.Off+f.Size*f.Count)
		if f.Bits != 0 {
			first = 8*f.Off + f.Bit
			last = first + f.Bits
		}
		if first < 0 || last > len(owner) || first >= last {
			return fmt.Errorf("%s: %s: bits %d to %d lie outside", s.Name, f.Name, first, last)
		}
		for bit := first; bit < last; bit++ {
			if o := owner[bit]; o != nil && (o.When == nil || f.When == nil) {
				return fmt.Errorf("%s: byte %d: both %s and %s", s.Name, bit/8, o.Name, f.Name)
			}
			owner[bit] = f
		}
	}
	for bit, o := range owner {
		if o == nil {
			return fmt.Errorf("%s: byte %d, bit %d: no field", s.Name, bit/8, bit%8)
		}
	}
	return nil
}

// Names are unique among the fields that can be there together.
func TestNamesUnique(t *testing.T) {
	for _, s := range tables {
		seen := map[string]*Field{}
		for i := range s.Fields {
			f := &s.Fields[i]
			if o := seen[f.Name]; o != nil && (o.When == nil || f.When == nil) {
				t.Errorf("%s: two fields are called %q", s.Name, f.Name)
			}
			seen[f.Name] = f
		}
	}
}
