// Package dabtree knows the hash tree ("da btree") that directories and attribute forks share:
// nodes of (highest hash, block) entries over leaves in order of hash.
//
// Blocks are numbered by their file offset in filesystem blocks within the fork, as 32-bit
// numbers; the root always lies at the start of the tree's range. Nodes count levels from 1,
// just above the leaves. A tree of one leaf has no nodes: the leaf is the root.
//
// Tree reads one: Leaves goes from the leaf that can hold a hash to the right. Fork writes one in
// bulk.
package dabtree
