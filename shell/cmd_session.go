package shell

import (
	"context"
	"errors"
)

// sessionCommands are about the session itself.
func sessionCommands() []*Command {
	return []*Command{
		{
			Name: "help", Args: "[COMMAND]...", Summary: "list the commands, or explain some",
			Examples: []Example{{"help", "the list"}, {"help bmap for", "a command, and a word of scripts"}},
			setup:    noFlags(func(_ context.Context, s *Session, args []string) error { return Help(s.buf, args) }),
		},
		{
			Name: "quit", Aliases: []string{"exit"}, Summary: "end the session",
			Text:     "In a script too, from wherever it stands. What has begun and was not committed is forgotten.",
			Examples: []Example{{"quit", ""}},
			setup: noFlags(func(_ context.Context, _ *Session, args []string) error {
				if err := atMost(args, 0); err != nil {
					return err
				}
				return ErrQuit
			}),
		},
	}
}

// ErrQuit says that the session is to end. It is no failure.
var ErrQuit = errors.New("the session is to end")
