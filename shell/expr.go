package shell

import (
	"math/big"
	"regexp"
	"strings"
)

// operators are those of arithmetic, by how tightly they bind.
var operators = map[string]int{"|": 1, "&": 2, "<<": 3, ">>": 3, "+": 4, "-": 4, "*": 5, "/": 5, "%": 5}

// maxNumber bounds the numbers of arithmetic, in bits.
const maxNumber = 128

// arithmetic computes what words say: whole numbers, operators and parentheses, each a word.
type arithmetic struct {
	words []string
	depth int
}

func compute(words []string) (string, error) {
	a := arithmetic{words: words}
	n, err := a.sum(1)
	if err == nil && len(a.words) > 0 {
		err = usagef("%q: an operator is missing before it", a.words[0])
	}
	if err != nil {
		return "", err
	}
	return n.String(), nil
}

// sum computes operators that bind at least as tightly as level, from the left.
func (a *arithmetic) sum(level int) (*big.Int, error) {
	x, err := a.operand()
	for err == nil && len(a.words) > 0 && operators[a.words[0]] >= level {
		op := a.words[0]
		a.words = a.words[1:]
		var y *big.Int
		if y, err = a.sum(operators[op] + 1); err == nil {
			x, err = apply(op, x, y)
		}
	}
	return x, err
}

func (a *arithmetic) operand() (*big.Int, error) {
	if len(a.words) == 0 {
		return nil, usagef("a number is missing at the end")
	}
	w := a.words[0]
	a.words = a.words[1:]
	if w != "(" {
		n, ok := new(big.Int).SetString(w, 0)
		if !ok {
			return nil, usagef("%q: not a number", w)
		}
		return n, nil
	}
	if a.depth++; a.depth > maxBlocks {
		return nil, usagef("parentheses lie too deep in one another")
	}
	n, err := a.sum(1)
	if err != nil {
		return nil, err
	}
	if len(a.words) == 0 || a.words[0] != ")" {
		return nil, usagef("a closing parenthesis is missing")
	}
	a.words = a.words[1:]
	a.depth--
	return n, nil
}

func apply(op string, x, y *big.Int) (*big.Int, error) {
	z := new(big.Int)
	switch op {
	case "|":
		z.Or(x, y)
	case "&":
		z.And(x, y)
	case "<<", ">>":
		if !y.IsUint64() || y.Uint64() > maxNumber {
			return nil, usagef("shift by %s bits", y)
		}
		if op == "<<" {
			z.Lsh(x, uint(y.Uint64()))
		} else {
			z.Rsh(x, uint(y.Uint64()))
		}
	case "+":
		z.Add(x, y)
	case "-":
		z.Sub(x, y)
	case "*":
		z.Mul(x, y)
	default:
		if y.Sign() == 0 {
			return nil, usagef("division by zero")
		}
		if op == "/" {
			z.Quo(x, y)
		} else {
			z.Rem(x, y)
		}
	}
	if z.BitLen() > maxNumber {
		return nil, usagef("the result has more than %d bits", maxNumber)
	}
	return z, nil
}

// comparisons are the operators that compare, longer ones before those that they begin with.
var comparisons = []string{"!=", "<=", ">=", "!~", "=", "<", ">", "~"}

// condition judges VALUE OPERATOR VALUE.
func condition(words []string) (bool, error) {
	if len(words) != 3 {
		return false, usagef("if: write if VALUE OPERATOR VALUE")
	}
	for _, op := range comparisons {
		if words[1] == op {
			return compare(words[0], op, words[2])
		}
	}
	return false, usagef("if: no operator %q; there are %s", words[1], strings.Join(comparisons, " "))
}

// compare compares numbers as numbers, all else as text; ~ is for regular expressions.
func compare(got, op, want string) (bool, error) {
	if op == "~" || op == "!~" {
		re, err := regexp.Compile(want)
		if err != nil {
			return false, usagef("%q: %v", want, err)
		}
		return re.MatchString(got) == (op == "~"), nil
	}
	order := strings.Compare(got, want)
	x, okX := new(big.Int).SetString(got, 0)
	y, okY := new(big.Int).SetString(want, 0)
	switch {
	case okX && okY:
		order = x.Cmp(y)
	case strings.ContainsAny(op, "<>"):
		return false, usagef("%q %s %q: not numbers", got, op, want)
	}
	switch op {
	case "=":
		return order == 0, nil
	case "!=":
		return order != 0, nil
	case "<":
		return order < 0, nil
	case "<=":
		return order <= 0, nil
	case ">":
		return order > 0, nil
	}
	return order >= 0, nil
}

// cutOperator divides what is expected into an operator and a value; without one, they are to be
// equal.
func cutOperator(want string) (op, value string) {
	for _, op := range comparisons {
		if value, ok := strings.CutPrefix(want, op); ok {
			return op, value
		}
	}
	return "=", want
}
