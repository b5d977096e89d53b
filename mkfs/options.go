package mkfs

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"

	"github.com/cowfs/cowfs/format"
)

// kind is the sort of value that an option takes.
type kind uint8

const (
	size   kind = iota // bytes, with any suffix
	count              // a number of something; suffixes b and s mean nothing
	toggle             // 0 or 1
	word               // text
)

// option is one suboption of mkfs.xfs.
type option struct {
	section Section
	key     string
	kind    kind
	unit    bool   // it is a unit of others
	bare    string // the value meant by the name alone; empty: a value is needed
	// Limits of a number. max 0 is none.
	min, max, multiple uint64
	pow2               bool
	set                func(c *Config, v uint64)
	text               func(c *Config, s string) error
	// refuse says why the option cannot be used, except with the value only, which is what we
	// do anyway.
	refuse string
	only   string
}

func (o *option) name() string { return string(o.section) + " " + o.key }

const (
	noV4       = "the old format without checksums cannot be made; drop it"
	noRealtime = "realtime sections are not supported; drop it and keep all data in the data section"
	noLogDev   = "external logs are not supported; drop it to have the log inside the image"
	noMetadir  = "metadata directories are not supported; drop it"
	noQuota    = "quota can be switched on while making a filesystem with metadir only, which is not supported; use a mount option"
	noInherit  = "inode flags cannot be set while making a filesystem; drop it, and set the flag with xfs_io after mounting"
	noAtomic   = "sizing the log for atomic writes is not supported; drop it and give -l size= and the mount option"
	noLogSect  = "the sector size of an internal log is that of the data section; use -s size="
)

