package check_test

import (
	"testing"

	"github.com/cowfs/cowfs/cow"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/space"
)

// TestCowForks checks files with staged writes, and makes their blocks wrong.
func TestCowForks(t *testing.T) {
	b := newBed(t, mkfs.Config{})
	file := b.ino(b.dev, "/base")
	b.space(b.dev, func(tx *tx, g *groups, c *counts) error {
		forks := cow.NewForks(b.geo, c)
		e, err := inode.Edit(tx, g, file)
		if err != nil {
			return err
		}
		f, err := forks.Open(tx, e)
		for off := format.FileOff(0); err == nil && off < 400; off += 2 { // enough for a tree of two levels
			var x space.Extent
			if x, err = c.AllocStaging(tx, space.Request{Min: 1}); err == nil {
				err = f.Map(format.Mapping{Off: off, Start: x.Start, Count: 1, Unwritten: off%8 == 0})
			}
		}
		return err
	})
	b.sound(nil)
	b.run(t, []fault{
		{"leaked beside forks", func(b *bed, d *device.Memory) { b.stage(d) }, "cow.leaked"},
		{"unstaged", func(b *bed, d *device.Memory) {
			b.space(d, func(tx *tx, _ *groups, c *counts) error {
				var first space.Extent
				for e, err := range c.Staged(tx, 0) {
					if err != nil {
						return err
					}
					first = e
					break
				}
				return c.Unstage(tx, first)
			})
		}, "cow.unstaged"},
		{"fork forgotten", func(b *bed, d *device.Memory) {
			b.inodeAt(d, file, func(p []byte) { format.DiCowRoot.Put(p, 0) })
		}, "cow.leaked cow.pending-flag"},
		{"flag of replays lost", super(0, func(p []byte) { format.SBLogIncompat.Put(p, 0) }), "cow.pending-half"},
	})
}
