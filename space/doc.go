// Package space gives out and takes back the blocks of a volume that is open for writing, and
// keeps account of who has them.
//
// A volume is divided into allocation groups. Each has its free extents in two B+trees, by
// place (bnobt) and by length (cntbt), and with the rmapbt feature a third one that names the
// owner of every used extent. A Groups value stands for all of them:
//
//	groups := space.New(geo)
//	e, err := groups.Alloc(tx, space.Request{Min: 1, Max: 16, Near: b, Owner: space.ForkOwner(...)})
//	...
//	err = groups.Free(tx, e, owner, true)
//
// Every change is made through a transaction. Groups remembers nothing that cancelling a
// transaction would have to undo: the truth is in the transaction's buffers.
//
// Invariants between two calls:
//
//   - A block is in exactly one place: free, in the group's free list (AGFL), or used. bnobt
//     and cntbt hold the same extents, and no two of them touch.
//   - The AGF's counters agree with the trees and the free list.
//   - Blocks of the three trees come from the free list and go back there, so that a change of
//     a tree never needs another change of the same tree. Before each change the list is
//     brought to the length that the worst case may use up.
//   - With rmapbt, each used extent that was given an owner has its record, joined with its
//     neighbours where the format wants that.
//   - Blocks are held back in each group, so that rmapbt, refcountbt and finobt can grow even
//     when everything else is full; see reserve.go.
//
// Errors: ErrNoSpace says that there is no room, and ErrBusy that there is room for file data
// but not before the next sync; both leave things as they are. After any other error the
// transaction must be cancelled. format.ErrCorrupt says that the image contradicts itself or
// the caller, as when a free block is freed.
//
// Start reading at groups.go, then alloc.go and free.go. search.go finds places, freetree.go
// and rmaptree.go change the trees, freelist.go keeps the AGFL.
package space
