package shell

import (
	"math/bits"
	"strconv"
	"strings"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
)

// number reads a number in any base that Go knows.
func number(what, s string, size int) (uint64, error) {
	n, err := strconv.ParseUint(s, 0, size)
	if err != nil {
		return 0, usagef("%s %q: not a number of %d bits", what, s, size)
	}
	return n, nil
}

// ParseSize reads a number of bytes, with one of the suffixes k m g t, in either case, for
// powers of 1024.
func ParseSize(s string) (int64, error) {
	shift, digits := 0, s
	if n := len(s); n > 0 {
		if i := strings.IndexByte("kmgt", s[n-1]|0x20); i >= 0 {
			shift, digits = 10*(i+1), s[:n-1]
		}
	}
	n, err := strconv.ParseUint(digits, 0, 63)
	if err != nil || bits.Len64(n)+shift > 63 {
		return 0, usagef("size %q: not a number of bytes, with k, m, g or t behind it if need be", s)
	}
	return int64(n << shift), nil
}

// atMost is the error for more arguments than a command takes.
func atMost(args []string, n int) error {
	if len(args) > n {
		return usagef("too many arguments")
	}
	return nil
}

// exactly is the error for another number of arguments than a command takes.
func exactly(args []string, n int) error {
	if len(args) < n {
		return usagef("an argument is missing")
	}
	return atMost(args, n)
}

// path checks that an argument is a path in the image.
func imagePath(arg string) (string, error) {
	if !strings.HasPrefix(arg, "/") {
		return "", usagef("%q: a path in the image begins with /", arg)
	}
	return arg, nil
}

// inodeArg finds an inode by path or number. Links are not followed: their own inode is meant.
func (s *Session) inodeArg(arg string) (*inode.Inode, error) {
	if strings.HasPrefix(arg, "/") {
		return s.Vol.LookupLink(arg)
	}
	n, err := inoNumber(arg)
	if err != nil {
		return nil, err
	}
	return s.Vol.Inode(n)
}

// inoNumber reads the number of an inode, where a path might stand as well.
func inoNumber(arg string) (format.Ino, error) {
	n, err := strconv.ParseUint(arg, 0, 64)
	if err != nil {
		return 0, usagef("%q: neither the number of an inode nor a path, which begins with /", arg)
	}
	return format.Ino(n), nil
}

// orCurrent is arguments that name inodes: where there are none, the inode that was last gone to.
func (s *Session) orCurrent(args []string) ([]string, error) {
	if len(args) > 0 {
		return args, nil
	}
	p, err := s.walk.here()
	if err != nil || p.ino == format.NullIno {
		return nil, usagef("no inode is named, and none was gone to with inode")
	}
	return []string{strconv.FormatUint(uint64(p.ino), 10)}, nil
}

// groupArg reads the number of a group, 0 if there is no argument.
func (s *Session) groupArg(args []string) (format.AGNumber, error) {
	if err := atMost(args, 1); err != nil || len(args) == 0 {
		return 0, err
	}
	n, err := number("group", args[0], 32)
	if err != nil {
		return 0, err
	}
	ag := format.AGNumber(n)
	if err := s.Vol.CheckAG(ag); err != nil {
		return 0, usagef("%v", err)
	}
	return ag, nil
}

// groupArgs reads numbers of groups; none means all.
func (s *Session) groupArgs(args []string) ([]format.AGNumber, error) {
	var out []format.AGNumber
	for i := range args {
		ag, err := s.groupArg(args[i : i+1])
		if err != nil {
			return nil, err
		}
		out = append(out, ag)
	}
	if len(args) == 0 {
		for ag := range s.Vol.Geo.AGCount {
			out = append(out, format.AGNumber(ag))
		}
	}
	return out, nil
}

// blockArg reads the number of a block: absolute, or of a group as AG:BLOCK.
func (s *Session) blockArg(arg string) (format.FSBlock, error) {
	g := s.Vol.Geo
	if group, block, ok := strings.Cut(arg, ":"); ok {
		ag, err := s.groupArg([]string{group})
		if err != nil {
			return 0, err
		}
		n, err := number("block", block, 32)
		if err != nil {
			return 0, err
		}
		if uint32(n) >= g.AGLen(ag) {
			return 0, usagef("block %d: group %d has %d blocks", n, ag, g.AGLen(ag))
		}
		return g.FSB(ag, format.AGBlock(n)), nil
	}
	n, err := number("block", arg, 64)
	if err == nil && !g.ValidFSB(format.FSBlock(n), 1) {
		err = usagef("block %d: not in any group of the volume", n)
	}
	return format.FSBlock(n), err
}
