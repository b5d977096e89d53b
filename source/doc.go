// Package source is what goes into an image: a directory of the host, tar archives applied on one
// another, or a container image, each read into a Tree.
//
// A Tree has all metadata in memory, in a compact form (64 bytes for a node, 8 for a name beside
// the name itself), and no contents; Readers fetch these from where they lie. Invariants:
//
//   - Node 0 is a directory, the root. Every other node is in at least one directory, directories
//     in just one, and no directory is in itself.
//   - Equal sources give equal trees, whatever the order in which a host lists a directory or
//     goroutines run: entries are in byte order, and IDs in path order.
//   - What a Tree holds can be stored: names have 1 to 255 bytes, device numbers fit, attributes
//     have a namespace and at most 64 KiB, ACLs are valid and agree with the mode.
//
// # Directories
//
// ScanDir goes across mount points, as cp -a does, and does not follow symbolic links below the
// root. Files with several links are recognised by device and inode number. Holes are found in
// files that have fewer blocks than bytes, and in all from 64 KiB on; there, too, ranges that are
// allocated and unwritten are told from holes where the host's filesystem says so (not tmpfs,
// where such ranges are holes until somebody has read them). Smaller preallocated files are
// taken as data. A file that is not the same when its content is read
// (inode, size, modification time) is a ChangedError.
//
// # Archives
//
// ReadTar reads plain, gzip and zstd archives. With several of them, OCI whiteouts (.wh.NAME,
// .wh..wh..opq) apply to what earlier layers brought; in a single archive they are ordinary names.
// Within a layer the last entry of a name wins. A directory entry keeps what the directory holds
// already; every other combination replaces. An entry whose parent directory is a symbolic link
// goes to where that leads inside the tree, as when tar or a container runtime unpacks it; links
// never lead out of the root. Parent directories that no entry makes are made: mode 0755, user
// and group 0 unless Options.Owner says otherwise, modification time 0. Contents of plain
// archives are read in place; compressed ones are unpacked into one unlinked file.
//
// # Extended attributes
//
// The namespaces user, trusted and security and the two POSIX ACLs are taken, others (such as
// system.nfs4_acl or btrfs.compression) describe the host's filesystem and are left out. An
// access ACL that says no more than the mode becomes the mode.
//
// Start reading at tree.go; then scandir.go, or tar.go and layers.go.
package source
