package shell

import (
	"context"
	"flag"
	"strings"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
)

// inodeCommands go to structures other than headers.
func inodeCommands() []*Command {
	return []*Command{
		{
			Name: "inode", Args: "[-q] NUMBER|/PATH [FIELD]...", Summary: "go to an inode, and print it with its forks as they lie in it",
			Text: "A free inode is printed too.",
			Examples: []Example{
				{"inode 128", "by number"},
				{"inode /etc/hostname core.size", "by path, one field; a link is gone to itself"},
			},
			setup: moving(goInode),
		},
		{
			Name: "block", Aliases: []string{"fsblock"}, Args: "[-q] NUMBER|AG:BLOCK", Summary: "go to a block, and print whatever it holds",
			Text: "The type is found by magic number. A block of inodes prints all of them, a group's first\nblock all its headers; what has no known type is dumped in hexadecimal. The position is then\nthe first structure in the block.",
			Examples: []Example{
				{"block 1:5", "block 5 of group 1"},
				{"block 0x10003", "an absolute block number, as in bmap and xfs_db's fsblock"},
			},
			setup: setupBlock,
		},
		{
			Name: "daddr", Args: "[-q] NUMBER", Summary: "go to a disk address in units of 512 bytes, and print what is there",
			Examples: []Example{{"daddr 8", ""}, {"daddr -q 0x20", "only go there"}},
			setup: moving(func(_ context.Context, s *Session, args []string) (position, []string, error) {
				if len(args) == 0 {
					return position{}, nil, usagef("an address is missing")
				}
				n, err := number("address", args[0], 54)
				if err != nil {
					return position{}, nil, err
				}
				p, err := s.at(int64(n)<<format.BasicBlockLog, nil, format.BasicBlock)
				return p, args[1:], err
			}),
		},
		dquotCommand(),
		forkCommand("dblock", "data", inode.Data),
		forkCommand("ablock", "attribute", inode.Attr),
		{
			Name: "root", Args: "[-q] [-a|-c] KIND AG | [-q] [-a|-c] bmbt NUMBER|/PATH", Summary: "go to the root of a B+tree",
			Text: "KIND is bnobt, cntbt, inobt, finobt, rmapbt or refcountbt. The root of bmbt lies in the inode:\nthe position is that, and only the root is printed. Of a CoW fork it is a block.",
			Examples: []Example{
				{"root bnobt 0", "then follow ptrs[0], and so on"},
				{"root bmbt /var/log/journal", ""},
			},
			setup: setupRoot,
		},
		{
			Name: "log", Aliases: []string{"logblock"}, Args: "[-q] [BLOCK]", Summary: "go to a record of the log, and print its header",
			Text:     "BLOCK counts in 512 bytes from the start of the log; without it, to where recovery would\nbegin, or in a clean log to the record that says so.",
			Examples: []Example{{"log", ""}, {"log 2", "the record in log block 2"}},
			setup:    moving(goLog),
		},
	}
}

func goInode(_ context.Context, s *Session, args []string) (position, []string, error) {
	if len(args) == 0 {
		return position{}, nil, usagef("an argument is missing")
	}
	ino, err := s.inoArg(args[0])
	if err != nil {
		return position{}, nil, err
	}
	p, err := s.atInode(ino)
	return p, args[1:], err
}

// inoArg finds the number of an inode, in use or not, by path or number. A link is not followed.
func (s *Session) inoArg(arg string) (format.Ino, error) {
	if strings.HasPrefix(arg, "/") {
		i, err := s.Vol.LookupLink(arg)
		if err != nil {
			return 0, err
		}
		return i.Ino, nil
	}
	n, err := inoNumber(arg)
	if err == nil && !s.Vol.Geo.ValidIno(n) {
		err = usagef("inode %d: no inode of the volume can have this number", n)
	}
	return n, err
}

func setupBlock(f *flag.FlagSet) runFunc {
	quiet := f.Bool("q", false, "only go there, print nothing")
	return func(_ context.Context, s *Session, args []string) error {
		if err := exactly(args, 1); err != nil {
			return err
		}
		fsb, err := s.blockArg(args[0])
		if err != nil {
			return err
		}
		return s.goBlock(fsb, *quiet)
	}
}

