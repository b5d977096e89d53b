package device

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// maxDepth bounds how deep conditions may be nested.
const maxDepth = 100

// ParseRules reads rules from their text; see Rules. Errors are of class ErrRule. No text at
// all is no rules.
func ParseRules(text string) (Rules, error) {
	p := parser{words: words(text)}
	var rules Rules
	for p.pos < len(p.words) {
		r, err := p.rule()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrRule, err)
		}
		rules = append(rules, r)
	}
	return rules, nil
}

// words splits text at blanks and around parentheses.
func words(text string) []string {
	return strings.Fields(strings.NewReplacer("(", " ( ", ")", " ) ").Replace(text))
}

type parser struct {
	words []string
	pos   int
	depth int
}

// next takes the next word; at the end it is empty.
func (p *parser) next() string {
	if p.pos == len(p.words) {
		return ""
	}
	p.pos++
	return p.words[p.pos-1]
}

func (p *parser) expect(word string) error {
	if w := p.next(); w != word {
		return fmt.Errorf("got %q where %q should be", w, word)
	}
	return nil
}

func (p *parser) rule() (r rule, err error) {
	if err := p.expect("("); err != nil {
		return r, err
	}
	name := p.next()
	var ok bool
	if r.action, ok = actionNames[name]; !ok {
		return r, fmt.Errorf("unknown action %q", name)
	}
	if r.action == actDelay {
		if r.delay, err = time.ParseDuration(p.next()); err != nil {
			return r, err
		}
		if r.delay < 0 {
			return r, fmt.Errorf("negative delay %s", r.delay)
		}
	}
	if r.cond, err = p.cond(); err != nil {
		return r, err
	}
	return r, p.expect(")")
}

func (p *parser) cond() (cond, error) {
	word := p.next()
	for k, name := range opNames {
		if word == name {
			return OpKind(k), nil
		}
	}
	if word != "(" {
		return nil, fmt.Errorf("unknown condition %q", word)
	}
	if p.depth++; p.depth > maxDepth {
		return nil, fmt.Errorf("conditions nested more than %d deep", maxDepth)
	}
	defer func() { p.depth-- }()
	c, err := p.compound(p.next())
	if err != nil {
		return nil, err
	}
	return c, p.expect(")")
}

// compound reads what follows the name of a condition in parentheses.
func (p *parser) compound(name string) (cond, error) {
	switch name {
	case "And", "Or":
		return p.list(name == "And")
	case "Not":
		c, err := p.cond()
		return not{c}, err
	case "Index", "From", "Every":
		n, err := strconv.ParseUint(p.next(), 10, 64)
		if err == nil && n == 0 && name == "Every" {
			err = fmt.Errorf("(Every 0) never comes")
		}
		return &count{name: name, n: n}, err
	case "Range":
		from, err := strconv.ParseInt(p.next(), 10, 64)
		if err != nil {
			return nil, err
		}
		to, err := strconv.ParseInt(p.next(), 10, 64)
		if err == nil && (from < 0 || to < from) {
			err = fmt.Errorf("range from %d to %d", from, to)
		}
		return span{from, to}, err
	case "Random":
		prob, err := strconv.ParseFloat(p.next(), 64)
		if err != nil {
			return nil, err
		}
		if !(prob >= 0 && prob <= 1) {
			return nil, fmt.Errorf("probability %v", prob)
		}
		seed, err := strconv.ParseUint(p.next(), 10, 64)
		return &random{p: prob, seed: seed, rng: rand.New(rand.NewPCG(seed, 0))}, err
	}
	return nil, fmt.Errorf("unknown condition %q", name)
}

func (p *parser) list(all bool) (cond, error) {
	l := &list{all: all}
	for p.pos < len(p.words) && p.words[p.pos] != ")" {
		c, err := p.cond()
		if err != nil {
			return nil, err
		}
		l.conds = append(l.conds, c)
	}
	if len(l.conds) == 0 {
		return nil, fmt.Errorf("an And or Or without conditions")
	}
	return l, nil
}