// options has every suboption that mkfs.xfs 7.2 knows.
var options = []option{
	{section: 'b', key: "size", unit: true, pow2: true, min: 512, max: format.MaxBlockSize, set: func(c *Config, v uint64) { c.BlockSize = int(v) }},
	{section: 's', key: "size", unit: true, pow2: true, min: format.MinSectorSize, max: format.MaxSectorSize, set: setSectSize},
	{section: 'd', key: "sectsize", unit: true, pow2: true, min: format.MinSectorSize, max: format.MaxSectorSize, set: setSectSize},

	{section: 'm', key: "crc", kind: toggle, bare: "1", only: "1", refuse: noV4, set: ignore},
	switchOption('m', "finobt", func(c *Config) *Switch { return &c.Finobt }),
	switchOption('m', "inobtcount", func(c *Config) *Switch { return &c.InobtCount }),
	switchOption('m', "rmapbt", func(c *Config) *Switch { return &c.Rmapbt }),
	switchOption('m', "reflink", func(c *Config) *Switch { return &c.Reflink }),
	switchOption('m', "bigtime", func(c *Config) *Switch { return &c.Bigtime }),
	{section: 'm', key: "metadir", kind: toggle, bare: "1", only: "0", refuse: noMetadir, set: ignore},
	{section: 'm', key: "uuid", kind: word, text: setUUID},
	{section: 'm', key: "autofsck", kind: word, text: setAutofsck},
	{section: 'm', key: "uquota", refuse: noQuota},
	{section: 'm', key: "gquota", refuse: noQuota},
	{section: 'm', key: "pquota", refuse: noQuota},
	{section: 'm', key: "uqnoenforce", refuse: noQuota},
	{section: 'm', key: "gqnoenforce", refuse: noQuota},
	{section: 'm', key: "pqnoenforce", refuse: noQuota},

	{section: 'd', key: "size", min: 1, max: math.MaxInt64, multiple: 512, set: func(c *Config, v uint64) { c.Size = v }},
	{section: 'd', key: "agcount", kind: count, min: 1, max: math.MaxInt32, set: func(c *Config, v uint64) { c.AGCount = uint32(v) }},
	{section: 'd', key: "agsize", min: format.MinAGBytes, max: format.MaxAGBytes, set: func(c *Config, v uint64) { c.AGSize = v }},
	{section: 'd', key: "su", max: math.MaxUint32, set: func(c *Config, v uint64) { c.StripeUnit = v }},
	{section: 'd', key: "sw", kind: count, max: math.MaxInt32, set: func(c *Config, v uint64) { c.StripeDisks = v }},
	{section: 'd', key: "sunit", kind: count, max: math.MaxUint32, set: func(c *Config, v uint64) { c.StripeUnit = v * format.BasicBlock }},
	{section: 'd', key: "swidth", kind: count, max: math.MaxUint32, set: func(c *Config, v uint64) { c.StripeWidth = v * format.BasicBlock }},
	{section: 'd', key: "noalign", kind: toggle, bare: "1", max: 1, set: func(c *Config, v uint64) { c.NoAlign = v == 1 }},
	{section: 'd', key: "concurrency", kind: word, bare: "nr_cpus", text: concurrency(func(c *Config) *int { return &c.AGConcurrency })},
	{section: 'd', key: "cowextsize", kind: count, only: "0", refuse: noInherit, set: ignore},
	{section: 'd', key: "extszinherit", kind: count, only: "0", refuse: noInherit, set: ignore},
	{section: 'd', key: "projinherit", kind: count, only: "0", refuse: noInherit, set: ignore},
	{section: 'd', key: "daxinherit", kind: toggle, bare: "1", only: "0", refuse: noInherit, set: ignore},
	{section: 'd', key: "rtinherit", kind: toggle, bare: "1", only: "0", refuse: noRealtime, set: ignore},
	// What these name is opened by others, which ask for it with Value.
	{section: 'd', key: "file", kind: toggle, bare: "1", max: 1, set: ignore},
	{section: 'd', key: "name", kind: word, text: func(*Config, string) error { return nil }},

	{section: 'i', key: "size", pow2: true, min: 256, max: format.MaxInodeSize, set: func(c *Config, v uint64) { c.InodeSize = int(v) }},
	{section: 'i', key: "perblock", kind: count, pow2: true, min: 2, max: format.MaxBlockSize / 256, set: func(c *Config, v uint64) { c.InodesPerBlock = int(v) }},
	{section: 'i', key: "maxpct", kind: count, max: 100, set: setMaxPct},
	switchOption('i', "sparse", func(c *Config) *Switch { return &c.Sparse }),
	switchOption('i', "nrext64", func(c *Config) *Switch { return &c.Nrext64 }),
	switchOption('i', "exchange", func(c *Config) *Switch { return &c.Exchange }),
	{section: 'i', key: "align", kind: toggle, bare: "1", only: "1", refuse: noV4, set: ignore},
	{section: 'i', key: "attr", kind: count, only: "2", refuse: noV4, set: ignore},
	{section: 'i', key: "projid32bit", kind: toggle, bare: "1", only: "1", refuse: noV4, set: ignore},
	{section: 'i', key: "max_atomic_write", refuse: noAtomic},

	{section: 'l', key: "size", min: 2 << 20, max: 2 << 30, multiple: 512, set: func(c *Config, v uint64) { c.LogSize = v }},
	{section: 'l', key: "agnum", kind: count, max: math.MaxInt32, set: setLogAG},
	{section: 'l', key: "su", min: 1, max: maxLogStripe, set: func(c *Config, v uint64) { c.LogStripeUnit = v }},
	{section: 'l', key: "sunit", kind: count, min: 1, max: maxLogStripe / format.BasicBlock, set: func(c *Config, v uint64) { c.LogStripeUnit = v * format.BasicBlock }},
	{section: 'l', key: "concurrency", kind: word, bare: "nr_cpus", text: concurrency(func(c *Config) *int { return &c.LogConcurrency })},
	{section: 'l', key: "internal", kind: toggle, bare: "1", only: "1", refuse: noLogDev, set: ignore},
	{section: 'l', key: "version", kind: count, only: "2", refuse: noV4, set: ignore},
	{section: 'l', key: "lazy-count", kind: toggle, bare: "1", only: "1", refuse: noV4, set: ignore},
	{section: 'l', key: "sectsize", refuse: noLogSect},
	{section: 'l', key: "logdev", refuse: noLogDev},
	{section: 'l', key: "name", refuse: noLogDev},
	{section: 'l', key: "file", refuse: noLogDev},

	{section: 'n', key: "size", pow2: true, min: 4096, max: format.MaxBlockSize, set: func(c *Config, v uint64) { c.DirBlockSize = int(v) }},
	{section: 'n', key: "version", kind: word, only: "2", refuse: "names without regard to case are deprecated and not supported; drop it", text: func(*Config, string) error { return nil }},
	{section: 'n', key: "ftype", kind: toggle, bare: "1", only: "1", refuse: noV4, set: ignore},
	switchOption('n', "parent", func(c *Config) *Switch { return &c.Parent }),

	{section: 'r', key: "extsize", refuse: noRealtime},
	{section: 'r', key: "size", refuse: noRealtime},
	{section: 'r', key: "rtdev", refuse: noRealtime},
	{section: 'r', key: "name", refuse: noRealtime},
	{section: 'r', key: "file", refuse: noRealtime},
	{section: 'r', key: "rgcount", refuse: noRealtime},
	{section: 'r', key: "rgsize", refuse: noRealtime},
	{section: 'r', key: "concurrency", refuse: noRealtime},
	{section: 'r', key: "noalign", refuse: noRealtime},
	{section: 'r', key: "zoned", kind: toggle, bare: "1", only: "0", refuse: noRealtime, set: ignore},
	{section: 'r', key: "start", refuse: noRealtime},
	{section: 'r', key: "reserved", refuse: noRealtime},

	{section: 'p', key: "file", kind: word, text: func(*Config, string) error { return nil }},
	{section: 'p', key: "atime", kind: toggle, bare: "1", only: "0", refuse: "access times are not kept; drop it", set: ignore},
	{section: 'p', key: "slashes_are_spaces", kind: toggle, bare: "1", only: "0", refuse: "it is for prototype files, which are not supported; drop it", set: ignore},
}