// goBlock prints all structures that begin in a block, and goes to the first one. The first damage
// is returned at the end.
func (s *Session) goBlock(fsb format.FSBlock, quiet bool) error {
	g := s.Vol.Geo
	off := g.Offset(fsb)
	b, err := s.read(off, format.MaxBlockSize)
	if err != nil {
		return err
	}
	var damage error
	found := 0
	for at := 0; at < min(g.BlockSize, len(b)); {
		t := format.Detect(g, b[at:])
		if t == nil {
			at += s.step(off + int64(at))
			continue
		}
		p, err := s.at(off+int64(at), formOf(t), g.BlockSize)
		if err != nil {
			return err
		}
		if found++; found == 1 {
			s.walk.goTo(p)
		} else if !quiet {
			s.title("")
		}
		if !quiet {
			s.title("%v, %v:", t, p.at)
			if err := s.show(&p, nil); err != nil && damage == nil {
				damage = err
			}
		}
		at += max(t.Len(g, b[at:]), s.step(off+int64(at)))
	}
	if found > 0 {
		return damage
	}
	p, err := s.at(off, plain, g.BlockSize)
	if err != nil {
		return err
	}
	s.walk.goTo(p)
	if quiet {
		return nil
	}
	return s.show(&p, nil)
}

// step is the distance at which structures can lie at byte off: sectors in the first block of a
// group, else inodes. Other structures fill their block.
func (s *Session) step(off int64) int {
	g := s.Vol.Geo
	if group := off % (int64(g.AGBlocks) << g.BlockLog); group < int64(4)<<g.SectLog {
		return g.SectSize
	}
	return g.InodeSize
}

// forkCommand makes a command that goes to a block of a fork of the current inode.
func forkCommand(name, fork string, which inode.Which) *Command {
	return &Command{
		Name: name, Args: "[-q] OFFSET [FIELD]...", Summary: "go to a block of the " + fork + " fork of the current inode",
		Text:     "The current inode is the one that was last gone to. Of a directory's data, the whole directory\nblock is read.",
		Examples: []Example{{name + " 0", "the first block"}},
		setup: moving(func(_ context.Context, s *Session, args []string) (position, []string, error) {
			p, err := s.walk.here()
			if err != nil || p.ino == format.NullIno {
				return p, nil, usagef("no inode yet; go to one with inode")
			}
			if len(args) == 0 {
				return p, nil, usagef("an offset in blocks is missing")
			}
			n, err := number("offset", args[0], 54)
			if err != nil {
				return p, nil, err
			}
			p, err = s.atFork(p.ino, which, format.FileOff(n))
			return p, args[1:], err
		}),
	}
}

func setupRoot(f *flag.FlagSet) runFunc {
	fork := forkFlags(f)
	return moving(func(_ context.Context, s *Session, args []string) (position, []string, error) {
		if err := exactly(args, 2); err != nil {
			return position{}, nil, err
		}
		which, err := fork()
		if err != nil {
			return position{}, nil, err
		}
		t, err := s.tree(which, args[0], args[1])
		if err != nil {
			return position{}, nil, err
		}
		if t.Fork != nil {
			p, err := s.atInode(t.Owner)
			return p, []string{[...]string{inode.Data: "u3.bmbt", inode.Attr: "a.bmbt"}[which]}, err
		}
		if t.Kind == btree.Bmbt {
			p, err := s.atBlock(format.FSBlock(t.Root), formOf(format.TypeBmbt))
			p.at.Ino, p.ino = t.Owner, t.Owner
			return p, nil, err
		}
		p, err := s.atBlock(s.Vol.Geo.FSB(t.AG, format.AGBlock(t.Root)), treeForm(t.Kind))
		return p, nil, err
	})(f)
}

// treeForm is the form of the blocks of a kind of B+tree.
func treeForm(k *btree.Kind) *form {
	for _, f := range forms() {
		if f.block != nil && f.block.Magic == uint32(k.Magic) {
			return f
		}
	}
	return plain
}

func goLog(_ context.Context, s *Session, args []string) (position, []string, error) {
	if len(args) > 0 {
		n, err := number("log block", args[0], 32)
		if err != nil {
			return position{}, nil, err
		}
		p, err := s.atLog(uint32(n))
		return p, args[1:], err
	}
	info, err := s.Vol.ReadLog()
	if err != nil {
		return position{}, nil, err
	}
	p, err := s.atLog(info.Tail)
	return p, nil, err
}
