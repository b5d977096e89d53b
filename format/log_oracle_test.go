package format_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/oracle"
)

// The kernel's own log: each record passes, stamping is reversible, and each item decodes. The
// image is left with a dirty log by a shutdown of the mounted filesystem.
func TestKernelLog(t *testing.T) {
	im := dirtyImage(t)
	log := im.raw[im.g.Offset(im.g.LogStart):][:int64(im.g.LogBlocks)<<im.g.BlockLog]
	seen := map[string]int{}
	tr := &transactions{t: t, g: im.g, open: map[uint32]*transaction{}, seen: seen}
	records := 0
	for off := 0; off+format.BasicBlock <= len(log); off += format.BasicBlock {
		rec := log[off:]
		if format.LogMagicNo.Get(rec) != format.LogMagic || format.LogLen.Get(rec) == 0 {
			continue // a mount stamps the blocks behind the head with headers of length 0
		}
		if err := format.VerifyLog(im.g, rec); err != nil {
			t.Fatalf("block %d: %v", off/format.BasicBlock, err)
		}
		size := format.LogHeaders(format.LogSize.Get(rec))*format.BasicBlock + int(format.LogLen.Get(rec))
		tr.record(append([]byte(nil), rec[:size]...))
		records++
		off += size - format.BasicBlock
	}
	t.Log(records, "records: ", seen)
	for _, want := range []string{"inode", "buf", "icreate"} { // of the others, it is chance which ones there are
		if seen[want] == 0 {
			t.Errorf("the log has no item %q", want)
		}
	}
}

// transactions follows the operations of a log.
type transactions struct {
	t    *testing.T
	g    *format.Geometry
	open map[uint32]*transaction
	seen map[string]int // items by type
}

// transaction is one that has begun.
type transaction struct {
	regions [][]byte
	partial []byte // a region that goes on in the next record
}

func (tr *transactions) record(rec []byte) {
	t := tr.t
	t.Helper()
	disk := append([]byte(nil), rec...)
	payload, err := format.UnstampLog(rec)
	if err != nil {
		t.Fatal(err)
	}
	copyOf := append([]byte(nil), rec...)
	if err := format.StampLog(copyOf); err != nil || !bytes.Equal(copyOf, disk) {
		t.Fatalf("stamping a record again gives other bytes (%v)", err)
	}
	vs, err := format.LogRecord.Decode(tr.g, disk)
	if err == nil {
		err = format.JSONRoundTrip(vs)
	}
	if err != nil {
		t.Fatal(err)
	}
	off := 0
	for range format.LogNumOps.Get(rec) {
		op := payload[off:]
		n := format.LogOp.Size + int(format.LogOpLen.Get(op))
		if _, err := format.LogOp.Decode(tr.g, op[:n]); err != nil {
			t.Fatal(err)
		}
		tr.operation(op[:n])
		off += n
	}
}

func (tr *transactions) operation(op []byte) {
	tid, flags, data := format.LogOpTID.Get(op), format.LogOpFlags.Get(op), op[format.LogOp.Size:]
	if flags&format.LogOpUnmount != 0 {
		return
	}
	if flags&format.LogOpStart != 0 {
		tr.open[tid] = &transaction{}
		return
	}
	x := tr.open[tid]
	if x == nil {
		tr.t.Fatalf("operation of unknown transaction %#x", tid)
	}
	switch {
	case flags&format.LogOpContinue != 0 || flags&format.LogOpWasCont != 0:
		x.partial = append(x.partial, data...)
		if flags&format.LogOpContinue == 0 || flags&format.LogOpEnd != 0 {
			x.regions, x.partial = append(x.regions, x.partial), nil
		}
	case len(data) > 0:
		x.regions = append(x.regions, data)
	}
	if flags&format.LogOpCommit != 0 {
		tr.commit(x)
		delete(tr.open, tid)
	}
}

// commit looks at the regions of a whole transaction.
func (tr *transactions) commit(x *transaction) {
	t := tr.t
	head := x.regions[0]
	if format.LogTransMagicNo.Get(head) != format.LogTransMagic || format.LogTransType.Get(head) != format.LogTransCheckpoint {
		t.Fatalf("no transaction header: %x", head)
	}
	rest := x.regions[1:]
	if n := int(format.LogTransItems.Get(head)); n != len(rest) {
		t.Fatalf("%d regions, the header says %d", len(rest), n)
	}
	for len(rest) > 0 {
		table := format.LogItemOf(rest[0])
		n := int(format.LogItemRegions.Get(rest[0]))
		if table == nil || n == 0 || n > len(rest) {
			t.Fatalf("item with %d regions of %d: %x", n, len(rest), rest[0])
		}
		tr.item(table, rest[:n])
		rest = rest[n:]
	}
}

