package repair

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/internal/damage"
	"github.com/cowfs/cowfs/internal/oracle"
)

// saved counts what is left of a tree: names that lead to what they led to, and contents that are
// somewhere, under whatever name.
func saved(want, got map[string]string) (names, contents int) {
	there := map[string]int{}
	for _, g := range got {
		there[content(g)]++
	}
	for path, w := range want {
		if g, ok := got[path]; ok && content(g) == content(w) {
			names++
		}
		if there[content(w)] > 0 {
			there[content(w)]--
			contents++
		}
	}
	return names, contents
}

// content is what hashes says of a file without its permissions and attributes.
func content(s string) string {
	kind, rest, _ := strings.Cut(s, " ")
	hash, _, _ := strings.Cut(rest, " ")
	return kind[:1] + hash
}

// TestWiped wipes blocks of metadata and compares what our repair saves with what xfs_repair does:
// it is never less, and both checkers find nothing wrong with it. WIPED=FILE writes the table.
func TestWiped(t *testing.T) {
	image := damage.Rich(t, "-b", "size=1k")
	want := hashes(t, image)
	sound := memoryOf(t, image)
	img, err := damage.Open(sound)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string][]damage.Structure{}
	for _, s := range img.Structures {
		k := s.Type.Name
		kinds[k] = append(kinds[k], s)
	}
	table := []string{
		"| wiped | names: cowfsck | xfs_repair | contents: cowfsck | xfs_repair |", "|---|---|---|---|---|",
		fmt.Sprintf("| nothing | %d | | %d | |", len(want), len(want)),
	}
	counts := []int{1, 10, 100}
	types := []*format.BlockType{
		format.TypeInode, format.TypeBmbt, format.TypeDirBlock, format.TypeDirData, format.TypeDirLeaf1, format.TypeDirLeafN, format.TypeDirNode,
		format.TypeDirFree, format.TypeAttrLeaf, format.TypeAttrNode, format.TypeAttrRmt, format.TypeSymlink, format.TypeInobt, format.TypeFinobt,
		format.TypeBnobt, format.TypeCntbt, format.TypeRmapbt, format.TypeRefcount, format.TypeAGF, format.TypeAGI, format.TypeAGFL,
	}
	if os.Getenv("COWFS_SOAK") == "" {
		counts = []int{10}
		types = []*format.BlockType{format.TypeDirData}
	}
	for _, kind := range types {
		for _, n := range counts {
			list := kinds[kind.Name]
			if len(list) == 0 {
				t.Errorf("no %s in the image", kind.Name)
				continue
			}
			name := fmt.Sprintf("%d of %d: %s", min(n, len(list)), len(list), kind.Name)
			if n > 1 && counts[0] == 1 && len(list) <= n/10 {
				continue // as in the row before
			}
			t.Run(name, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(uint64(n), 7))
				dev := device.NewOverlay(sound)
				for _, i := range rng.Perm(len(list))[:min(n, len(list))] {
					p := make([]byte, list[i].Len)
					if _, err := dev.WriteAt(p, list[i].Off); err != nil {
						t.Fatal(err)
					}
				}
				table = append(table, compare(t, name, dev, want))
			})
		}
	}
	if path := os.Getenv("WIPED"); path != "" {
		if err := os.WriteFile(path, []byte(strings.Join(table, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Log("\n" + strings.Join(table, "\n"))
}

// compare repairs an image by us and by xfs_repair, and returns a line of the table.
func compare(t *testing.T, name string, dev *device.Overlay, want map[string]string) string {
	ours, theirs := filepath.Join(t.TempDir(), "ours"), filepath.Join(t.TempDir(), "theirs")
	writeOut(t, dev, theirs)
	r := oracle.Run(t, oracle.Tool(t, "xfs_repair", oracle.Gen7), "-f", theirs)
	theirNames, theirContents := -1, -1
	if r.Exit == 0 {
		theirNames, theirContents = saved(want, hashes(t, theirs))
	}
	res, err := Run(context.Background(), dev, Options{Undo: filepath.Join(t.TempDir(), "undo")})
	if err != nil {
		if errors.Is(err, ErrBeyond) {
			for _, f := range res.After.Findings[:min(10, len(res.After.Findings))] {
				t.Logf("left: %s %s.%s %+v %s %s %s", f.Code, f.Structure, f.Field, f.Place, f.Got, f.Want, f.Note)
			}
		}
		t.Errorf("%s: %v", name, err)
	}
	writeOut(t, dev, ours)
	oracle.RepairClean(t, oracle.Gen7, ours)
	names, contents := saved(want, hashes(t, ours))
	if names < theirNames || contents < theirContents {
		t.Errorf("%s: we save %d names and %d contents, xfs_repair %d and %d", name, names, contents, theirNames, theirContents)
		for i, l := range res.Losses {
			if i < 8 {
				t.Logf("lost: %+v", l)
			}
		}
	}
	tell := func(n int) string {
		if n < 0 {
			return "fails"
		}
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("| %s | %d | %s | %d | %s |", name, names, tell(theirNames), contents, tell(theirContents))
}
