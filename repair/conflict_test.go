package repair

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/volume"
)

// TestOverlapWithoutSharing has two files map the same blocks, on a volume where none can be shared
// and no owners are recorded: that is found, and each gets blocks of its own.
func TestOverlapWithoutSharing(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"first", "second"} {
		if err := os.WriteFile(filepath.Join(dir, name), bytes.Repeat([]byte(name), 5000), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	config, err := mkfs.NewConfig([]mkfs.Setting{
		{Section: 'd', Key: "size", Value: "300m"}, {Section: 'm', Key: "reflink", Value: "0"}, {Section: 'm', Key: "rmapbt", Value: "0"},
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
	d := openDamaged(t, path)
	var first []byte
	d.inode(d.ino("/first"), func(b []byte) { first = bytes.Clone(b[format.Dinode.Size:][:format.BmbtRec.Size]) })
	d.inode(d.ino("/second"), func(b []byte) {
		copy(b[format.Dinode.Size:], first)
		n := format.UnpackMapping(first).Count
		format.DiNBlocks.Put(b, uint64(n))
		format.DiSize.Put(b, uint64(n)<<d.g.BlockLog)
	})
	r, err := Run(context.Background(), d.dev, Options{Undo: filepath.Join(t.TempDir(), "undo")})
	if err != nil {
		t.Fatal(err)
	}
	if r.Before.Counts[check.Damage] == 0 {
		t.Errorf("found: %v", r.Before.Findings)
	}
	image := d.dev.File().Name()
	if err := d.dev.Close(); err != nil {
		t.Fatal(err)
	}
	oracle.RepairClean(t, oracle.Gen7, image)
	dev := openRW(t, image)
	defer dev.Close()
	v, err := volume.Open(stayOpen{dev}, volume.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a, err := v.ReadFile("first")
	if err != nil {
		t.Fatal(err)
	}
	b, err := v.ReadFile("second")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(b, a) || len(a) != 25_000 {
		t.Error("the files don't both have the content of the blocks")
	}
}
