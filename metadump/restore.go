package metadump

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
)

// Info is what a dump says of itself.
type Info struct {
	Version    int
	Obfuscated bool
	FullBlocks bool
	DirtyLog   bool
	Bytes      uint64 // that were restored
}

// ErrNoDump says that a file is no dump.
var ErrNoDump = errors.New("not a metadata dump")

// maxPiece is how many bytes are read at once.
const maxPiece = 1 << 20

// restorer reads a dump.
type restorer struct {
	ctx  context.Context
	r    *bufio.Reader
	dev  device.Device
	info Info
	sb   []byte // the first sector, which is written last
	size int64  // of the volume
	open func(size int64) (device.Device, error)
}

// Restore makes an image of a dump. open is called for the image once the size of the volume is
// known, in bytes; what it returns reads as zeroes, is at least as large, and stays the caller's.
// The superblock is written last, so that a restore that was cut short is no volume.
func Restore(ctx context.Context, in io.Reader, open func(size int64) (device.Device, error)) (*Info, error) {
	r := &restorer{ctx: ctx, r: bufio.NewReaderSize(in, maxPiece), open: open}
	magic, err := r.r.Peek(4)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoDump, short(err))
	}
	switch format.Metadump1MagicNo.Get(magic) {
	case format.Metadump1Magic:
		err = r.version1()
	case format.Metadump2Magic:
		err = r.version2()
	default:
		return nil, fmt.Errorf("%w: magic number %#x", ErrNoDump, magic)
	}
	if err != nil {
		return nil, err
	}
	if r.dev == nil {
		return nil, fmt.Errorf("%w: it holds no superblock", ErrNoDump)
	}
	if err := r.dev.Sync(); err != nil {
		return nil, err
	}
	if _, err := r.dev.WriteAt(r.sb, 0); err != nil {
		return nil, err
	}
	return &r.info, r.dev.Sync()
}

