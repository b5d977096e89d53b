package space_test

import (
	"testing"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/mkfs"
	"github.com/cowfs/cowfs/space"
	"github.com/cowfs/cowfs/space/spacetest"
)

// BenchmarkAllocFree allocates the blocks of many small files and frees them, on a volume with
// free space in one piece and in many.
func BenchmarkAllocFree(b *testing.B) {
	for name, holes := range map[string]int{"empty": 0, "fragmented": 20_000} {
		b.Run(name, func(b *testing.B) {
			v := spacetest.New(b, geometry(b, mkfs.Config{Size: 4 << 30}))
			tx := v.Begin(b)
			owner := func(i int) space.Owner { return space.ForkOwner(format.Ino(1000+i), false, 0, false) }
			alloc := func(i int) space.Extent {
				e, err := v.Groups.Alloc(tx, space.Request{Min: 4, Near: v.Geo.FSB(0, 1000), Owner: owner(i)})
				if err != nil {
					b.Fatal(err)
				}
				return e
			}
			free := func(e space.Extent, i int) {
				if err := v.Groups.Free(tx, e, owner(i), true); err != nil {
					b.Fatal(err)
				}
			}
			step := func(i int) {
				if i%20 == 19 {
					spacetest.Commit(b, tx)
					tx = v.Begin(b)
				}
			}
			var list []space.Extent
			for i := range 2 * holes {
				list = append(list, alloc(i))
				step(i)
			}
			for i := 0; i < len(list); i += 2 {
				free(list[i], i)
				step(i / 2)
			}
			b.ReportAllocs()
			b.ResetTimer()
			const batch = 1000
			for i := 0; i < b.N; {
				var list []space.Extent
				n := min(batch, b.N-i)
				for j := range n {
					list = append(list, alloc(1<<20+j))
					step(j)
				}
				for j, e := range list {
					free(e, 1<<20+j)
					step(j)
				}
				i += n
			}
			b.StopTimer()
			tx.Cancel()
		})
	}
}
