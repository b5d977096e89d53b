// Package refcount keeps account of blocks that several files share, and of blocks that are
// staged for copy-on-write.
//
// Both are records of one B+tree in each allocation group, refcountbt, in two domains. In the
// shared domain a record says how many owners a run of blocks has, if it is two or more: blocks
// with one owner have no record. In the CoW domain a record says that blocks are in use but
// belong to no file yet; they are staged. Records of a domain that touch and have the same
// number of owners are one record.
//
// The tree counts; who the owners are is in rmapbt, if there is one, and in the files. So
// Increase goes with groups.Map, and Decrease with groups.Unmap. Only AllocStaging, FreeStaging
// and RemoveStaging see to both.
//
// A call changes a limited number of records, so that a transaction stays small. Increase and
// Decrease therefore tell how many blocks they have dealt with, from the start of the extent;
// with the rest the caller goes on in another transaction.
//
// Blocks of the tree are allocated from those that package space holds back for it.
//
// Start reading at record.go, which knows no tree; counts.go applies it to one.
package refcount