// short makes the end of a file in the middle of something an unexpected one.
func short(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// read reads exactly len(b) bytes.
func (r *restorer) read(b []byte) error {
	if _, err := io.ReadFull(r.r, b); err != nil {
		return fmt.Errorf("read dump: %w", short(err))
	}
	return nil
}

func (r *restorer) version1() error {
	r.info.Version = 1
	head := make([]byte, format.Metadump1.Size)
	block := make([]byte, format.BasicBlock)
	for first := true; ; first = false {
		if _, err := r.r.Peek(1); err != nil && errors.Is(err, io.EOF) && !first {
			return nil
		}
		if err := r.read(head); err != nil {
			return err
		}
		n := int(format.Metadump1Count.Get(head))
		switch {
		case format.Metadump1MagicNo.Get(head) != format.Metadump1Magic:
			return format.Corrupt("metadump", "magic", fmt.Sprintf("%#x", format.Metadump1MagicNo.Get(head)), fmt.Sprintf("%#x", format.Metadump1Magic))
		case n > format.Metadump1Max:
			return format.Corrupt("metadump", "count", n, fmt.Sprintf("%d at most", format.Metadump1Max))
		case format.Metadump1BlockLog.Get(head) != format.BasicBlockLog:
			return format.Corrupt("metadump", "blocklog", format.Metadump1BlockLog.Get(head), format.BasicBlockLog)
		}
		if flags := format.Metadump1Flags.Get(head); first && flags&format.Metadump1Info != 0 {
			r.info.Obfuscated = flags&format.Metadump1Obfuscated != 0
			r.info.FullBlocks = flags&format.Metadump1FullBlocks != 0
			r.info.DirtyLog = flags&format.Metadump1DirtyLog != 0
		}
		for i := range n {
			if err := r.ctx.Err(); err != nil {
				return err
			}
			if err := r.read(block); err != nil {
				return err
			}
			if err := r.put(uint64(format.Metadump1Daddr.At(i).Get(head)), block); err != nil {
				return err
			}
		}
		if n < format.Metadump1Max {
			return nil
		}
	}
}

func (r *restorer) version2() error {
	r.info.Version = 2
	head := make([]byte, format.Metadump2.Size)
	if err := r.read(head); err != nil {
		return err
	}
	if v := format.Metadump2Version.Get(head); v != 2 || format.Metadump2Incompat.Get(head) != 0 {
		return fmt.Errorf("%w: metadump of version %d, features %#x", format.ErrUnsupported, v, format.Metadump2Incompat.Get(head))
	}
	flags := format.Metadump2Flags.Get(head)
	if flags&format.MetadumpExternalLog != 0 {
		return fmt.Errorf("%w: metadump with an external log", format.ErrUnsupported)
	}
	r.info.Obfuscated = flags&format.MetadumpObfuscated != 0
	r.info.FullBlocks = flags&format.MetadumpFullBlocks != 0
	r.info.DirtyLog = flags&format.MetadumpDirtyLog != 0
	extent := make([]byte, format.MetadumpExtent.Size)
	buf := make([]byte, maxPiece)
	for {
		if _, err := r.r.Peek(1); errors.Is(err, io.EOF) {
			return nil
		}
		if err := r.read(extent); err != nil {
			return err
		}
		on, addr := format.SplitMetadumpAddr(format.MetadumpExtentAddr.Get(extent))
		if on != 0 {
			return fmt.Errorf("%w: metadump of more than one device", format.ErrUnsupported)
		}
		at := uint64(addr)
		for left := int64(format.MetadumpExtentLen.Get(extent)) << format.BasicBlockLog; left > 0; {
			if err := r.ctx.Err(); err != nil {
				return err
			}
			b := buf[:min(left, maxPiece)]
			if err := r.read(b); err != nil {
				return err
			}
			if err := r.put(at, b); err != nil {
				return err
			}
			at += uint64(len(b)) >> format.BasicBlockLog
			left -= int64(len(b))
		}
	}
}

// put writes bytes to where they belong. The first ones of a dump are the superblock's.
func (r *restorer) put(daddr uint64, b []byte) error {
	if r.dev == nil {
		if err := r.begin(daddr, b); err != nil {
			return err
		}
	}
	if daddr > uint64(r.size)>>format.BasicBlockLog || int64(daddr)<<format.BasicBlockLog > r.size-int64(len(b)) {
		return format.Corrupt("metadump", "addr", daddr, fmt.Sprintf("%d bytes within a volume of %d", len(b), r.size))
	}
	off := int64(daddr) << format.BasicBlockLog
	r.info.Bytes += uint64(len(b))
	if off == 0 {
		// The superblock waits; what comes behind it in the same piece does not.
		r.sb = append(r.sb[:0], b[:format.BasicBlock]...)
		b, off = b[format.BasicBlock:], format.BasicBlock
	}
	if len(b) == 0 {
		return nil
	}
	_, err := r.dev.WriteAt(b, off)
	return err
}

// begin learns the size of the volume from its superblock.
func (r *restorer) begin(daddr uint64, b []byte) error {
	if daddr != 0 || len(b) < format.Superblock.Size || format.SBMagicNum.Get(b) != format.SBMagic {
		return fmt.Errorf("%w: it does not begin with a superblock", ErrNoDump)
	}
	blocks, log := format.SBDBlocks.Get(b), format.SBBlockLog.Get(b)
	if log < format.BasicBlockLog || log > 16 || blocks == 0 || blocks > 1<<(62-log) {
		return format.Corrupt("metadump", "superblock", fmt.Sprintf("%d blocks of 2^%d bytes", blocks, log), "the size of a volume")
	}
	r.size = int64(blocks) << log
	dev, err := r.open(r.size)
	if err != nil {
		return err
	}
	if dev.Size() < r.size {
		return fmt.Errorf("image has %d bytes, the volume %d", dev.Size(), r.size)
	}
	r.dev = dev
	return nil
}