func findOption(name string) *option {
	i := slices.IndexFunc(options, func(o option) bool { return o.name() == name })
	if i < 0 {
		return nil
	}
	return &options[i]
}

// unknown is the error text for a setting that is in no line of the table.
func unknown(s Setting) string {
	var known []string
	for i := range options {
		if o := &options[i]; o.section == s.Section && (o.refuse == "" || o.only != "") {
			known = append(known, o.key)
		}
	}
	if known == nil {
		return "not known"
	}
	return "not known; there are " + strings.Join(known, ", ")
}

func switchOption(section Section, key string, field func(*Config) *Switch) option {
	return option{section: section, key: key, kind: toggle, bare: "1", max: 1, set: func(c *Config, v uint64) {
		*field(c) = Off
		if v == 1 {
			*field(c) = On
		}
	}}
}

// ignore is for options of which only one value is allowed, the one we have anyway.
func ignore(*Config, uint64) {}

func setSectSize(c *Config, v uint64) { c.SectSize = int(v) }

func setMaxPct(c *Config, v uint64) {
	pct := uint8(v)
	c.MaxPct = &pct
}

func setLogAG(c *Config, v uint64) {
	ag := uint32(v)
	c.LogAG = &ag
}

func setUUID(c *Config, s string) (err error) {
	if c.UUID, err = format.ParseUUID(s); err == nil && c.UUID == (format.UUID{}) {
		err = errors.New("a filesystem's UUID cannot be zero")
	}
	return err
}

// autofsckWords are the values of the property; 0 and 1 are short for the first and the last.
var autofsckWords = []string{"none", "check", "optimize", "repair"}

func setAutofsck(c *Config, s string) error {
	switch s {
	case "0":
		s = autofsckWords[0]
	case "1":
		s = autofsckWords[len(autofsckWords)-1]
	}
	if !slices.Contains(autofsckWords, s) {
		return fmt.Errorf("value is not known; there are 0, 1, %s", strings.Join(autofsckWords, ", "))
	}
	c.Autofsck = s
	return nil
}

// concurrency reads a number of writers: 0 for no thought of them, a number, or 1 or nr_cpus for
// as many as there are processors.
func concurrency(field func(*Config) *int) func(*Config, string) error {
	return func(c *Config, s string) error {
		if s == "nr_cpus" || s == "1" {
			*field(c) = runtime.NumCPU()
			return nil
		}
		n, err := ParseNumber(s, 0, 0)
		if err == nil && n > math.MaxInt32 {
			err = errOverflow
		}
		*field(c) = int(n)
		return err
	}
}
