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

// wiping is a choice of structures to overwrite with zeroes.
type wiping struct {
	name string
	list []damage.Structure
	tidy bool // part of ordinary runs
}

// wipings are 1, 10 and 100 structures of each kind, and whole parts of the volume.
func wipings(t *testing.T, img *damage.Image) (all []wiping) {
	kinds := map[*format.BlockType][]damage.Structure{}
	for _, s := range img.Structures {
		kinds[s.Type] = append(kinds[s.Type], s)
	}
	for _, typ := range []*format.BlockType{
		format.TypeInode, format.TypeBmbt, format.TypeDirBlock, format.TypeDirData, format.TypeDirLeaf1, format.TypeDirLeafN, format.TypeDirNode,
		format.TypeDirFree, format.TypeAttrLeaf, format.TypeAttrNode, format.TypeAttrRmt, format.TypeSymlink, format.TypeInobt, format.TypeFinobt,
		format.TypeBnobt, format.TypeCntbt, format.TypeRmapbt, format.TypeRefcount, format.TypeAGF, format.TypeAGI, format.TypeAGFL,
	} {
		list := kinds[typ]
		if len(list) == 0 {
			t.Errorf("no %s in the image", typ.Name)
		}
		for _, n := range []int{1, 10, 100} {
			if n > 1 && len(list) <= n/10 {
				break // as in the row before
			}
			w := wiping{name: fmt.Sprintf("%d of %d: %s", min(n, len(list)), len(list), typ.Name), tidy: n == 10 && typ == format.TypeDirData}
			rng := rand.New(rand.NewPCG(uint64(n), 7))
			for _, i := range rng.Perm(len(list))[:min(n, len(list))] {
				w.list = append(w.list, list[i])
			}
			all = append(all, w)
		}
	}
	whole := func(name string, tidy bool, has func(s damage.Structure) bool) {
		w := wiping{name: name, tidy: tidy}
		for _, s := range img.Structures {
			if has(s) {
				w.list = append(w.list, s)
			}
		}
		all = append(all, w)
	}
	of := func(types ...*format.BlockType) func(s damage.Structure) bool {
		return func(s damage.Structure) bool {
			for _, typ := range types {
				if s.Type == typ {
					return true
				}
			}
			return false
		}
	}
	headers := of(format.TypeSuperblock, format.TypeAGF, format.TypeAGI, format.TypeAGFL)
	for ag := range format.AGNumber(2) {
		start, end := img.Geo.AGOffset(ag, 0), img.Geo.AGOffset(ag+1, 0)
		whole(fmt.Sprintf("the whole header of group %d", ag), false, func(s damage.Structure) bool { return headers(s) && s.Off >= start && s.Off < end })
	}
	whole("the primary superblock", true, func(s damage.Structure) bool { return s.Off == 0 })
	whole("all inode B+trees", false, of(format.TypeInobt, format.TypeFinobt))
	whole("the whole refcount B+tree of each group", false, of(format.TypeRefcount))
	whole("all free space B+trees", false, of(format.TypeBnobt, format.TypeCntbt))
	whole("all rmap B+trees", false, of(format.TypeRmapbt))
	whole("all B+trees of all groups", false, of(format.TypeInobt, format.TypeFinobt, format.TypeRefcount, format.TypeBnobt, format.TypeCntbt, format.TypeRmapbt))
	return all
}

// TestWiped wipes metadata and compares what our repair saves with what xfs_repair does: it is
// never less, and both checkers find nothing wrong with it. With COWFS_SOAK=1 it is all there is to
// wipe, and WIPED=FILE writes the table.
func TestWiped(t *testing.T) {
	sound := memoryOf(t, damage.Rich(t, "-b", "size=1k"))
	all := takeInventory(t, sound)
	img, err := damage.Open(sound)
	if err != nil {
		t.Fatal(err)
	}
	want := all.saved(all)
	table := []string{
		"| wiped | names: cowfsck | xfs_repair | bytes: cowfsck | xfs_repair | attributes: cowfsck | xfs_repair |",
		"|---|---|---|---|---|---|---|",
		fmt.Sprintf("| nothing | %d | | %d | | %d | |", want.Names, want.Bytes, want.Attrs),
	}
	for _, w := range wipings(t, img) {
		if !w.tidy && !oracle.Soaking() {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			dev := device.NewOverlay(sound)
			for _, s := range w.list {
				if _, err := dev.WriteAt(make([]byte, s.Len), s.Off); err != nil {
					t.Fatal(err)
				}
			}
			ours, theirs, ok := bothRepair(t, dev, all)
			tell := func(n int) string {
				if !ok {
					return "fails"
				}
				return fmt.Sprint(n)
			}
			table = append(table, fmt.Sprintf("| %s | %d | %s | %d | %s | %d | %s |", w.name, ours.Names, tell(theirs.Names), ours.Bytes, tell(theirs.Bytes), ours.Attrs, tell(theirs.Attrs)))
		})
	}
	if path := os.Getenv("WIPED"); path != "" {
		if err := os.WriteFile(path, []byte(strings.Join(table, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Log("\n" + strings.Join(table, "\n"))
}

// bothRepair repairs an image by us and by xfs_repair, and counts what of all each saves. ok says
// that xfs_repair came to an end.
func bothRepair(t *testing.T, dev *device.Overlay, all *inventory) (ours, theirs saving, ok bool) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "theirs")
	writeOut(t, dev, path)
	ok = theirRepair(t, path)
	file, err := device.Open(path, device.ReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	theirs = all.saved(takeInventory(t, file))
	if err := errors.Join(file.Close(), os.Remove(path)); err != nil {
		t.Fatal(err)
	}

	res, err := Run(context.Background(), dev, Options{Undo: filepath.Join(t.TempDir(), "undo")})
	if err != nil {
		if errors.Is(err, ErrBeyond) {
			for _, f := range res.After.Findings[:min(10, len(res.After.Findings))] {
				t.Logf("left: %s %s.%s %+v %s %s %s", f.Code, f.Structure, f.Field, f.Place, f.Got, f.Want, f.Note)
			}
		}
		t.Error(err)
	}
	path = filepath.Join(t.TempDir(), "ours")
	writeOut(t, dev, path)
	oracle.RepairClean(t, oracle.Gen7, path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	ours = all.saved(takeInventory(t, dev))
	if ours.less(theirs) {
		t.Errorf("we save %+v, xfs_repair %+v", ours, theirs)
		for _, l := range res.Losses[:min(8, len(res.Losses))] {
			t.Logf("lost: %+v", l)
		}
	}
	return ours, theirs, ok
}
