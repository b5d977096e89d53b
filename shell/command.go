package shell

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Command is one command of the shell.
type Command struct {
	Name     string
	Aliases  []string
	Args     string // what comes behind the name, e.g. "[-l] [PATH]..."
	Summary  string // one line, lower case
	Text     string // more help; may be empty
	Examples []Example

	// setup declares the command's flags and returns the function that runs it, once, after they
	// are parsed.
	setup func(f *flag.FlagSet) runFunc
}

// Example is a command line and what it does.
type Example struct{ Line, Says string }

// runFunc runs a command; args are what is left behind the flags.
type runFunc func(ctx context.Context, s *Session, args []string) error

// table is all commands, by order of name; by name and alias, the keywords too.
type table struct {
	list   []*Command
	byName map[string]*Command
}

// theTable is made when it is first asked for.
var (
	theTable  table
	tableOnce sync.Once
)

func commands() *table {
	tableOnce.Do(func() { theTable = makeTable() })
	return &theTable
}

func makeTable() table {
	list := slices.Concat(
		fileCommands(),
		attrCommands(),
		headerCommands(),
		inodeCommands(),
		walkCommands(),
		setCommands(),
		trashCommands(),
		numberCommands(),
		infoCommands(),
		fragCommands(),
		pathCommands(),
		rdumpCommands(),
		shapeCommands(),
		mapCommands(),
		logCommands(),
		diffCommands(),
		metadumpCommands(),
		treeCommands(),
		spaceCommands(),
		volumeCommands(),
		shareCommands(),
		writeCommands(),
		scriptCommands(),
		unitCommands(),
		sessionCommands(),
	)
	slices.SortFunc(list, func(a, b *Command) int { return strings.Compare(a.Name, b.Name) })
	t := table{list, map[string]*Command{}}
	for _, c := range append(slices.Clone(list), Keywords()...) {
		for _, name := range append([]string{c.Name}, c.Aliases...) {
			t.byName[name] = c
		}
	}
	return t
}

// Commands returns all commands, by name.
func Commands() []*Command { return slices.Clone(commands().list) }

// Find returns the command of a name or alias, or the keyword.
func Find(name string) (*Command, error) {
	if c, ok := commands().byName[name]; ok {
		return c, nil
	}
	return nil, &UsageError{fmt.Sprintf("%s: no such command%s; \"help\" lists them", name, suggest(name, lineWords())), true}
}

// lineWords lists all that can begin a line: commands by all their names, and keywords.
func lineWords() []string { return slices.Sorted(maps.Keys(commands().byName)) }

// commandNames lists the names of all commands.
func commandNames() []string {
	var out []string
	for name, c := range commands().byName {
		if slices.Contains(commands().list, c) {
			out = append(out, name)
		}
	}
	return out
}

// UsageError is an error in how a command was given.
type UsageError struct {
	Message string

	told bool // the message says how the command is used
}

func (e *UsageError) Error() string { return e.Message }

func usagef(format string, args ...any) error {
	return &UsageError{Message: fmt.Sprintf(format, args...)}
}

// Help writes the help text of the command.
func (c *Command) Help(w io.Writer) {
	fmt.Fprintf(w, "%s\n    %s\n", c.usage(), c.Summary)
	if len(c.Aliases) > 0 {
		fmt.Fprintf(w, "    also called: %s\n", strings.Join(c.Aliases, ", "))
	}
	if c.Text != "" {
		fmt.Fprintf(w, "\n%s\n", indent(c.Text))
	}
	first := true
	c.Flags(func(name, usage string) {
		if first {
			fmt.Fprintln(w)
		}
		first = false
		fmt.Fprintf(w, "    -%-3s %s\n", name, usage)
	})
	for i, e := range c.Examples {
		if i == 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("    %-32s %s", e.Line, e.Says), " "))
	}
}

// usage is the name with what comes behind it.
func (c *Command) usage() string { return strings.TrimSpace(c.Name + " " + c.Args) }

// Flags calls f for each flag of the command, in the order of their names.
func (c *Command) Flags(f func(name, usage string)) {
	flags := c.flags()
	c.setup(flags)
	flags.VisitAll(func(o *flag.Flag) { f(o.Name, o.Usage) })
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ")
}

// HelpAll writes one line for each command and each keyword.
func HelpAll(w io.Writer) {
	for _, c := range Commands() {
		fmt.Fprintf(w, "  %-10s %s\n", c.Name, c.Summary)
	}
	fmt.Fprintf(w, "\nWords of scripts:\n")
	for _, c := range Keywords() {
		fmt.Fprintf(w, "  %-10s %s\n", c.Name, c.Summary)
	}
}

func (c *Command) flags() *flag.FlagSet {
	f := flag.NewFlagSet(c.Name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	return f
}

// run parses the flags and runs the command.
func (c *Command) run(ctx context.Context, s *Session, args []string) error {
	f := c.flags()
	run := c.setup(f)
	if err := f.Parse(splitLetters(f, args)); errors.Is(err, flag.ErrHelp) {
		c.Help(s.buf)
		return nil
	} else if err != nil {
		return &UsageError{fmt.Sprintf("%s: %v; see \"help %s\"", c.Name, err, c.Name), true}
	}
	err := run(ctx, s, f.Args())
	var usage *UsageError
	if errors.As(err, &usage) && !usage.told { // else it is that of a command within this one
		return &UsageError{fmt.Sprintf("%s: %v; usage: %s", c.Name, err, c.usage()), true}
	}
	return err
}

// splitLetters takes apart flags of one letter that are given together, so that -ld is -l -d.
func splitLetters(f *flag.FlagSet, args []string) []string {
	var out []string
	for i, arg := range args {
		if len(arg) < 2 || arg[0] != '-' || arg == "--" {
			return append(out, args[i:]...)
		}
		letters := strings.Split(arg[1:], "")
		for _, l := range letters {
			o := f.Lookup(l)
			if o == nil {
				return append(out, args[i:]...)
			}
			if b, ok := o.Value.(interface{ IsBoolFlag() bool }); !ok || !b.IsBoolFlag() {
				return append(out, args[i:]...)
			}
		}
		for _, l := range letters {
			out = append(out, "-"+l)
		}
	}
	return out
}

// noFlags is the setup of a command without flags.
func noFlags(run runFunc) func(*flag.FlagSet) runFunc {
	return func(*flag.FlagSet) runFunc { return run }
}
