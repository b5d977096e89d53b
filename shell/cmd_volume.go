package shell

import (
	"context"
	"fmt"
	"io"
)

// volumeCommands are about the volume as a whole.
func volumeCommands() []*Command {
	return []*Command{labelCommand(), {
		Name: "logstate", Args: "", Summary: "print whether the log is clean",
		Text:     "A dirty log holds changes that are not in place yet: a mount would make them.",
		Examples: []Example{{"logstate", ""}},
		setup:    noFlags(printLogState),
	}}
}

// LogDoc is the state of the log.
type LogDoc struct {
	Type   string `json:"type"`  // "log"
	State  string `json:"state"` // "clean", "zeroed", "dirty" or "external"
	Blocks uint32 `json:"blocks"`
	Cycle  uint32 `json:"cycle"`
	Head   uint32 `json:"head"`
	// Where recovery would begin.
	TailCycle uint32 `json:"tail_cycle"`
	Tail      uint32 `json:"tail"`
}

func printLogState(_ context.Context, s *Session, args []string) error {
	if err := atMost(args, 0); err != nil {
		return err
	}
	info, err := s.Vol.ReadLog()
	if err != nil {
		return err
	}
	doc := LogDoc{"log", info.State.String(), info.Blocks, info.Cycle, info.Head, info.TailCycle, info.Tail}
	return s.emit(doc, func(w io.Writer) {
		fmt.Fprintln(w, doc.State)
		if info.Blocks > 0 {
			fmt.Fprintf(w, "head at block %d of %d in cycle %d, tail at block %d in cycle %d\n", doc.Head, doc.Blocks, doc.Cycle, doc.Tail, doc.TailCycle)
		}
	})
}
