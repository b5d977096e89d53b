package undo

// For tests: what is done on a host of their own.
type (
	Host   = host
	Handle = handle
)

var (
	CommitOn = commit
	FinishOn = finish
	UndoOn   = undo
)
