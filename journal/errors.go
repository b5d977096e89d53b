package journal

import (
	"errors"
	"fmt"

	"github.com/cowfs/cowfs/format"
)

// Errors that callers decide upon.
var (
	// ErrFull says that a checkpoint does not fit between the log's head and its tail. Move the
	// tail and append again.
	ErrFull = errors.New("log is full")
	// ErrTooLarge says that a checkpoint can never fit, however empty the log is.
	ErrTooLarge = errors.New("checkpoint is larger than the log allows")
	// ErrUnfinished says that the log has intents which nobody has finished yet.
	ErrUnfinished = errors.New("log has unfinished intents")
)

// DamageError says that a log is damaged where a crash cannot have done it. It is a
// format.ErrCorrupt.
type DamageError struct {
	Block int // of the log, in units of 512 bytes from its start
	Err   error
}

func (e *DamageError) Error() string { return fmt.Sprintf("log block %d: %v", e.Block, e.Err) }

// Unwrap gives the cause.
func (e *DamageError) Unwrap() error { return e.Err }

// Is makes every DamageError a format.ErrCorrupt.
func (e *DamageError) Is(target error) bool { return target == format.ErrCorrupt }

// damage makes a DamageError of text.
func damage(block int, text string, args ...any) error {
	return &DamageError{Block: block, Err: fmt.Errorf(text, args...)}
}

// UnknownItemError says that a log holds an item that this code cannot replay; another kernel, or
// a newer one, has to. Nothing was written. It is a format.ErrUnsupported.
type UnknownItemError struct {
	Type format.LogItemType
	LSN  format.LSN // of the checkpoint with the item
}

func (e *UnknownItemError) Error() string {
	return fmt.Sprintf("checkpoint at %s: items of type %v (%#x) cannot be replayed", Place(e.LSN), e.Type, uint16(e.Type))
}

// Is makes every UnknownItemError a format.ErrUnsupported.
func (e *UnknownItemError) Is(target error) bool { return target == format.ErrUnsupported }
