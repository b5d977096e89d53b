package format

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// jsonRoundTrip checks that the JSON form is valid, has no member twice, and has a member for
// each value.
func jsonRoundTrip(vs Values) error {
	raw, err := json.Marshal(vs)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	leaves, err := countLeaves(dec)
	if err != nil {
		return fmt.Errorf("%w in %s", err, raw)
	}
	if _, err := dec.Token(); err != io.EOF {
		return fmt.Errorf("more than one value in %s", raw)
	}
	if leaves != len(vs) {
		return fmt.Errorf("%d values, %d members in %s", len(vs), leaves, raw)
	}
	return nil
}

// countLeaves reads one JSON value and returns how many values that are no containers it has.
func countLeaves(dec *json.Decoder) (int, error) {
	tok, err := dec.Token()
	if err != nil {
		return 0, err
	}
	open, ok := tok.(json.Delim)
	if !ok {
		return 1, nil
	}
	n := 0
	seen := map[string]bool{}
	for dec.More() {
		if open == '{' {
			key, err := dec.Token()
			if err != nil {
				return 0, err
			}
			if seen[key.(string)] {
				return 0, fmt.Errorf("member %q twice", key)
			}
			seen[key.(string)] = true
		}
		k, err := countLeaves(dec)
		if err != nil {
			return 0, err
		}
		n += k
	}
	_, err = dec.Token()
	return n, err
}
