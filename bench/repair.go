package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/volume"
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
	return do(ctx, "cp", "--sparse=always", p.image+damagedSuffix, p.image)
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
	v, err := volume.Open(dev, volume.Options{})
	if err != nil {
		return errors.Join(err, dev.Close())
	}
	noise := make([]byte, v.Geo.BlockSize)
	for ag := range format.AGNumber(v.Geo.AGCount) {
		blocks, err := treeBlocks(v, ag)
		for _, block := range blocks {
			_, _ = rand.Read(noise) // never fails
			if err == nil {
				_, err = dev.WriteAt(noise, v.Geo.AGOffset(ag, format.AGBlock(block)))
			}
		}
		if err != nil {
			return errors.Join(err, v.Close())
		}
	}
	return errors.Join(dev.Sync(), v.Close())
}

// treeBlocks are the blocks of all trees of a group.
func treeBlocks(v *volume.Volume, ag format.AGNumber) (blocks []uint64, err error) {
	for _, kind := range []*btree.Kind{btree.Bnobt, btree.Cntbt, btree.Rmapbt, btree.Refcountbt, btree.Inobt, btree.Finobt} {
		t, err := v.Tree(kind, ag)
		if err != nil {
			return nil, err
		}
		if err := t.Walk(func(_ int, block uint64, _ []byte) error {
			blocks = append(blocks, block)
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return blocks, nil
}
