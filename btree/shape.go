package btree

// Shape is the number of blocks on each level, leaves first, that Load makes for a tree of n
// records. The last level is the root, so it has one block.
//
// With rootMax > 0 the root lies in an inode, holds up to rootMax entries (see
// format.RootMaxRecs) and is not counted. There is always at least one level of blocks below
// it.
func Shape(k *Kind, blockSize int, n, rootMax int) []int {
	shape := []int{blocksFor(n, k.MaxRecs(blockSize, 0))}
	for {
		top := shape[len(shape)-1]
		if top <= max(rootMax, 1) {
			return shape
		}
		shape = append(shape, blocksFor(top, k.MaxRecs(blockSize, 1)))
	}
}

// Blocks is the number of blocks in a shape.
func Blocks(shape []int) int {
	sum := 0
	for _, n := range shape {
		sum += n
	}
	return sum
}

// MaxLevels is how high a tree of n records can grow, in an AGF's way of counting, when its
// blocks are as empty as they may be. A group's free list is kept long enough for trees to grow
// by one level, but not beyond this.
func MaxLevels(k *Kind, blockSize int, n int) int {
	levels, blocks := 1, blocksFor(n, k.MinRecs(blockSize, 0))
	for ; blocks > 1; levels++ {
		blocks = blocksFor(blocks, k.MinRecs(blockSize, 1))
	}
	return levels
}

func blocksFor(n, most int) int { return max(1, (n+most-1)/most) }

// share returns which of n entries go to block j of count: an even part, from lo up to hi.
func share(n, count, j int) (lo, hi int) {
	each, more := n/count, n%count
	lo = j*each + min(j, more)
	hi = lo + each
	if j < more {
		hi++
	}
	return lo, hi
}
