package format_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/oracle/xfsdb"
)

// samples is how many blocks of each type are compared with xfs_db.
const samples = 60

func compareAll(t *testing.T, im *image, blocks []found) {
	total := map[*format.BlockType]int{}
	for _, f := range blocks {
		total[f.t]++
	}
	var picked []found
	var groups [][]string
	n := map[*format.BlockType]int{}
	for _, f := range blocks {
		n[f.t]++
		if step := total[f.t]/samples + 1; n[f.t]%step != 0 && n[f.t] > 4 {
			continue
		}
		if commands := im.commands(f); commands != nil {
			picked = append(picked, f)
			groups = append(groups, append(commands, "print"))
		}
	}
	answers := xfsdb.Run(t, im.path, groups)
	compared := map[string]int{}
	for i, f := range picked {
		vs, err := f.t.Decode(im.g, f.b)
		if err != nil {
			t.Fatal(err)
		}
		db := xfsdb.Parse(answers[i])
		if f.t == format.TypeDirNode {
			db = xfsdb.DirNode(db)
		}
		if diffs := xfsdb.Compare(vs, db); len(diffs) > 0 {
			t.Errorf("%s at byte %d %q:\n%s", f.t, f.off, groups[i], strings.Join(diffs[:min(len(diffs), 10)], "\n"))
		}
		compared[f.t.Name]++
	}
	t.Log("compared: ", compared)
}

// commands take xfs_db to a block; nil where there is no way.
func (im *image) commands(f found) []string {
	g := im.g
	ag := f.off / (int64(g.AGBlocks) << g.BlockLog)
	rest := f.off % (int64(g.AGBlocks) << g.BlockLog)
	fsb := g.FSB(format.AGNumber(ag), format.AGBlock(rest>>g.BlockLog))
	switch f.t {
	case format.TypeSuperblock:
		return []string{fmt.Sprintf("sb %d", ag)}
	case format.TypeAGF, format.TypeAGI, format.TypeAGFL:
		return []string{fmt.Sprintf("%s %d", strings.ToLower(f.t.Name), ag)}
	case format.TypeInode:
		if format.DiMode.Get(f.b) == 0 {
			return nil // xfs_db refuses those of chunks that were freed
		}
		return []string{fmt.Sprintf("inode %d", format.DiIno.Get(f.b))}
	case format.TypeSymlink:
		if len(f.b) > g.BlockSize {
			return nil // xfs_db shows the first block only
		}
		return im.dblock(f, fsb)
	case format.TypeDirBlock, format.TypeDirData, format.TypeDirFree, format.TypeDirLeaf1, format.TypeDirLeafN, format.TypeDirNode:
		if len(f.b) > g.BlockSize {
			return im.dblock(f, fsb)
		}
	}
	return []string{fmt.Sprintf("fsblock %d", fsb), "type " + xfsdb.Types[f.t]}
}

// dblock goes to a block through the inode that owns it, if its data fork has it in a record of
// extents format.
func (im *image) dblock(f found, fsb format.FSBlock) []string {
	owner := f.t.OwnerIno.Get(f.b)
	inode := im.raw[im.g.InoOffset(owner):][:im.g.InodeSize]
	if format.DiFormat.Get(inode) != format.FmtExtents || format.DiMode.Get(inode) == 0 {
		return nil
	}
	data, _ := format.Forks(inode)
	n, _ := format.NExtents(inode)
	for i := range int(n) {
		m := format.UnpackMapping(data[i*format.BmbtRec.Size:])
		if m.Start <= fsb && fsb < m.Start+format.FSBlock(m.Count) {
			return []string{fmt.Sprintf("inode %d", owner), fmt.Sprintf("dblock %d", m.Off+format.FileOff(fsb-m.Start))}
		}
	}
	return nil
}
