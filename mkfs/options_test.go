package mkfs

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/internal/oracle"
)

// wrong are options that cannot be used, with a part of what we say. Those marked ours are taken
// by mkfs.xfs.
var wrong = []struct {
	args, want string
	ours       bool
}{
	{"-d size=500m -d size=600m", "given twice", false},
	{"-d size", "needs a value", false},
	{"-d size=", "needs a value", false},
	{"-d foo=1", "not known; there are", false},
	{"-d size=3q", "not a number", false},
	{"-d size=1000000001", "not a multiple of 512", false},
	{"-d size=0", "too small", false},
	{"-d agcount=0", "too small", false},
	{"-d agcount=1000000", "too small", false},
	{"-d agcount=x", "not a number", false},
	{"-d agcount=3,agsize=100m", "cannot both be given", false},
	{"-d concurrency=4,agcount=3", "cannot both be given", false},
	{"-d agsize=1m", "too small", false},
	{"-d agsize=20000000", "not a multiple of the block size", false},
	{"-d agsize=2t", "too large", false},
	{"-d agsize=2g", "larger than the image", false},
	{"-d su=64k", "needs -d sw= too", false},
	{"-d sw=4", "needs -d su= too", false},
	{"-d sunit=128", "needs -d swidth= too", false},
	{"-d su=64k,swidth=512", "cannot both be given", false},
	{"-d sunit=128,swidth=500", "not a multiple of the stripe unit", false},
	{"-d su=5000,sw=2", "not a multiple of the sector size", false},
	{"-d su=2k,sw=2", "not a multiple of the block size", false},
	{"-d su=64k,sw=0", "larger than the stripe width", false},
	{"-d su=64k,sw=70000", "too large", false},
	{"-d su=64k,sw=4,noalign", "cannot both be given", false},
	{"-d rtinherit=1", "realtime", true},
	{"-d extszinherit=16", "inode flags", true},
	{"-d cowextsize=16", "inode flags", true},
	{"-d projinherit=16", "inode flags", true},
	{"-d daxinherit", "inode flags", true},
	{"-b size=512", "least is 1024", false},
	{"-b size=3000", "not a power of two", false},
	{"-b size=128k", "too large", false},
	{"-b size=1b", "not a number", false},
	{"-i size=256", "least is 512", false},
	{"-i size=4096", "too large", false},
	{"-i size=1000", "not a power of two", false},
	{"-b size=1024 -i size=1024", "more than half a block", false},
	{"-i perblock=16", "least is 512", false},
	{"-i perblock=3", "not a power of two", false},
	{"-i perblock=4,size=1024", "cannot both be given", false},
	{"-i maxpct=101", "too large", false},
	{"-i maxpct=-1", "not a number", false},
	{"-i align=0", "without checksums", false},
	{"-i attr=1", "without checksums", false},
	{"-i projid32bit=0", "without checksums", false},
	{"-i max_atomic_write=64k", "atomic writes", true},
	{"-l size=1m", "too small", false},
	{"-l size=1000b", "-l size=2001b", false},
	{"-l size=3g", "too large", false},
	{"-l size=100m,su=12k", "multiple of its stripe unit", false},
	{"-l agnum=4", "give -l agnum=3 or less", false},
	{"-l su=5000", "not a multiple of the block size", false},
	{"-l su=512k", "too large", false},
	{"-l su=4k,sunit=8", "cannot both be given", false},
	{"-l concurrency=4,size=100m", "cannot both be given", false},
	{"-l version=1", "without checksums", false},
	{"-l lazy-count=0", "without checksums", false},
	{"-l internal=0", "external logs", false},
	{"-l logdev=/dev/null", "external logs", false},
	{"-l sectsize=4k", "-s size=", false},
	{"-m crc=0", "without checksums", true},
	{"-m crc=2", "without checksums", false},
	{"-m finobt=2", "too large", false},
	{"-m inobtcount=1,finobt=0", "-m inobtcount=0", false},
	{"-m metadir=1", "metadata directories", true},
	{"-m uquota", "quota", true},
	{"-m uuid=foo", "UUID", false},
	{"-m uuid=", "needs a value", false},
	{"-m autofsck=3", "there are 0, 1, none", false},
	{"-n size=2048", "too small", false},
	{"-n size=128k", "too large", false},
	{"-n size=5000", "not a power of two", false},
	{"-b size=16k -n size=8192", "smaller than the block size", false},
	{"-n ftype=0", "without checksums", false},
	{"-n version=ci", "deprecated", true},
	{"-n version=1", "deprecated", false},
	{"-s size=64k", "too large", false},
	{"-s size=256", "too small", false},
	{"-s size=8k", "larger than the block size", false},
	{"-s size=4k -d sectsize=4k", "cannot both be given", false},
	{"-r size=1g", "realtime", false},
	{"-r extsize=64k", "realtime", true},
	{"-r zoned=1", "realtime", false},
}

