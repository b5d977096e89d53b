package metadump

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/format"
)

// Other names have the length and the hash of the old ones, are names, and tell nothing of them.
func TestOtherNames(t *testing.T) {
	n := newNamer(keyOf(1))
	rnd := rand.New(rand.NewPCG(1, 2))
	kept := 0
	for i := range 20000 {
		name := make([]byte, 1+rnd.IntN(40))
		for k := range name {
			for name[k] == 0 || name[k] == '/' {
				name[k] = byte(rnd.Uint32())
				if i%2 == 0 {
					name[k] = letters[rnd.IntN(len(letters))]
				}
			}
		}
		old := string(name)
		o := n.other(old)
		if len(o) != len(old) || format.NameHash(o) != format.NameHash(old) {
			t.Fatalf("%q becomes %q, hash %#x and %#x", old, o, format.NameHash(old), format.NameHash(o))
		}
		if strings.ContainsAny(o, "\x00/") || o != old && (o == "." || o == "..") {
			t.Fatalf("%q becomes %q, which is no name", old, o)
		}
		if again := newNamer(keyOf(1)).other(old); again != o {
			t.Fatalf("%q becomes %q, then %q", old, o, again)
		}
		if o == old && len(old) >= 6 {
			kept++
		}
		if len(old) < tail && o != old {
			t.Fatalf("%q becomes %q", old, o)
		}
	}
	if kept > 0 {
		t.Errorf("%d names stay as they are", kept)
	}
	same := 0
	for i := range 1000 {
		name := fmt.Sprintf("document-%d", i)
		if newNamer(keyOf(1)).other(name) == newNamer(keyOf(2)).other(name) {
			same++
		}
	}
	if same > 0 {
		t.Errorf("%d names do not depend on the key", same)
	}
	if got := n.other("lost+found"); got != "lost+found" {
		t.Errorf("lost+found becomes %q", got)
	}
}

// Names of a directory stay different ones.
func TestOtherNamesDiffer(t *testing.T) {
	n := newNamer(keyOf(3))
	seen := map[string]string{}
	for i := range 50000 {
		name := fmt.Sprintf("file-%d", i)
		o := n.make(name)
		if before, ok := seen[o]; ok {
			t.Fatalf("%q and %q both become %q", before, name, o)
		}
		seen[o] = name
	}
}

func TestOtherPaths(t *testing.T) {
	n := newNamer(keyOf(4))
	got := n.path("/usr/../library/lib/./something")
	want := "/usr/../" + n.other("library") + "/lib/./" + n.other("something")
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
