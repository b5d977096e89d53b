package mkfs

import (
	"errors"
	"fmt"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/source"
)

// ErrOptions is the class of errors that other options would avoid: a name or value that is
// not known, a combination that is not possible, a size that does not work.
var ErrOptions = errors.New("options cannot be used")

// Is makes every OptionError an ErrOptions.
func (e *OptionError) Is(target error) bool { return target == ErrOptions }

// conflict is an error about several options together, or about one and the image.
type conflict string

func (e conflict) Error() string        { return string(e) }
func (e conflict) Is(target error) bool { return target == ErrOptions }

func conflictf(format string, args ...any) error { return conflict(fmt.Sprintf(format, args...)) }

// tooSmall is a conflict that a larger image would solve.
type tooSmall struct{ conflict }

func tooSmallf(format string, args ...any) error {
	return tooSmall{conflict(fmt.Sprintf(format, args...))}
}

// Switch is a feature that may be on, off, or left to the default.
type Switch int8

// The settings of a Switch.
const (
	Default Switch = iota
	On
	Off
)

// or resolves the default.
func (s Switch) or(byDefault bool) bool {
	if s == Default {
		return byDefault
	}
	return s == On
}

// Config says what filesystem to make. The zero value of every field is the default, which is
// that of mkfs.xfs 7.2 for a regular file.
type Config struct {
	Size uint64 // of the image in bytes; there is no default

	BlockSize      int // bytes; a power of two from 1024 to 65536
	SectSize       int // bytes; a power of two from 512 to the block size
	InodeSize      int // bytes; a power of two from 512 to 2048 and half a block
	InodesPerBlock int // another way to say InodeSize
	DirBlockSize   int // bytes; a power of two from the block size to 65536

	AGCount       uint32
	AGSize        uint64 // bytes; another way to say AGCount
	AGConcurrency int    // how many writers there shall be groups for
	StripeUnit    uint64 // of a RAID, in bytes
	StripeDisks   uint64 // stripe width, in stripe units
	StripeWidth   uint64 // stripe width, in bytes: another way to say StripeDisks
	NoAlign       bool   // no stripes, whatever else says so

	LogSize        uint64  // bytes
	LogAG          *uint32 // the group that the log lies in
	LogStripeUnit  uint64  // of the log, in bytes
	LogConcurrency int     // how many writers the log shall have room for

	MaxPct *uint8 // share of the image that inodes may take, in percent; 0 is no limit

	Finobt, Rmapbt, Reflink, Bigtime, InobtCount Switch
	Sparse, Nrext64, Exchange, Parent            Switch

	UUID     format.UUID // zero: a random one
	Label    string      // at most 12 bytes
	Autofsck string      // the filesystem property autofsck: none, check, optimize or repair
}

// NewConfig judges settings and puts them together. No option may be given twice, wherever it
// stands; those in defaults give way to those in settings.
func NewConfig(settings, defaults []Setting) (*Config, error) {
	given, err := collect(settings)
	if err != nil {
		return nil, err
	}
	low, err := collect(defaults)
	if err != nil {
		return nil, err
	}
	for name, s := range low {
		if _, ok := given[name]; !ok && !overruled(name, given) {
			given[name] = s
		}
	}
	if err := checkPairs(given); err != nil {
		return nil, err
	}
	// The block and sector sizes are units of other values, so they come first.
	c := new(Config)
	for _, units := range []bool{true, false} {
		for i := range options {
			o := &options[i]
			s, ok := given[o.name()]
			if ok && o.unit == units {
				if err := o.apply(c, s); err != nil {
					return nil, &OptionError{s.String(), err.Error()}
				}
			}
		}
	}
	return c, nil
}

// collect indexes settings by the names of their options.
func collect(settings []Setting) (map[string]Setting, error) {
	given := map[string]Setting{}
	for _, s := range settings {
		name := string(s.Section) + " " + s.Key
		if findOption(name) == nil {
			return nil, &OptionError{s.String(), unknown(s)}
		}
		if before, ok := given[name]; ok {
			return nil, &OptionError{s.String(), fmt.Sprintf("given twice, first as %s; drop one", before)}
		}
		given[name] = s
	}
	return given, nil
}

// apply sets what a setting says.
func (o *option) apply(c *Config, s Setting) error {
	text := s.Value
	if s.Bare {
		text = o.bare
	}
	switch {
	case text == "" && s.Bare && o.bare == "" && o.kind != word, text == "" && !s.Bare, s.Bare && o.kind == word:
		if o.refuse != "" && o.only == "" {
			return errors.New(o.refuse)
		}
		return fmt.Errorf("needs a value; write %s=VALUE", s.Key)
	case o.refuse != "" && text != o.only:
		return errors.New(o.refuse)
	case o.kind == word:
		return o.text(c, text)
	}
	v, err := o.number(c, text)
	if err != nil {
		return err
	}
	o.set(c, v)
	return nil
}

// number reads and judges the value of an option that takes a number.
func (o *option) number(c *Config, text string) (uint64, error) {
	bs, ss := 0, 0
	if o.kind == size {
		bs, ss = c.blockSize(), c.sectSize()
		if o.unit {
			bs, ss = 0, 0
		}
	}
	v, err := ParseNumber(text, bs, ss)
	switch {
	case err != nil:
		return 0, err
	case v < o.min:
		return 0, fmt.Errorf("value is too small; the least is %d", o.min)
	case o.max != 0 && v > o.max:
		return 0, fmt.Errorf("value is too large; the most is %d", o.max)
	case o.pow2 && v&(v-1) != 0:
		return 0, errors.New("value is not a power of two")
	case o.multiple > 1 && v%o.multiple != 0:
		return 0, fmt.Errorf("value is not a multiple of %d", o.multiple)
	}
	return v, nil
}

func (c *Config) blockSize() int {
	if c.BlockSize == 0 {
		return 4096
	}
	return c.BlockSize
}

func (c *Config) sectSize() int {
	if c.SectSize == 0 {
		return format.MinSectorSize
	}
	return c.SectSize
}

// properties are the filesystem's properties as the root directory's attributes hold them.
// Without a word of the user an empty filesystem is given leave to mend itself if it has what
// that takes; a filled one gets nothing that its source does not have.
func (c *Config) properties(g *format.Geometry, empty bool) []source.Xattr {
	autofsck := c.Autofsck
	if autofsck == "" && empty && g.HasRmapbt() && g.HasParent() {
		autofsck = "repair"
	}
	if autofsck == "" {
		return nil
	}
	return []source.Xattr{{Name: "trusted.xfs:autofsck", Value: []byte(autofsck)}}
}
