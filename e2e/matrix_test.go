package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/internal/oracle/zoo"
)

// variant is one way to lay a filesystem out: a row of the matrix that every tree goes through.
type variant struct {
	name string
	args string // as on the command line
	gen6 bool   // without the features that xfsprogs 6 does not know
}

// old switches off what xfsprogs 6 does not know.
const old = "-n parent=0 -i exchange=0 "

var variants = []variant{
	{"default", "", false},
	{"old", old, true},

	{"block-1k", "-b size=1k", false},
	{"block-2k", "-b size=2k", false},
	{"block-8k", "-b size=8k", false},
	{"block-16k", "-b size=16k", false},
	{"block-32k", "-b size=32k", false},
	{"block-64k", "-b size=64k", false},
	{"block-1k-old", old + "-b size=1k", true},
	{"block-64k-old", old + "-b size=64k", true},
	{"inode-1k", "-i size=1024", false},
	{"inode-2k", "-i size=2048", false},
	{"inode-2k-old", old + "-i size=2048", true},
	{"sector-4k", "-s size=4k", false},
	{"dirblock-8k", "-n size=8k", false},
	{"dirblock-64k", "-n size=64k", false},
	{"dirblock-64k-block-1k", "-n size=64k -b size=1k", false},

	{"no-parent", "-n parent=0", false},
	{"no-exchange", "-i exchange=0 -n parent=0", true},
	{"no-rmapbt", "-m rmapbt=0", false},
	{"no-reflink", "-m reflink=0", false},
	{"no-rmapbt-no-reflink", "-m rmapbt=0,reflink=0", false},
	{"no-finobt", "-m finobt=0,inobtcount=0", false},
	{"no-inobtcount", "-m inobtcount=0", false},
	{"no-bigtime", "-m bigtime=0", false},
	{"no-nrext64", "-i nrext64=0", false},
	{"no-sparse", "-i sparse=0", false},
	{"nothing-new", old + "-m rmapbt=0,reflink=0,finobt=0,inobtcount=0,bigtime=0 -i sparse=0,nrext64=0", true},
	{"nothing-new-1k", old + "-m rmapbt=0,reflink=0,finobt=0,inobtcount=0,bigtime=0 -i sparse=0,nrext64=0 -b size=1k", true},

	{"agcount-1", "-d agcount=1", false},
	{"agcount-2", "-d agcount=2", false},
	{"agcount-3", "-d agcount=3", false},
	{"agcount-7", "-d agcount=7", false},
	{"agcount-16", "-d agcount=16", false},
	{"agcount-32", "-d agcount=32", false},
	{"agcount-64", "-d agcount=64", false},
	{"agsize", "-d agsize=100m", false},
	{"stripe", "-d su=64k,sw=4", false},
	{"log-100m", "-l size=100m", false},
	{"log-su", "-l su=32k", false},
	{"maxpct-0", "-i maxpct=0", false},
}

// limitTime is what remains of a time without the bigtime feature: the nearest that the
// old form can hold.
func (v variant) limitTime(t time.Time) time.Time {
	if strings.Contains(v.args, "bigtime=0") && t.Unix() > 1<<31-1 {
		return time.Unix(1<<31-1, 0).UTC()
	}
	return t
}

// Every kind of node survives every variant; xfs_repair and the kernel find nothing to say,
// also after the kernel has worked with the image.
func TestVariants(t *testing.T) {
	t.Parallel()
	home := zoo.Home(t)
	zoo.Small(t, home)
	want := snapshot(t, home)
	for i, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			image := newImage(t, "5g", append(strings.Fields(v.args), "--root", home)...)
			oracle.RepairClean(t, oracle.Gen7, image)
			if v.gen6 {
				oracle.RepairClean(t, oracle.Gen6, image)
			}
			oracle.Equal(t, want, kernelSees(t, image), oracle.CompareOptions{Mtime: v.limitTime})
			oracle.KernelWrites(t, oracle.Gen7, image, uint64(i))
			if v.gen6 {
				oracle.RepairClean(t, oracle.Gen6, image)
			}
		})
	}
}

// An image without content is a filesystem too, in every variant.
func TestEmptyVariants(t *testing.T) {
	t.Parallel()
	for i, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			image := newImage(t, "5g", strings.Fields(v.args)...)
			oracle.RepairClean(t, oracle.Gen7, image)
			if v.gen6 {
				oracle.RepairClean(t, oracle.Gen6, image)
			}
			if i%4 == 0 {
				oracle.KernelWrites(t, oracle.Gen7, image, uint64(i))
			}
		})
	}
}
