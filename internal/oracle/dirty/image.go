package dirty

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cowfs/cowfs/internal/oracle"
)

// Case is a kind of image.
type Case struct {
	Name string
	Mkfs []string // further arguments of mkfs.xfs
	Data string   // mount options
	Size int64    // of the image in bytes; 0 is 300 MiB
	Laps int      // how often to go round a log of 16 MiB before

	// What recovery finds. Without any of these, a replay of the log leaves an image without a
	// fault.
	NoFlush bool // what was not synced does not get into the log
	Cow     bool // CoW staging extents are left over
	Open    bool // files that were deleted and still open are in the unlinked lists
	Race    bool // unfinished intents, and all of the above
}

// Cases are the images to try, those that take longest last.
func Cases() []Case {
	small := func(args ...string) []string { return append(args, "-l", "size=16m") }
	return []Case{
		{Name: "default"},
		{Name: "default-noflush", NoFlush: true},
		{Name: "cow-open", Cow: true, Open: true},
		{Name: "race", Race: true},
		{Name: "1k", Mkfs: []string{"-b", "size=1k"}},
		{Name: "1k-cow-open-noflush", Mkfs: []string{"-b", "size=1k"}, Cow: true, Open: true, NoFlush: true},
		{Name: "1k-race", Mkfs: []string{"-b", "size=1k"}, Race: true},
		{Name: "2k-no-rmapbt", Mkfs: []string{"-b", "size=2k", "-m", "rmapbt=0"}},
		{Name: "16k-open", Mkfs: []string{"-b", "size=16k"}, Open: true},
		{Name: "64k", Mkfs: []string{"-b", "size=64k"}},
		{Name: "old-features", Mkfs: []string{
			"-m", "rmapbt=0,reflink=0,finobt=0,inobtcount=0,bigtime=0", "-i", "nrext64=0,sparse=0,exchange=0", "-n", "parent=0",
		}},
		{Name: "old-features-race", Race: true, Mkfs: []string{
			"-m", "rmapbt=0,reflink=0,finobt=0,inobtcount=0,bigtime=0", "-i", "nrext64=0,sparse=0,exchange=0", "-n", "parent=0",
		}},
		{Name: "no-parent-cow", Mkfs: []string{"-n", "parent=0"}, Cow: true},
		{Name: "su32k", Mkfs: []string{"-l", "su=32k"}},
		{Name: "su256k-open", Mkfs: []string{"-l", "su=256k"}, Open: true},
		{Name: "logbsize256k", Data: "logbsize=256k"},
		{Name: "inode2k-dir64k", Mkfs: []string{"-i", "size=2048", "-n", "size=64k"}},
		{Name: "sector4k-open", Mkfs: []string{"-s", "size=4k"}, Open: true},
		{Name: "wrapped", Mkfs: small(), Laps: 2},
		{Name: "1k-wrapped-open", Mkfs: small("-b", "size=1k"), Laps: 1, Open: true},
		{Name: "su32k-wrapped-cow-noflush", Mkfs: []string{"-l", "size=16m,su=32k"}, Laps: 1, Cow: true, NoFlush: true},
	}
}

// Clean reports whether an image is without a fault as soon as its log has been replayed.
func (c Case) Clean() bool { return !c.Cow && !c.Open && !c.NoFlush && !c.Race }

// Image makes an image as the case says. The work before the crash depends on the seed; where
// the case is a race, on the moment, too.
func Image(t testing.TB, c Case, seed uint64) string {
	t.Helper()
	size := c.Size
	if size == 0 {
		size = 300 << 20
	}
	image := Fresh(t, size, c.Mkfs...)
	m := oracle.Mount(t, image, oracle.MountOptions{Data: c.Data, Loud: true})
	w := NewWork(t, m.Dir, seed)
	w.Cow = c.Cow || c.Race
	w.All(c.Laps)
	var open []*os.File
	if c.Open || c.Race {
		open = w.DeleteOpen()
	}
	if c.Race {
		w.Race()
	} else {
		w.Shutdown(c.NoFlush)
	}
	for _, f := range open {
		f.Close()
	}
	m.Unmount()
	return image
}

// Fresh makes an empty image in a file of size bytes. Logs may be as small as the kernel
// accepts.
func Fresh(t testing.TB, size int64, args ...string) string {
	t.Helper()
	image := filepath.Join(t.TempDir(), "image")
	f, err := os.Create(image)
	if err == nil {
		err = f.Truncate(size)
	}
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	cmd := exec.Command(oracle.Tool(t, "mkfs.xfs", oracle.Gen7), append(append([]string{"-q", "-f"}, args...), image)...)
	cmd.Env = append(os.Environ(), "TEST_DIR=1", "TEST_DEV=1", "QA_CHECK_FS=1")
	if r := oracle.RunCmd(t, cmd); r.Exit != 0 {
		t.Fatalf("mkfs.xfs %q: %s", args, r.Stderr)
	}
	return image
}

// The ioctl of a shutdown, and its flags.
const (
	goingDown         = 0x8004587d
	goingDownLogFlush = 1
	goingDownNoFlush  = 2
)

// Shutdown stops the filesystem as a crash would: with all changes in the log, or without those
// that were not synced.
func (w *Work) Shutdown(noFlush bool) {
	w.t.Helper()
	f, err := os.Open(w.Dir)
	w.must(err)
	defer f.Close()
	w.must(shutdown(f, noFlush))
}

// The ioctls that freeze a filesystem and thaw it.
const (
	freeze = 0xc0045877
	thaw   = 0xc0045878
)

// Frozen does something while the filesystem is frozen: all that was done is in the log or in
// place, and nothing changes.
func (w *Work) Frozen(do func()) {
	w.t.Helper()
	f, err := os.Open(w.Dir)
	w.must(err)
	defer f.Close()
	w.must(unix.IoctlSetInt(int(f.Fd()), freeze, 0))
	defer func() { w.must(unix.IoctlSetInt(int(f.Fd()), thaw, 0)) }()
	do()
}

func shutdown(dir *os.File, noFlush bool) error {
	flag := goingDownLogFlush
	if noFlush {
		flag = goingDownNoFlush
	}
	return unix.IoctlSetPointerInt(int(dir.Fd()), goingDown, flag)
}
