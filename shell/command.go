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

	"github.com/cowfs/cowfs/internal/usage"
)

// Command is one command of the shell.
type Command struct {
	Name     string
	Aliases  []string
	Args     string // what comes behind the name, e.g. "[-l] [PATH]..."
	Summary  string // one line, lower case
	Text     string // more help; may be empty
	Examples []Example

	// verbatim says that all words behind the name are taken as they are, and none is a flag.
	verbatim bool
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
	hint := usage.Suggest(name, lineWords()) + `; "help" lists them`
	if first, _, several := strings.Cut(name, " "); several && commands().byName[first] != nil {
		hint = fmt.Sprintf("; %q and what is behind it are words of their own", first)
	}
	return nil, &UsageError{fmt.Sprintf("%s: no such command%s", name, hint), true}
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
	var flags, examples [][2]string
	c.Flags(func(name, says string) { flags = append(flags, [2]string{usage.Dashed(name), says}) })
	for _, e := range c.Examples {
		examples = append(examples, [2]string{e.Line, e.Says})
	}
	columns(w, flags)
	columns(w, examples)
}

// columns writes a paragraph of lines in two columns.
func columns(w io.Writer, lines [][2]string) {
	width := 0
	for _, line := range lines {
		width = max(width, len(line[0]))
	}
	for i, line := range lines {
		if i == 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("    %-*s  %s", width, line[0], line[1]), " "))
	}
}

// usage is the name with what comes behind it.
func (c *Command) usage() string { return strings.TrimSpace(c.Name + " " + c.Args) }

// needsValue tells of all flags whether they need a value.
func needsValue(f *flag.FlagSet) map[string]bool {
	out := map[string]bool{}
	f.VisitAll(func(o *flag.Flag) { out[o.Name] = !isBool(o) })
	return out
}

// isBool reports whether a flag stands without a value.
func isBool(o *flag.Flag) bool {
	b, ok := o.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// Flags calls f for each flag of the command, in the order of their names, which come without
// dashes.
func (c *Command) Flags(f func(name, says string)) {
	flags := c.flags()
	c.setup(flags)
	flags.VisitAll(func(o *flag.Flag) { f(o.Name, strings.ReplaceAll(o.Usage, "`", "")) })
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
	if c.verbatim {
		args = append([]string{"--"}, args...)
	}
	if err := f.Parse(splitLetters(f, args)); errors.Is(err, flag.ErrHelp) {
		c.Help(s.buf)
		return nil
	} else if err != nil {
		return &UsageError{fmt.Sprintf("%s: %v; see \"help %s\"", c.Name, usage.Flag(err, needsValue(f)), c.Name), true}
	}
	err := run(ctx, s, f.Args())
	var wrong *UsageError
	if errors.As(err, &wrong) && !wrong.told && !errors.As(err, new(*ScriptError)) { // else it is that of a command within this one
		return &UsageError{fmt.Sprintf("%s: %v; usage: %s", c.Name, err, c.usage()), true}
	}
	return err
}

// splitLetters prepares arguments for package flag: flags of one letter that are given together are
// taken apart, so that -ld is -l -d, and a number below zero ends the flags.
func splitLetters(f *flag.FlagSet, args []string) []string {
	var out []string
	for len(args) > 0 {
		arg := args[0]
		if len(arg) < 2 || arg[0] != '-' || arg == "--" {
			break
		}
		name, _, value := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		n := 1 // how many arguments belong to it
		switch o := f.Lookup(name); {
		case o != nil && !isBool(o) && !value && len(args) > 1:
			n = 2
			out = append(out, arg, args[1])
		case o != nil:
			out = append(out, arg)
		case arg[1] >= '0' && arg[1] <= '9':
			return append(append(out, "--"), args...)
		default:
			for _, l := range strings.Split(arg[1:], "") {
				if o := f.Lookup(l); o == nil || !isBool(o) {
					return append(out, args...)
				}
				out = append(out, "-"+l)
			}
		}
		args = args[n:]
	}
	return append(out, args...)
}

// noFlags is the setup of a command without flags.
func noFlags(run runFunc) func(*flag.FlagSet) runFunc {
	return func(*flag.FlagSet) runFunc { return run }
}
