// Package volume opens an image and offers what is in it by path: files, directories, links,
// attributes, and how the space is used. A Volume is for reading, a Writer also changes it.
//
//	dev, err := device.Open("disk.img", device.ReadOnly)
//	v, err := volume.Open(dev, volume.Options{})
//	defer v.Close()
//	data, err := fs.ReadFile(v, "etc/hostname")
//
// A Volume is an fs.FS, with fs.ReadDirFS, fs.StatFS, fs.ReadFileFS and fs.ReadLinkFS. Beside
// io/fs names, which have no leading slash and no "..", Lookup takes any path as Linux does,
// from the volume's root; symbolic links, absolute ones too, stay within the volume. Names are
// bytes: those that are not UTF-8 can be opened like any others.
//
// What io/fs has no words for is in the inode (package inode), which Lookup and Inode return,
// and which FileInfo.Sys gives.
//
// Everything here is safe for concurrent use, except that a File has a position which Read and
// Seek share. Nothing is cached between calls but what an open File knows of its extents, so the
// image must not change meanwhile.
//
// A Writer, from OpenWriter, is a Volume whose image may be changed. Every change is a transaction
// (package txn), or a few for a large file, each leaving the volume sound: a crash leaves it as
// before or after, and what was changed before Sync lasts. Reading through it shows all changes
// so far. With Options.Replay a dirty log is replayed first, as a mount would do it.
//
// Errors: fs.ErrNotExist and its like for paths, within an *fs.PathError; format.ErrCorrupt
// where the image is damaged, with the place; format.ErrUnsupported for features that cannot be
// read. No image makes this package panic or loop, or take memory beyond a few blocks and what
// the result needs.
//
// Start with open.go, then path.go and file.go; for changes with edit.go, for dirty logs with
// recover.go.
package volume
