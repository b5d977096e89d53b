// Package repair mends damaged images, and loses as little as can be.
//
// Run works in rounds. Each checks the image (package check) and mends what lies lowest of what is
// wrong, so that the next one can see what stands on it:
//
//	superblock  from its copies, by majority
//	log         replayed as a mount would; thrown away only when that can't be done
//	inodes      found by themselves where the trees that list them are damaged; each one's fields
//	            made what its forks bear out
//	forks       read as far as they go, and completed from the reverse map
//	groups      headers and trees written anew from what inodes really own
//	names       directories, attributes, links
//
// All of this happens in memory, in a device.Overlay. When a last check is content, or nothing more
// can be done, package undo carries the changes over to the image: an interruption leaves it as
// before or after, and everything can be taken back.
//
// Nothing is made up. Blocks that two files claim are shared where the volume can share, and copied
// where not; what was overwritten becomes a hole; both are reported, as are names and attributes
// that could not be saved.
//
// Start reading at job.go, then rebuild.go.
package repair
