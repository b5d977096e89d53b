package device

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// ErrRule is the class of errors about the text of rules.
var ErrRule = errors.New("bad fault rule")

// Rules say which operations on a Fault fail, and how. The first rule whose condition holds
// and which is no Delay decides; Delays up to there add up.
//
// The text of rules is one line that prints as it was parsed, blanks apart:
//
//	rules     = rule { " " rule }
//	rule      = "(Err" cond ")"             fail, nothing done
//	          | "(Short" cond ")"           do the first half, then fail
//	          | "(Delay" duration cond ")"  wait first, as in (Delay 5ms Sync)
//	cond      = "Read" | "Write" | "Punch" | "Sync"
//	          | "(And" cond... ")" | "(Or" cond... ")" | "(Not" cond ")"
//	          | "(Index" n ")"         true once: when asked for the n-th time, from 0
//	          | "(From" n ")"          true when asked for the n-th time and ever after
//	          | "(Every" n ")"         true each n-th time it is asked
//	          | "(Range" from to ")"   the operation touches bytes from, included, to to, excluded
//	          | "(Random" p seed ")"   true with probability p; the same for the same seed
//
// And and Or ask their conditions from left to right, and no further than needed, so
// (And Write (Index 7)) counts writes while (And (Index 7) Write) counts all operations.
type Rules []rule

type rule struct {
	action action
	delay  time.Duration
	cond   cond
}

type action int

const (
	actNone action = iota
	actErr
	actShort
	actDelay
)

var actionNames = map[string]action{"Err": actErr, "Short": actShort, "Delay": actDelay}

// cond is a condition; it may count how often it was asked.
type cond interface {
	holds(Op) bool
	fmt.Stringer
}

// judge asks the rules about one operation.
func (r Rules) judge(o Op) (delay time.Duration, a action, by rule) {
	for _, rule := range r {
		switch {
		case !rule.cond.holds(o):
		case rule.action == actDelay:
			delay += rule.delay
		default:
			return delay, rule.action, rule
		}
	}
	return delay, actNone, rule{}
}

// String is the text of the rules.
func (r Rules) String() string {
	s := make([]string, len(r))
	for i := range r {
		s[i] = r[i].String()
	}
	return strings.Join(s, " ")
}

func (r rule) String() string {
	switch r.action {
	case actErr:
		return fmt.Sprintf("(Err %s)", r.cond)
	case actShort:
		return fmt.Sprintf("(Short %s)", r.cond)
	}
	return fmt.Sprintf("(Delay %s %s)", r.delay, r.cond)
}

func (k OpKind) holds(o Op) bool { return o.Kind == k }

// list is an And or an Or.
type list struct {
	all   bool
	conds []cond
}

func (l *list) holds(o Op) bool {
	for _, c := range l.conds {
		if c.holds(o) != l.all {
			return !l.all
		}
	}
	return l.all
}

func (l *list) String() string {
	s := "(Or"
	if l.all {
		s = "(And"
	}
	for _, c := range l.conds {
		s += " " + c.String()
	}
	return s + ")"
}

type not struct{ cond }

func (n not) holds(o Op) bool { return !n.cond.holds(o) }
func (n not) String() string  { return fmt.Sprintf("(Not %s)", n.cond) }

// count is an Index, a From or an Every.
type count struct {
	name     string
	n, asked uint64
}

func (c *count) holds(Op) bool {
	c.asked++
	switch c.name {
	case "Index":
		return c.asked-1 == c.n
	case "From":
		return c.asked > c.n
	}
	return c.asked%c.n == 0
}

func (c *count) String() string { return fmt.Sprintf("(%s %d)", c.name, c.n) }

type span struct{ from, to int64 }

func (r span) holds(o Op) bool {
	return o.Kind != OpSync && o.Len > 0 && o.Off < r.to && o.Off > r.from-o.Len
}
func (r span) String() string { return fmt.Sprintf("(Range %d %d)", r.from, r.to) }

type random struct {
	p    float64
	seed uint64
	rng  *rand.Rand
}

func (r *random) holds(Op) bool { return r.rng.Float64() < r.p }
func (r *random) String() string {
	return fmt.Sprintf("(Random %s %d)", strconv.FormatFloat(r.p, 'g', -1, 64), r.seed)
}
