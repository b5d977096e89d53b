package repair

import (
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/damage"
	"github.com/cowfs/cowfs/internal/oracle"
)

// TestOwnInodes damages the inodes that the superblock names, and what it says of them. The names
// in a root directory come back by the parent pointers of what they led to. Without COWFS_SOAK=1 it
// is some of that.
func TestOwnInodes(t *testing.T) {
	sound := memoryOf(t, damage.Rich(t, "-b", "size=1k"))
	g := geometry(t, sound)
	all := takeInventory(t, sound)
	wipe := func(ino format.Ino) func(dev device.Device) {
		return func(dev device.Device) { write(t, dev, make([]byte, g.InodeSize), g.InoOffset(ino)) }
	}
	super := func(change func(sb []byte)) func(dev device.Device) {
		return func(dev device.Device) {
			sb := make([]byte, g.SectSize)
			if _, err := dev.ReadAt(sb, 0); err != nil {
				t.Fatal(err)
			}
			change(sb)
			format.SetChecksum(sb, format.SBCRC)
			write(t, dev, sb, 0)
		}
	}
	const rootInode = "the root's inode"
	for i, c := range []struct {
		name string
		do   func(dev device.Device)
	}{
		{rootInode, wipe(g.RootIno)},
		{"the bitmap's inode", wipe(g.RootIno + 1)},
		{"the summary's inode", wipe(g.RootIno + 2)},
		{"the root's number", super(func(sb []byte) { format.SBRootIno.Put(sb, g.RootIno+1) })},
		{"the root's number, a file", super(func(sb []byte) { format.SBRootIno.Put(sb, g.RootIno+3) })},
		{"the root's number, none", super(func(sb []byte) { format.SBRootIno.Put(sb, format.NullIno) })},
		{"the bitmap's number", super(func(sb []byte) { format.SBRbmIno.Put(sb, g.RootIno) })},
		{"the summary's number", super(func(sb []byte) { format.SBRsumIno.Put(sb, g.RootIno+1) })},
		{"the summary's number, a file", super(func(sb []byte) { format.SBRsumIno.Put(sb, g.RootIno+9) })},
		{"a quota inode that is a file", super(func(sb []byte) {
			format.SBVersionNum.Put(sb, format.SBVersionNum.Get(sb)|format.VersionQuota)
			format.SBUQuotIno.Put(sb, all.names["/small"].ino)
			format.SBGQuotIno.Put(sb, all.names["/dirs"].ino)
		})},
		{"the numbers of all", super(func(sb []byte) {
			format.SBRootIno.Put(sb, 0)
			format.SBRbmIno.Put(sb, format.NullIno)
			format.SBRsumIno.Put(sb, 1<<40)
		})},
	} {
		if i > 0 && i != 6 && !oracle.Soaking() {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			dev := device.NewOverlay(sound)
			c.do(dev)
			ours, theirs, _ := bothRepair(t, dev, all)
			want := all.saved(all)
			if c.name == rootInode {
				want.Attrs = theirs.Attrs // its own ones lay in it
			}
			if ours != want {
				t.Errorf("saved %+v, want %+v; xfs_repair saves %+v", ours, want, theirs)
			}
		})
	}
}

func write(t *testing.T, dev device.Device, p []byte, off int64) {
	t.Helper()
	if _, err := dev.WriteAt(p, off); err != nil {
		t.Fatal(err)
	}
}