func (tr *transactions) item(table *format.Struct, regions [][]byte) {
	t := tr.t
	kind := format.LogItemKind.Get(regions[0]).String()
	tr.seen[kind]++
	tr.decode(table, regions[0])
	switch table {
	case format.LogInode:
		tr.decode(format.LogDinode, regions[1])
		if ino := format.LogInodeIno.Get(regions[0]); mustNumber(t, format.LogDinode, tr.g, regions[1], "v3.inumber") != uint64(ino) {
			t.Errorf("inode item of %d has another inode", ino)
		}
	case format.LogBuf:
		tr.buffer(regions)
	case format.LogAttrI:
		if want := attrRegions(regions[0]); want != len(regions) {
			t.Errorf("attribute intent has %d regions, its lengths want %d", len(regions), want)
		}
	}
}

// attrRegions is the number of regions that an attribute intent's lengths ask for.
func attrRegions(b []byte) int {
	n := 1
	if format.LogAttrValueLen.Get(b) > 0 {
		n++
	}
	if format.LogAttrOp.Get(b)&0xff == format.LogAttrParentReplace {
		return n + 3 // old name, new name, and a second value
	}
	return n + 1
}

// buffer compares the map of a buffer item with the lengths of its regions.
func (tr *transactions) buffer(regions [][]byte) {
	head := regions[0]
	var chunks, logged int
	for w := range int(format.LogBufMapSize.Get(head)) {
		word := mustNumber(tr.t, format.LogBuf, tr.g, head, fmt.Sprintf("data_map[%d]", w))
		for ; word != 0; word &= word - 1 {
			chunks++
		}
	}
	for _, r := range regions[1:] {
		logged += len(r)
	}
	if chunks*format.LogBufChunk != logged {
		tr.t.Errorf("buffer item maps %d chunks and has %d bytes", chunks, logged)
	}
}

func (tr *transactions) decode(table *format.Struct, b []byte) {
	tr.t.Helper()
	vs, err := table.Decode(tr.g, b)
	if err == nil {
		err = format.JSONRoundTrip(vs)
	}
	if err == nil && table != format.LogDinode { // whose pad holds what the kernel's memory has
		err = table.CheckPadding(tr.g, b)
	}
	if err != nil {
		tr.t.Errorf("%s %x: %v", table.Name, b, err)
	}
}

func mustNumber(t *testing.T, s *format.Struct, g *format.Geometry, b []byte, name string) uint64 {
	t.Helper()
	v, err := s.Get(g, b, name)
	if err != nil {
		t.Fatal(err)
	}
	return v.Num
}

// dirtyImage makes an image whose log holds all sorts of items. Intents whose work is done get
// into the log only when it is forced between the two, so several writers force it all the time.
func dirtyImage(t *testing.T) *image {
	t.Helper()
	path := emptyImage(t)
	xfsIO := oracle.Tool(t, "xfs_io", oracle.Gen7)
	m := oracle.Mount(t, path, oracle.MountOptions{Loud: true})
	done := make(chan struct{})
	var forcing, working sync.WaitGroup
	for w := range 3 {
		forcing.Add(1)
		go func() {
			defer forcing.Done()
			forceLog(t, filepath.Join(m.Dir, fmt.Sprintf("fsync%d", w)), done)
		}()
		working.Add(1)
		go func() {
			defer working.Done()
			churn(t, filepath.Join(m.Dir, fmt.Sprintf("dir%d", w)), xfsIO)
		}()
	}
	working.Wait()
	close(done)
	forcing.Wait()
	oracle.MustRun(t, xfsIO, "-x", "-c", "shutdown -f", m.Dir)
	m.Unmount()
	return load(t, path)
}

// forceLog changes a file and syncs it, again and again until done is closed.
func forceLog(t *testing.T, path string, done <-chan struct{}) {
	f, err := os.Create(path)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	for i := 0; ; i++ {
		select {
		case <-done:
			return
		default:
		}
		if err := f.Chmod(os.FileMode(0o600 + i%2)); err != nil {
			t.Error(err)
		}
		if err := f.Sync(); err != nil {
			t.Error(err)
		}
	}
}

// churn makes, shares, exchanges, renames and deletes files.
func churn(t *testing.T, dir, xfsIO string) {
	check := func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
	check(os.Mkdir(dir, 0o755))
	for i := range 12 {
		a, b := filepath.Join(dir, fmt.Sprint("a", i)), filepath.Join(dir, fmt.Sprint("b", i))
		check(os.WriteFile(a, bytes.Repeat([]byte{byte(i)}, 200_000), 0o644))
		check(unix.Setxattr(a, "user.large", bytes.Repeat([]byte("v"), 3000), 0))
		for k := range 20 {
			check(os.Symlink(strings.Repeat("t", 100), filepath.Join(dir, fmt.Sprint("link", i, "-", k))))
		}
		clone(t, a, b)
		f, err := os.OpenFile(b, os.O_RDWR, 0)
		check(err)
		_, err = f.WriteAt(bytes.Repeat([]byte("x"), 50_000), 4096)
		check(err)
		check(f.Sync())
		check(unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 65536, 32768))
		check(f.Close())
		oracle.MustRun(t, xfsIO, "-c", "exchangerange "+b, a)
		check(os.Rename(a, a+"-renamed"))
		check(os.Remove(b))
	}
}
