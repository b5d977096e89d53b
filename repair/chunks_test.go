package repair

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/mkfs"
)

// TestSeveralChunksInABlock destroys all trees of an image whose blocks hold two chunks of inodes
// each: a chunk without a used inode is one all the same.
func TestSeveralChunksInABlock(t *testing.T) {
	dir := t.TempDir()
	for i := range 10 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint("file", i)), []byte("content"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	config, err := mkfs.NewConfig([]mkfs.Setting{
		{Section: 'b', Key: "size", Value: "64k"}, {Section: 'd', Key: "size", Value: "600m"},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "image")
	j := mkfs.Job{Config: *config, Path: path, Time: time.Unix(1_700_000_000, 0)}
	j.Source.Dir = dir
	if _, err := mkfs.Make(context.Background(), j); err != nil {
		t.Fatal(err)
	}
	want := hashes(t, path)
	dev := openRW(t, path)
	g := geometry(t, dev)
	if g.InodesPerBlock() <= format.InodesPerChunk {
		t.Fatal("blocks are too small")
	}
	for ag := range format.AGNumber(g.AGCount) {
		var blocks []uint64
		for _, k := range []*btree.Kind{btree.Bnobt, btree.Cntbt, btree.Rmapbt, btree.Refcountbt, btree.Inobt, btree.Finobt} {
			blocks = append(blocks, treeBlocks(t, dev, g, ag, k)...)
		}
		for _, b := range blocks {
			wipe(t, dev, g, ag, b)
		}
	}
	if _, err := Run(context.Background(), dev, Options{Undo: filepath.Join(t.TempDir(), "undo")}); err != nil {
		t.Fatal(err)
	}
	if err := dev.Close(); err != nil {
		t.Fatal(err)
	}
	oracle.RepairClean(t, oracle.Gen7, path)
	same(t, want, hashes(t, path))
}
