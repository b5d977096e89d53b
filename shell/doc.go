// Package shell is the commands of cowdb: small values with a name, a help text and a function,
// run one by one within a Session, which holds the opened image and the outputs.
//
//	s := &shell.Session{Vol: v, Image: "disk.img", Out: os.Stdout}
//	err := s.Run(ctx, []string{"ls", "-l", "/etc"})
//
// A command gives results with Session.emit, each in two forms: text for people, and an object
// for programs, one line of JSON each. The objects are the types whose names end in Doc;
// docs/cowdb-json.md describes them. Structures on disk are printed from the field tables of
// package format, never from a list of their own.
//
// An argument that begins with "/" is a path in the image; others are numbers or paths on the
// host. What a user has got wrong is a UsageError; all other errors name what they are about,
// and the caller adds the image's name.
//
// Start with command.go and session.go; then any file cmd_*.go, of which each holds one command
// or a few that belong together.
package shell
