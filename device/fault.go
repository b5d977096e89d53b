package device

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// ErrInjected is the error of an operation that a Fault made fail.
var ErrInjected = errors.New("injected fault")

// Op is one operation on a device, as rules of a Fault see it.
type Op struct {
	Kind OpKind
	Off  int64 // 0 in a sync
	Len  int64
}

// OpKind is the sort of an operation.
type OpKind int

// The sorts.
const (
	OpRead OpKind = iota
	OpWrite
	OpPunch
	OpSync
)

var opNames = [...]string{"Read", "Write", "Punch", "Sync"}

// String is the word for the sort in rules.
func (k OpKind) String() string { return opNames[k] }

func (o Op) String() string {
	if o.Kind == OpSync {
		return "sync"
	}
	return fmt.Sprintf("%s of %d bytes at byte %d", strings.ToLower(o.Kind.String()), o.Len, o.Off)
}

// Fault is a device for tests that makes operations on another one fail. Its rules are one
// line of text, such as
//
//	(Err (And Write (Index 7)))
//
// which makes the eighth write fail. See ParseRules.
type Fault struct {
	dev   Device
	mu    sync.Mutex // guards the counters in rules
	rules Rules
	// Sleep waits, for rules with Delay; it is time.Sleep unless a test puts its own.
	Sleep func(time.Duration)
}

var (
	_ Device  = (*Fault)(nil)
	_ Puncher = (*Fault)(nil)
	_ Seeker  = (*Fault)(nil)
)

// NewFault makes a device that does what dev does, unless rules say otherwise. The rules count
// operations; they must not be shared with another Fault.
func NewFault(dev Device, rules Rules) *Fault {
	return &Fault{dev: dev, rules: rules, Sleep: time.Sleep}
}

// MustFault is NewFault with rules as text; wrong ones panic.
func MustFault(dev Device, rules string) *Fault {
	r, err := ParseRules(rules)
	if err != nil {
		panic(err)
	}
	return NewFault(dev, r)
}

// inject asks the rules about an operation, waits if they say so, and returns how many of its
// bytes are to be done, and the error to end with.
func (f *Fault) inject(o Op) (done int64, err error) {
	f.mu.Lock()
	delay, action, rule := f.rules.judge(o)
	f.mu.Unlock()
	if delay > 0 {
		f.Sleep(delay)
	}
	switch action {
	case actErr:
		return 0, fmt.Errorf("%s: %w by %s", o, ErrInjected, rule)
	case actShort:
		if o.Kind == OpRead || o.Kind == OpWrite {
			return o.Len / 2, fmt.Errorf("%w by %s: %w", ErrInjected, rule, &ShortError{
				Write: o.Kind == OpWrite, Off: o.Off, Want: int(o.Len), Got: int(o.Len / 2), Size: f.dev.Size(),
			})
		}
		return o.Len / 2, fmt.Errorf("%s: %w by %s", o, ErrInjected, rule)
	}
	return o.Len, nil
}

// Size is the size in bytes.
func (f *Fault) Size() int64 { return f.dev.Size() }

// ReadAt reads len(p) bytes at off, or fails.
func (f *Fault) ReadAt(p []byte, off int64) (int, error) {
	return f.transfer(OpRead, p, off, f.dev.ReadAt)
}

// WriteAt writes p at off, or fails.
func (f *Fault) WriteAt(p []byte, off int64) (int, error) {
	return f.transfer(OpWrite, p, off, f.dev.WriteAt)
}

func (f *Fault) transfer(kind OpKind, p []byte, off int64, op func([]byte, int64) (int, error)) (int, error) {
	done, fault := f.inject(Op{kind, off, int64(len(p))})
	if fault != nil && done == 0 {
		return 0, fault
	}
	n, err := op(p[:done], off)
	if err != nil {
		return n, err
	}
	return n, fault
}

// Punch gives up n bytes from off, or fails.
func (f *Fault) Punch(off, n int64) error {
	done, fault := f.inject(Op{OpPunch, off, n})
	if fault != nil && done == 0 {
		return fault
	}
	if err := Punch(f.dev, off, done); err != nil {
		return err
	}
	return fault
}

// Sync syncs, or fails.
func (f *Fault) Sync() error {
	if _, err := f.inject(Op{Kind: OpSync}); err != nil {
		return err
	}
	return f.dev.Sync()
}

// SeekData finds data; see Seeker. It never fails by a rule.
func (f *Fault) SeekData(off int64) (int64, error) { return SeekData(f.dev, off) }

// SeekHole finds a hole; see Seeker. It never fails by a rule.
func (f *Fault) SeekHole(off int64) (int64, error) { return SeekHole(f.dev, off) }

// Close closes the device under f.
func (f *Fault) Close() error { return f.dev.Close() }
