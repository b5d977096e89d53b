package source

import "hash/maphash"

// linkTable finds links by directory and name: a hash table of their indexes, much smaller than
// a map with strings as keys.
type linkTable struct {
	seed  maphash.Seed
	slots []uint32 // 1 + index of a link; 0: free. A power of two many
	count int
}

func newLinkTable() linkTable {
	return linkTable{seed: maphash.MakeSeed(), slots: make([]uint32, 1<<10)}
}

// find returns the slot of a name, or the free one where it belongs.
func (t *linkTable) find(b *builder, dir ID, name string) int {
	mask := uint64(len(t.slots) - 1)
	h := maphash.String(t.seed, name) + uint64(dir)*0x9e3779b97f4a7c15
	for i := (h ^ h>>32) & mask; ; i = (i + 1) & mask {
		n := t.slots[i]
		if n == 0 {
			return int(i)
		}
		if l := b.links.at(int(n - 1)); l.dir == dir && b.t.names.name(l.name) == name {
			return int(i)
		}
	}
}

// get returns the index of a link.
func (t *linkTable) get(b *builder, dir ID, name string) (int, bool) {
	n := t.slots[t.find(b, dir, name)]
	return int(n) - 1, n != 0
}

// add adds a link that is not there yet.
func (t *linkTable) add(b *builder, index int) {
	if t.count++; t.count > len(t.slots)/4*3 {
		old := t.slots
		t.slots = make([]uint32, 2*len(old))
		for _, n := range old {
			if n != 0 {
				t.put(b, n)
			}
		}
	}
	t.put(b, uint32(index)+1)
}

func (t *linkTable) put(b *builder, n uint32) {
	l := b.links.at(int(n - 1))
	t.slots[t.find(b, l.dir, b.t.names.name(l.name))] = n
}