func TestWrongOptions(t *testing.T) {
	for _, c := range wrong {
		_, err := ours(t, gib, c.args)
		switch {
		case err == nil:
			t.Errorf("%s: not refused", c.args)
		case !errors.Is(err, ErrOptions):
			t.Errorf("%s: %v is no ErrOptions", c.args, err)
		case !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: %v; want %q", c.args, err, c.want)
		case strings.Contains(err.Error(), "\n"):
			t.Errorf("%s: more than one line: %v", c.args, err)
		}
	}
}

// TestWrongOptionsOracle has mkfs.xfs judge the same options.
func TestWrongOptionsOracle(t *testing.T) {
	dir := t.TempDir()
	for _, c := range wrong {
		if strings.HasPrefix(c.args, "-l logdev") || c.args == "-b size=1b" {
			continue // it takes another path as a device; it complains of a missing block size
		}
		if _, ok, said := mkfsXFS(t, dir, gib, c.args); ok != c.ours {
			t.Errorf("%s: taken by mkfs.xfs: %v, want %v: %.100s", c.args, ok, c.ours, said)
		}
	}
}

// TestOptionsComplete finds every suboption that mkfs.xfs's usage text names in our table.
func TestOptionsComplete(t *testing.T) {
	tool := oracle.Tool(t, "mkfs.xfs", oracle.Gen7)
	usage := oracle.Run(t, tool, "-d", "nonsense=1", os.DevNull).Stderr
	n := 0
	for _, m := range regexp.MustCompile(`(?s)\[-([bdilmnrs]) ([^\]]+)\]`).FindAllStringSubmatch(usage, -1) {
		for _, part := range regexp.MustCompile(`[,|()\s]+`).Split(m[2], -1) {
			key, _, _ := strings.Cut(part, "=")
			if !regexp.MustCompile(`^[a-z][a-z0-9_-]+$`).MatchString(key) || strings.Contains(part, "xxx") && key == "" {
				continue
			}
			if key == "ci" || key == "num" || key == "value" {
				continue // values
			}
			n++
			if findOption(m[1]+" "+key) == nil {
				t.Errorf("-%s %s is not in the table", m[1], key)
			}
		}
	}
	if n < 50 {
		t.Errorf("only %d suboptions found in:\n%s", n, usage)
	}
}

func TestOptionsTable(t *testing.T) {
	seen := map[string]bool{}
	for i := range options {
		o := &options[i]
		if seen[o.name()] {
			t.Errorf("%s is there twice", o.name())
		}
		seen[o.name()] = true
		if (o.set == nil) == (o.text == nil) && o.refuse == "" {
			t.Errorf("%s does nothing, or two things", o.name())
		}
		if o.refuse != "" && o.only == "" && (o.set != nil || o.text != nil) {
			t.Errorf("%s is refused and yet does something", o.name())
		}
	}
	for _, pairs := range [][][2]string{exclusive, together} {
		for _, pair := range pairs {
			for _, name := range pair {
				if findOption(name) == nil {
					t.Errorf("rule for unknown option %s", name)
				}
			}
		}
	}
}

// TestProfiles holds our profiles against the configuration files of xfsprogs.
func TestProfiles(t *testing.T) {
	for _, name := range Profiles() {
		settings, err := Profile(name)
		if err != nil {
			t.Fatal(err)
		}
		c, err := NewConfig(nil, settings)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		c.Size = gib
		g, err := c.Geometry()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if name != "lts_6.18" && (g.HasParent() || g.HasExchange()) {
			t.Errorf("%s has features of 6.18", name)
		}
	}
	if _, err := Profile("lts_2.4"); err == nil || !strings.Contains(err.Error(), "lts_6.12") {
		t.Errorf("unknown profile: got %v", err)
	}
}
