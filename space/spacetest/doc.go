// Package spacetest holds what tests of space and of what stands on it share: volumes to work on, and
// a judge who reads everything about free and used blocks and finds contradictions.
//
// New and Load make a Volume in memory; changes are made in transactions, between Begin and Commit.
// Judge reads all groups from the device, not through what is under test, so call it behind a
// Commit, and JudgeSharing with what it returns where the reverse map has all owners of shared blocks.
// Either ends the test at the first volume that contradicts itself.
package spacetest
