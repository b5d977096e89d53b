// Package oracle lets tests ask somebody else whether an image is right: two generations of
// xfsprogs and the Linux kernel.
//
// The usual test makes an image, and then
//
//	oracle.RepairClean(t, oracle.Gen7, image)       // xfs_repair -n finds nothing
//	m := oracle.Mount(t, image, oracle.MountOptions{}) // and neither does the kernel
//	oracle.Equal(t, want, oracle.Snapshot(t, m.Dir))   // the tree is the one that went in
//	oracle.KernelExercise(t, m, 1)                     // the kernel can work with it
//	m.Unmount()
//	oracle.RepairClean(t, oracle.Gen7, image)
//
// An oracle that is not there (not root, no xfsprogs) skips the test with a reason. With
// CI=true in the environment it fails the test instead, so that a green CI run means that
// every oracle was asked.
//
// Everything here may be used from parallel tests: each mount has its own loop device and
// hears only that device's lines in the kernel log.
//
// Start reading at tool.go (finding tools), mount.go and snapshot.go. The source trees that
// tests fill images from are in the package zoo below this one.
package oracle
