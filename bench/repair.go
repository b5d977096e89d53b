package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
)

// repairSets are about the repair of damaged images. Each contender gets a copy of its own, which
// the host has in memory.
var repairSets = []set{
	{name: "repair-trees", what: "repair of an image with 1,000,000 small files whose trees of free space, owners, reference counts and inodes are destroyed",
		size: "8g", image: damagedFiles(1_000_000), repair: true},
	{name: "repair-small", what: "the same with 50,000 files", size: "1g", image: damagedFiles(50_000), repair: true},
}

// damagedSuffix is behind the name of the image that contenders get copies of.
const damagedSuffix = ".damaged"

// repairers are those that repair an image.
func (b *bench) repairers() []contender {
	out := []contender{
		{name: "cowfsck -y", args: []string{b.cowfsck, "-y", "-q", wordImage}},
		program("xfs_repair 7.2", xfsprogs7("xfs_repair"), "-f", wordImage),
	}
	for i := range out {
		out[i].judges = true // by their exit code
		out[i].prepare = freshCopy
	}
	return out
}

// freshCopy gives the next contender the image as it was damaged.
func freshCopy(ctx context.Context, p places) error {
	if err := os.RemoveAll(p.image + ".undo"); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "cp", "--sparse=always", p.image+damagedSuffix, p.image).CombinedOutput()
	if err != nil {
		return fmt.Errorf("copy the image: %w\n%s", err, out)
	}
	return nil
}

// damagedFiles makes an image with so many files, and destroys the trees of its groups.
func damagedFiles(n int) func(context.Context, *bench, places) error {
	return func(ctx context.Context, b *bench, p places) error {
		if err := manyFiles(n)(ctx, b, p); err != nil {
			return err
		}
		if err := destroyTrees(p.image); err != nil {
			return fmt.Errorf("destroy the trees: %w", err)
		}
		return os.Rename(p.image, p.image+damagedSuffix)
	}
}

// destroyTrees fills all blocks of the trees of all groups with noise.
func destroyTrees(path string) error {
	dev, err := device.Open(path, device.ReadWrite)
	if err != nil {
		return err
	}
	defer dev.Close()
	head := make([]byte, format.MaxSectorSize)
	if _, err := dev.ReadAt(head, 0); err != nil {
		return err
	}
	g, err := format.GeometryOf(head)
	if err != nil {
		return err
	}
	for ag := range format.AGNumber(g.AGCount) {
		trees, err := treesOf(g, dev, ag)
		if err != nil {
			return err
		}
		var blocks []uint64
		for _, t := range trees {
			if err := t.Walk(func(_ int, block uint64, _ []byte) error {
				blocks = append(blocks, block)
				return nil
			}); err != nil {
				return err
			}
		}
		noise := make([]byte, g.BlockSize)
		for _, block := range blocks {
			_, _ = rand.Read(noise) // never fails
			if _, err := dev.WriteAt(noise, g.AGOffset(ag, format.AGBlock(block))); err != nil {
				return err
			}
		}
	}
	return dev.Sync()
}

// treesOf are the trees of a group.
func treesOf(g *format.Geometry, dev device.Device, ag format.AGNumber) ([]btree.Tree, error) {
	agf, agi := make([]byte, g.SectSize), make([]byte, g.SectSize)
	for i, b := range [][]byte{agf, agi} {
		if _, err := dev.ReadAt(b, g.SectorOffset(ag, 1+i)); err != nil {
			return nil, err
		}
	}
	var out []btree.Tree
	for _, t := range []struct {
		kind   *btree.Kind
		root   format.AGBlock
		levels uint32
	}{
		{btree.Bnobt, format.AGFBnoRoot.Get(agf), format.AGFBnoLevel.Get(agf)},
		{btree.Cntbt, format.AGFCntRoot.Get(agf), format.AGFCntLevel.Get(agf)},
		{btree.Rmapbt, format.AGFRmapRoot.Get(agf), format.AGFRmapLevel.Get(agf)},
		{btree.Refcountbt, format.AGFRefcntRoot.Get(agf), format.AGFRefcntLevel.Get(agf)},
		{btree.Inobt, format.AGIRoot.Get(agi), format.AGILevel.Get(agi)},
		{btree.Finobt, format.AGIFreeRoot.Get(agi), format.AGIFreeLevel.Get(agi)},
	} {
		out = append(out, btree.Tree{Kind: t.kind, Geo: g, Dev: dev, AG: ag, Root: uint64(t.root), Levels: int(t.levels)})
	}
	return out, nil
}
