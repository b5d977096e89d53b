package volume

import (
	"fmt"
	"io"

	"github.com/cowfs/cowfs/cow"
	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/journal"
)

// Options say how to open a volume; the zero value is right for a sound one.
type Options struct {
	// Superblock is the group whose copy of the superblock is used, for images on which the
	// primary one is damaged. With anything but 0 the image is searched for a copy first, as
	// only a superblock tells where the groups begin.
	Superblock format.AGNumber
	// Replay has a dirty log replayed: by Open in memory only, by OpenWriter on the device.
	// Without it Open shows what is in place, and OpenWriter refuses.
	Replay bool
	// InMemory tells OpenWriter that what is written to the device is lost in a crash anyway, as
	// with a device.Overlay. A replay need not provide for one then.
	InMemory bool

	writing bool // Open is called by OpenWriter
	reading bool // OpenWriter is called by Open, for the replay
}

// Volume is an opened image. It is safe for concurrent use.
type Volume struct {
	// Geo is the volume's shape. Not to be changed.
	Geo *format.Geometry
	// Log is the state of the log. With a dirty one, what is read may be older than what the
	// log holds, and parts may not fit each other.
	Log LogState
	// Replayed says that the log was dirty and has been replayed, in memory or on the device.
	Replayed bool
	// Leftovers is what the replay has freed, as a mount does.
	Leftovers Leftovers

	dev   device.Device // what is read
	under device.Device // what was opened
	log   *journal.Log  // as it was found, for a Writer to go on with; nil if it is damaged or external
	sb    []byte        // the superblock's sector
	cow   *cow.Engine   // of a Writer: what was written and is not in place
	src   inode.Source
}

// Open opens the volume on dev, which it takes over: Close closes it. If Open fails, dev is
// left open.
//
// An image with features that cannot be read gives format.ErrUnsupported, naming them. Unknown
// features that only writers must know are no hindrance; see Warnings.
func Open(dev device.Device, o Options) (*Volume, error) {
	sb, g, err := readSuperblock(dev, o.Superblock)
	if err != nil {
		return nil, err
	}
	if g.Incompat&format.InFType == 0 {
		return nil, fmt.Errorf("%w: directories without file types", format.ErrUnsupported)
	}
	v := &Volume{Geo: g, dev: dev, under: dev, sb: sb, src: inode.Source{Geo: g, Dev: dev}}
	if err := v.openLog(); err != nil {
		return nil, err
	}
	if !o.writing {
		v.log = nil
	}
	if v.Log == LogDirty && o.Replay && !o.writing {
		return openReplayed(dev, o)
	}
	return v, nil
}

// Close closes the device.
func (v *Volume) Close() error { return v.under.Close() }

// Device is what the volume is read from.
func (v *Volume) Device() device.Device { return v.dev }

// Superblock is the superblock that the volume was opened by. Not to be changed.
func (v *Volume) Superblock() []byte { return v.sb }

// Source is where inodes are read from.
func (v *Volume) Source() inode.Source { return v.src }

// Warnings says, a line each, what a reader of this volume should know: that the log is not
// clean, that a repair was begun and not ended, that there are features which only a writer
// would have to know, or that the image is cut short.
func (v *Volume) Warnings() []string {
	var out []string
	if v.Replayed {
		text := "the log was dirty: what is shown is with the changes that it holds"
		if freed := v.Leftovers.String(); freed != "" {
			text += ", and without " + freed
		}
		out = append(out, text)
	}
	switch v.Log {
	case LogDirty:
		out = append(out, "the log is dirty: what it holds is not replayed, so what is read may be out of date or inconsistent")
	case LogExternal:
		out = append(out, "the log is external: whether it is clean is not known")
	}
	if v.Geo.Incompat&format.InNeedsRepair != 0 {
		out = append(out, "the volume is marked as needing repair")
	}
	if bad := v.Geo.ROCompat &^ format.ROKnown; bad != 0 {
		out = append(out, fmt.Sprintf("unknown read-only compatible features: %s", bad))
	}
	if v.cutShort() {
		out = append(out, fmt.Sprintf("the image is cut short: %d bytes of %d", v.dev.Size(), v.bytes()))
	}
	return out
}

// bytes is how long the image should be.
func (v *Volume) bytes() int64 { return int64(v.Geo.DBlocks) << v.Geo.BlockLog }

// cutShort reports whether the end of the volume is missing.
func (v *Volume) cutShort() bool { return v.dev.Size() < v.bytes() }

// readSuperblock reads and checks the superblock of a group.
func readSuperblock(dev device.Device, ag format.AGNumber) ([]byte, *format.Geometry, error) {
	if ag == 0 {
		sb, err := readSector(dev, 0)
		if err != nil {
			return nil, nil, fmt.Errorf("read the superblock: %w", err)
		}
		g, err := format.GeometryOf(sb)
		if err != nil && format.SBMagicNum.Get(sb) != format.SBMagic {
			err = fmt.Errorf("%w: no XFS filesystem begins here", err)
		}
		return sb, g, err
	}
	return copyOfGroup(dev, ag)
}

// readSector reads what can be a superblock's sector: the largest size there is, or what the
// device has.
func readSector(dev device.Device, off int64) ([]byte, error) {
	b := make([]byte, min(format.MaxSectorSize, max(0, dev.Size()-off)))
	if _, err := dev.ReadAt(b, off); err != nil {
		return nil, err
	}
	if len(b) < format.Superblock.Size {
		return nil, fmt.Errorf("%d bytes are too few for a volume: %w", dev.Size(), io.ErrUnexpectedEOF)
	}
	return b, nil
}
