// Package xfsdb compares structures as package format reads them with what xfs_db prints of the same
// bytes. Names are the same but for these, each of which Compare knows:
//
//   - xfs_db counts records, keys and pointers from 1, all else from 0; here all counts from 0.
//   - Bits of flags are fields of their own there, names behind one mask here.
//   - A time is two fields there, seconds and nanoseconds.
//   - The parts of a hash tree's node begin with n in directories only there, always here.
//   - The root of a CoW fork is padding there, and padding is not printed here while it is zero.
//   - Null and zero elements of arrays are left out there.
//
// Start with Run, then Parse and Compare.
package xfsdb
