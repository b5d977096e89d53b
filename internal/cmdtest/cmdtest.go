package cmdtest

import (
	"errors"
	"fmt"

	"github.com/rogpeppe/go-internal/testscript"
)

// Setup makes programs that are built with the race detector end when they are done: else each of
// them sleeps for a second, lest another goroutine is about to report a race.
func Setup(env *testscript.Env) error {
	env.Setenv("GORACE", "atexit_sleep_ms=10")
	return nil
}

// Exit runs a program and compares its exit code: exit CODE PROGRAM ARGS...
func Exit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exit CODE PROGRAM ARGS...")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	var exit interface{ ExitCode() int }
	if errors.As(err, &exit) {
		got = fmt.Sprint(exit.ExitCode())
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}
