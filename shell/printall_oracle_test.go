package shell

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/internal/bigtree"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/internal/oracle/xfsdb"
	"github.com/cowfs/cowfs/internal/oracle/zoo"
	"github.com/cowfs/cowfs/volume"
)

// coverage is what has been compared with xfs_db.
type coverage struct {
	sorts   map[string]int  // structures, see sortOf
	tables  map[string]bool // of package format
	dbTypes map[string]bool // as command type of xfs_db names them
}

func newCoverage() *coverage {
	return &coverage{map[string]int{}, map[string]bool{}, map[string]bool{}}
}

// sortOf tells structures apart that look different.
func sortOf(f *form, b []byte) string {
	switch t := f.block; {
	case t == format.TypeInode:
		mode := format.DiMode.Get(b)
		if mode == 0 {
			return "inode free"
		}
		kind := fmt.Sprintf("inode %v %v", format.FTypeOf(mode), format.DiFormat.Get(b))
		if format.DiForkOff.Get(b) != 0 {
			kind += fmt.Sprintf(" attr %v", format.DiAFormat.Get(b))
		}
		return kind
	case t != nil && (t.Table == format.ShortBlock || t.Table == format.LongBlock):
		if format.ShortLevel.Get(b) > 0 {
			return f.name + " node"
		}
		return f.name + " leaf"
	}
	return f.name
}

func (c *coverage) note(g *format.Geometry, w way, p *position, b []byte) {
	c.sorts[sortOf(p.form, b)]++
	c.table(g, p.form.table, b)
	name := p.form.name
	if db, ok := xfsdb.Types[p.form.block]; ok {
		name = db
	}
	c.dbTypes[name] = true
	if name, ok := strings.CutPrefix(w.theirs[len(w.theirs)-1], "type "); ok {
		c.dbTypes[name] = true
	}
}

// table notes a table and those of its parts.
func (c *coverage) table(g *format.Geometry, s *format.Struct, b []byte) {
	c.tables[s.Name] = true
	if s.Parts == nil {
		return
	}
	parts, _ := s.Parts(g, b)
	for _, p := range parts {
		c.table(g, p.Table, b[p.Off:p.Off+p.Len])
	}
}

// waysEverywhere are ways to structures of an image: of each kind the first few.
func waysEverywhere(t *testing.T, s *Session) []way {
	t.Helper()
	const each = 4
	g := s.Vol.Geo
	seen := map[string]int{}
	var ways []way
	add := func(f *form, b []byte, ours, theirs string) {
		parts := newCoverage()
		parts.table(g, f.table, b)
		kind := fmt.Sprint(sortOf(f, b), parts.tables)
		if strings.HasSuffix(theirs, "bmapbta") {
			kind += " of attributes"
		}
		if seen[kind]++; seen[kind] <= each {
			ways = append(ways, way{strings.Split(ours, "; "), strings.Split(theirs, "; ")})
		}
	}
	for m, err := range s.Vol.Metadata(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		b, err := s.Vol.ReadMeta(m)
		if err != nil {
			t.Fatal(err)
		}
		off := m.Ranges[0].Off
		switch bt := m.Detect(g, b); {
		case bt == nil:
			t.Fatalf("metadata at byte %d of no type", off)
		case bt == format.TypeInode:
			for ; len(b) > 0; off, b = off+int64(g.InodeSize), b[g.InodeSize:] {
				ino := format.DiIno.Get(b)
				add(formOf(bt), b[:g.InodeSize], fmt.Sprintf("inode -q %d", ino), fmt.Sprintf("inode %d", ino))
			}
		case slices.Contains(headers[:], bt):
			name := formOf(bt).name
			add(formOf(bt), b, fmt.Sprintf("%s -q %d", name, m.At.AG), fmt.Sprintf("%s %d", name, m.At.AG))
		case xfsdb.Types[bt] != "" && bt.Table == format.ShortBlock || bt.Table == format.LongBlock:
			block := off >> g.BlockLog
			fsb := g.FSB(format.AGNumber(block/int64(g.AGBlocks)), format.AGBlock(block%int64(g.AGBlocks)))
			theirs := xfsdb.Types[bt]
			if m.Attr {
				theirs = "bmapbta"
			}
			add(formOf(bt), b, fmt.Sprintf("block -q %d", fsb), fmt.Sprintf("fsblock %d; type %s", fsb, theirs))
		}
	}
	for i, err := range s.Vol.Inodes(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for which, command := range map[inode.Which]string{inode.Data: "dblock", inode.Attr: "ablock"} {
			if which == inode.Attr || i.IsDir() || i.IsLink() || s.isQuota(i.Ino) {
				for _, off := range forkOffsets(t, s, i, which) {
					p, err := s.atFork(i.Ino, which, off)
					if err != nil {
						t.Fatal(err)
					}
					b, err := s.bytes(&p)
					if err != nil {
						t.Fatal(err)
					}
					theirs := fmt.Sprintf("inode %d; %s %d", i.Ino, command, off)
					if p.form.block == format.TypeDquot {
						add(p.form, b, "dquot -q 3", "dquot -u 3")
						theirs += "; type dqblk"
					}
					add(p.form, b, fmt.Sprintf("inode -q %d; %s -q %d", i.Ino, command, off), theirs)
				}
			}
		}
	}
	return ways
}

