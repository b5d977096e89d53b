package shell

import (
	"context"
	"strconv"
	"strings"

	"github.com/cowfs/cowfs/format"
)

// runFor runs the block of a "for" for each of its values.
func (s *Session) runFor(ctx context.Context, name string, t *statement) error {
	const usage = "for: write for NAME in VALUE..., in FROM..TO, in groups, in inodes [AG]..., in extents FILE or in each COMMAND"
	if len(t.words) < 4 || !t.words[2].is("in") {
		return usagef(usage)
	}
	variable := t.words[1].raw()
	if !isName(variable) {
		return usagef("for: %q is not the name of a variable", variable)
	}
	list := t.words[3:]
	words, err := s.expand(list)
	if err != nil {
		return err
	}
	return s.values(ctx, list[0], words, func(v value) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.setVar(variable, v)
		return s.runAll(ctx, name, t.body)
	})
}

// values gives what the words behind "in" stand for; first is the first of them as it is written.
func (s *Session) values(ctx context.Context, first word, words []string, do func(value) error) error {
	rest := words[1:]
	switch {
	case first.is("groups"):
		if err := atMost(rest, 0); err != nil {
			return err
		}
		for ag := range s.Vol.Geo.AGCount {
			if err := do(value{text: strconv.FormatUint(uint64(ag), 10)}); err != nil {
				return err
			}
		}
		return nil
	case first.is("inodes"):
		return s.eachInode(ctx, rest, do)
	case first.is("extents"):
		return s.eachObject(ctx, append([]string{"bmap"}, rest...), do)
	case first.is("each"):
		return s.eachObject(ctx, rest, do)
	}
	for _, w := range words {
		if err := eachOf(w, do); err != nil {
			return err
		}
	}
	return nil
}

// eachOf gives a word, or the numbers of a range FROM..TO.
func eachOf(w string, do func(value) error) error {
	from, to, ok := strings.Cut(w, "..")
	if !ok {
		return do(value{text: w})
	}
	lo, err := number("range", from, 63)
	if err != nil {
		return err
	}
	hi, err := number("range", to, 63)
	if err != nil {
		return err
	}
	for n := lo; n <= hi; n++ {
		if err := do(value{text: strconv.FormatUint(n, 10)}); err != nil {
			return err
		}
	}
	return nil
}

// eachInode gives the numbers of the inodes in use, of some groups or all. They are collected
// before the first is given, since a change of the volume may move what they are read from.
func (s *Session) eachInode(ctx context.Context, args []string, do func(value) error) error {
	groups, err := s.groupArgs(args)
	if err != nil {
		return err
	}
	var all []format.Ino
	for i, err := range s.Vol.Inodes(ctx, groups...) {
		if err != nil {
			return err
		}
		all = append(all, i.Ino)
	}
	for _, ino := range all {
		if err := do(value{text: strconv.FormatUint(uint64(ino), 10)}); err != nil {
			return err
		}
	}
	return nil
}

// eachObject gives the results of a command.
func (s *Session) eachObject(ctx context.Context, words []string, do func(value) error) error {
	list, err := s.objects(ctx, words)
	if err != nil {
		return err
	}
	for _, o := range list {
		if err := do(value{object: o}); err != nil {
			return err
		}
	}
	return nil
}
