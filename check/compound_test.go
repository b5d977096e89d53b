package check_test

import (
	"os"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/internal/damage"
)

// TestCompound checks images with faults of more than one field. We have to find all of them,
// whatever xfs_repair finds.
func TestCompound(t *testing.T) {
	s := newSpecimen(t, "1k", damage.Rich(t, "-b", "size=1k"))
	for _, c := range damage.Compounds() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			s.compound(t, c)
		})
	}
}

// codeNames names all codes.
func codeNames() (list []string) {
	for _, c := range check.Codes() {
		list = append(list, c.Name)
	}
	return list
}

// compound makes a fault, checks that we find it, and returns what we and xfs_repair say.
func (s *specimen) compound(t *testing.T, c damage.Compound) (verdict, []string) {
	t.Helper()
	dev := c.Apply(t, s.mem)
	v := s.check(t, dev)
	if !v.damaged() { // some is reported only to those who ask for it
		v = s.checkWith(t, dev, check.Options{Only: codeNames()})
	}
	f := newFile(t, t.TempDir(), dev)
	complaints := repair(t, f, nil)
	os.Remove(f.Name()) // a hundred images take room
	t.Logf("%s: %s; xfs_repair: %q", c.Name, strings.Join(v.codes(), ", "), complaints[:min(2, len(complaints))])
	if !v.damaged() {
		t.Errorf("missed: %s: xfs_repair: %q", c.Name, complaints[:min(3, len(complaints))])
	}
	return v, complaints
}