// forkOffsets are those at which structures begin in a fork.
func forkOffsets(t *testing.T, s *Session, i *inode.Inode, which inode.Which) []format.FileOff {
	t.Helper()
	fork, err := i.Fork(which)
	if err != nil {
		t.Fatal(err)
	}
	unit := format.FileOff(1)
	if which == inode.Data && i.IsDir() {
		unit = format.FileOff(s.Vol.Geo.DirBlocks())
	}
	var out []format.FileOff
	for m, err := range fork.All() {
		if err != nil {
			t.Fatal(err)
		}
		for k := range format.FileOff(m.Count) {
			if at := m.Off + k; at%unit == 0 && (k == 0 || !i.IsLink()) {
				out = append(out, at)
			}
		}
	}
	return out
}

// oldImage is an image without today's features, with quotas, and with trees of more than one level.
func oldImage(t *testing.T) string {
	t.Helper()
	path := bareImage(t, 320<<20, "-b", "size=1024", "-m", "bigtime=0,inobtcount=0", "-i", "nrext64=0,sparse=0,exchange=0", "-n", "parent=0")
	m := oracle.Mount(t, path, oracle.MountOptions{})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	at := func(name string) string { return filepath.Join(m.Dir, name) }
	must(os.Mkdir(at("zoo"), 0o755))
	zoo.Small(t, at("zoo"))
	must(bigtree.Sparse(at("sparse"), 8<<20, 100, 4096))
	must(os.Symlink(strings.Repeat("long/", 150), at("long")))
	for _, d := range []struct {
		name  string
		names int
	}{{"block", 30}, {"leaf", 200}, {"many", 4200}} {
		must(os.Mkdir(at(d.name), 0o755))
		must(bigtree.Names(at(d.name), d.names))
	}
	for n := 0; n < 4200; n += 20 { // so that most chunks have free inodes
		must(os.Remove(at(fmt.Sprintf("many/entry-number-%08d-of-many", n))))
	}
	must(os.WriteFile(at("quota"), make([]byte, 1024), 0o600))
	for _, name := range []string{"one", "two"} { // attributes of both in turns, so that their forks are in pieces
		must(os.WriteFile(at(name), []byte("content"), 0o644))
	}
	for n := range 60 {
		for _, name := range []string{"one", "two"} {
			must(unix.Setxattr(at(name), fmt.Sprintf("user.attribute-%d", n), bytes.Repeat([]byte("value"), 40), 0))
		}
	}
	must(unix.Mknod(at("null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
	must(unix.Setxattr(at("null"), "trusted.attribute", []byte("of a device"), 0))
	m.Unmount()
	makeQuota(t, path)
	return path
}

// makeQuota makes /quota of an image the file of users' quotas. (Not every kernel has quotas.)
func makeQuota(t *testing.T, path string) {
	t.Helper()
	s := readerOn(t, path, true)
	i, err := s.Vol.Lookup("/quota")
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.atFork(i.Ino, inode.Data, 0)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, s.Vol.Geo.BlockSize)
	for id := range b[:len(b)/format.Dquot.Size] {
		q := b[id*format.Dquot.Size:][:format.Dquot.Size]
		for n := range q[8:96] {
			q[8+n] = byte(n * (id + 1))
		}
		format.DquotMagicNum.Put(q, format.DquotMagic)
		format.DquotVersionN.Put(q, format.DquotVersion)
		format.DquotTypeMask.Put(q, format.DquotUser)
		format.DquotID.Put(q, uint32(id))
		format.DquotUUID.Put(q, s.Vol.Geo.MetaUUID)
		clear(q[68:72])
		format.TypeDquot.SetChecksum(q)
	}
	if err := patchRaw(s.Raw, []volume.Patch{{Off: p.start(), Data: b}}); err != nil {
		t.Fatal(err)
	}
	for _, words := range [][]string{{"sb", "-q"}, {"set", "uquotino", fmt.Sprint(i.Ino)}, {"set", "versionnum", fmt.Sprintf("%#x", s.Vol.Geo.Version|format.VersionQuota)}} {
		if err := s.Run(t.Context(), words); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Vol.Close(); err != nil {
		t.Fatal(err)
	}
}

// farImage is an image so large that numbers of inodes have more than 32 bits.
func farImage(t *testing.T) string {
	t.Helper()
	path := bareImage(t, 8<<40, "-l", "size=64m")
	m := oracle.Mount(t, path, oracle.MountOptions{})
	for n := range 12 { // in another group each
		if err := os.MkdirAll(filepath.Join(m.Dir, fmt.Sprintf("far-%d/away", n)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	m.Unmount()
	return path
}

// bareImage makes an empty image with mkfs.xfs.
func bareImage(t *testing.T, size int64, options ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	oracle.MustRun(t, oracle.Tool(t, "mkfs.xfs", oracle.Gen7), append(append([]string{"-q"}, options...), path)...)
	return path
}

// everySort is what must have been compared.
var everySort = []string{
	"sb", "agf", "agi", "agfl",
	"bnobt leaf", "bnobt node", "cntbt leaf", "cntbt node", "inobt leaf", "inobt node", "finobt leaf", "finobt node",
	"rmapbt leaf", "rmapbt node", "refcountbt leaf", "refcountbt node", "bmbt leaf", "bmbt node",
	"inode free", "inode regular extents", "inode regular btree", "inode directory local", "inode directory extents", "inode directory btree",
	"inode symlink local", "inode symlink extents", "inode char dev", "inode block dev", "inode fifo dev", "inode socket dev",
	"inode regular extents attr local", "inode regular extents attr extents", "inode regular extents attr btree", "inode regular btree attr extents",
	"inode char dev attr local", "inode symlink local attr local", "inode directory local attr local",
	"dirblock", "dirdata", "dirfree", "dirleaf1", "dirleafn", "dirnode", "attrleaf", "attrnode", "attrrmt", "symlink", "dquot",
}

// notFields are types of xfs_db that are no structures with fields, or that no image has which we read.
var notFields = regexp.MustCompile(`^(data|text|inodata|log|rt.*|rg.*)$`)

// notPrinted are tables of what xfs_db does not print by fields, and of what others have as their beginning.
var notPrinted = regexp.MustCompile(`^(log.*|metadump.*|acl|aclentry|dainfo)$`)

// complete tells what is missing: a kind, a table of package format, or a type of xfs_db.
func (c *coverage) complete(t *testing.T, types []string) {
	t.Helper()
	t.Log(c.sorts)
	for _, k := range everySort {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(c.sorts)), func(s string) bool { return s == k || strings.HasPrefix(s, k+" attr ") }) {
			t.Errorf("no %s was compared", k)
		}
	}
	names := tableNames(t)
	for _, name := range names {
		if !c.tables[name] && !notPrinted.MatchString(name) {
			t.Errorf("nothing with table %q was compared", name)
		}
	}
	if len(types) < 25 {
		t.Errorf("xfs_db has only the types %q", types)
	}
	for _, name := range types {
		if !c.dbTypes[name] && !notFields.MatchString(name) {
			t.Errorf("nothing of xfs_db's type %s was compared", name)
		}
	}
}

var tableMakers = regexp.MustCompile(`= (?:newStruct|dirHeader|dirDataHeader|daHeader|remoteHeader|littleCopy|logItem|intent)\("(\w+)"`)

// tableNames are the names of the tables that package format declares.
func tableNames(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("../format/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, p := range paths {
		if strings.HasSuffix(p, "_test.go") {
			continue
		}
		src, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range tableMakers.FindAllSubmatch(src, -1) {
			out = append(out, string(m[1]))
		}
	}
	if len(out) < 60 {
		t.Fatalf("found only %d tables: %q", len(out), out)
	}
	return out
}

// typesOfXfsDB lists the types that xfs_db knows.
func typesOfXfsDB(t *testing.T, path string) []string {
	t.Helper()
	out := xfsdb.Run(t, path, [][]string{{"type"}})[0]
	_, list, _ := strings.Cut(out, "supported types are:")
	return regexp.MustCompile(`[a-z0-9]+`).FindAllString(strings.ReplaceAll(list, "xfs_db>", ""), -1)
}

// What we print is what xfs_db prints.
func TestAgrees(t *testing.T) {
	path := kernelImage(t, "-b", "size=1024")
	t.Run("everywhere", func(t *testing.T) { agreeEverywhere(t, path) })
	t.Run("on ways", func(t *testing.T) { agreeOnWays(t, path) })
	t.Run("in numbers", func(t *testing.T) { agreeInNumbers(t, path) })
}

// agreeEverywhere compares every structure that xfs_db prints by fields, in each of its forms and by
// each table that we have for it.
func agreeEverywhere(t *testing.T, path string) {
	c := newCoverage()
	for _, path := range []string{path, oldImage(t), farImage(t)} {
		s := readerOn(t, path, false)
		c.compareWays(t, s, path, waysEverywhere(t, s))
	}
	c.complete(t, typesOfXfsDB(t, path))
}
