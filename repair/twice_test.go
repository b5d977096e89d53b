package repair

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/cowfs/cowfs/internal/damage"
)

// TestRecordTwice repairs an image in which a record of inodes has taken the place of another one:
// the inodes of the other are still there, and nothing is lost.
func TestRecordTwice(t *testing.T) {
	sound := memoryOf(t, damage.Rich(t, "-b", "size=1k"))
	for _, c := range damage.Compounds() {
		if c.Name != "two records of the same inodes" {
			continue
		}
		r, err := Run(context.Background(), c.Apply(t, sound), Options{Undo: filepath.Join(t.TempDir(), "undo")})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range r.Losses {
			t.Errorf("lost: %+v", l)
		}
		return
	}
	t.Fatal("there is no such fault")
}
