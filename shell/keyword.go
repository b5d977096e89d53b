package shell

import (
	"context"
	"flag"
)

// Keywords returns the words that the blocks of scripts are made of. They are no commands, since what
// they do takes several lines, but help explains them as if they were.
func Keywords() []*Command {
	begins := keyword("it begins a block, which ends with a line \"end\": write a script or several -c")
	belongs := keyword(noBlock)
	return []*Command{
		{
			Name: "for", Args: "NAME in VALUE...", Summary: "run the lines up to \"end\" once for each value",
			Text: "A value is a word, or FROM..TO for all numbers between; $NAME is what it is. Behind \"in\" there\n" +
				"may also be: groups; inodes, or inodes AG...; extents FILE, of its data; each COMMAND, for the\n" +
				"results of a command. $NAME.MEMBER is then a member of the object that --json would print.",
			Examples: []Example{
				{"for n in 1 2 4 10..12", "words and numbers"},
				{"for ag in groups", "the numbers of all groups"},
				{"for i in inodes 0 3", "of all inodes in use in groups 0 and 3"},
				{"for e in extents /disk.img", "then echo $e.offset $e.count"},
				{"for f in each ls -l /etc", "then echo $f.name $f.stat.size"},
			},
			setup: begins,
		},
		{
			Name: "if", Args: "VALUE OPERATOR VALUE", Summary: "run the lines up to \"else\" or \"end\" if two values compare so",
			Text: "Operators are = != < <= > >=, of numbers as numbers and else as text, and ~ and !~ with a regular\nexpression behind them.",
			Examples: []Example{
				{"if $f.stat.size > 1048576", ""},
				{"if $error ~ 'does not exist'", "behind try"},
			},
			setup: begins,
		},
		{
			Name: "else", Summary: "run the lines up to \"end\" if the values of \"if\" do not compare so",
			Examples: []Example{{"else", ""}}, setup: belongs,
		},
		{
			Name: "end", Summary: "end the lines of \"for\" or \"if\"",
			Examples: []Example{{"end", ""}}, setup: belongs,
		},
	}
}

// keyword is the setup of a word that can't be run, and says why.
func keyword(why string) func(*flag.FlagSet) runFunc {
	return noFlags(func(context.Context, *Session, []string) error { return usagef("%s", why) })
}
