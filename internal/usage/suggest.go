package usage

import (
	"fmt"
	"strings"
)

// Suggest returns "; did you mean ...?" with the word nearest to one that is not known, or
// nothing when none is near.
func Suggest(word string, known []string) string {
	if k, ok := nearest(word, known); ok {
		return propose(k)
	}
	return ""
}

func propose(word string) string { return fmt.Sprintf("; did you mean %q?", word) }

// nearest returns the word that is spelled most like another, the first of several, if any is
// spelled much like it. One that it begins with counts as one with a letter more.
func nearest(word string, known []string) (best string, ok bool) {
	least := min(len(word)/3+1, maxErrors)
	if len(word) <= 3 {
		least = min(1, len(word)-1) // else any other would do
	}
	for _, k := range known {
		d := distance(word, k)
		if strings.HasPrefix(k, word) {
			d = min(d, 1)
		}
		if d <= least && (d < least || !ok) {
			best, least, ok = k, d, true
		}
	}
	return best, ok
}

// distance is the number of bytes to insert, delete, replace or exchange with their neighbour to
// make a word of another.
func distance(a, b string) int {
	if len(a) > maxSuggest || len(b) > maxSuggest {
		return maxSuggest
	}
	var rows [3][maxSuggest + 1]int
	for j := range b {
		rows[0][j+1] = j + 1
	}
	for i := range a {
		before, last, row := &rows[(i+2)%3], &rows[i%3], &rows[(i+1)%3]
		row[0] = i + 1
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return rows[len(a)%3][len(b)]
}

const (
	maxSuggest = 64 // length in bytes of words that are compared
	maxErrors  = 3  // in which long words may differ
)
