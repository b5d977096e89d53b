// Package journal reads, replays and writes the log of a volume.
//
// # Concepts
//
// The log is a ring of blocks of 512 bytes within the volume. Writers go round it; the number of
// the round is the cycle, and cycle and block together are an LSN, which only ever grows. The
// next record goes to the head. What has not been written in place yet starts at the tail.
//
// A record is what a writer writes at once: a header with LSN, tail and checksum, and operations.
// Every block of it begins with its cycle on the disk, so that the head can be found by looking
// for the place where cycle numbers drop.
//
// Operations carry the regions of a transaction: a start, its header, items of one or more
// regions each, and a commit. A transaction without a commit never happened. Writers gather many
// changes in one, a checkpoint. Its LSN, that of the record that it starts in, is what the
// buffers it changed are stamped with before they go to the disk.
//
// An item is one change: chunks of a buffer, an inode, a new chunk of inodes, a quota record; or
// an intent, which announces a change that takes several transactions, or what says that such a
// change is done.
//
// # Reading and replaying
//
// Open finds head and tail of a log and tells whether it is clean. Records that a crash tore are
// left out. Log.Records and Log.Transactions yield what is between tail and head; a transaction is
// no more than a place, from which Transaction.Items reads. Recover makes the changes in the image,
// safe from a crash in the middle; Replay makes them in a copy or a device.Overlay. MakeClean ends
// the log when everything that Result still asks for has been done:
//
//	l, err := journal.Open(dev, g)
//	if l.State == journal.Dirty {
//		result, err := journal.Recover(l)
//		// finish result.Intents and the rest, by transactions of one's own
//		err = journal.MakeClean(dev, result.Geometry)
//	}
//
// Recover has the log hold nothing but the difference between what is in place and what will be,
// while it writes that in place: see condense.go for why.
//
// # Writing
//
// A Writer appends checkpoints, made of items from BufferItem, InodeItem and their sisters:
//
//	lsn, err := w.Append(items)
//	err = w.Sync()            // from here on a crash replays the checkpoint
//	...                       // write the buffers in place, with an LSN older than lsn, sync
//	err = w.SetTail(w.Head()) // from here on it is not needed any more
//	err = w.Unmount()         // at the end
//
// Rules that hold for every log that this package leaves behind, in a crash too: no more than 8
// records, and 2 MiB, are unsynced at any time, which is what recovery by the kernel allows for;
// nothing behind the head looks like a later record; LSNs on the disk are never ahead of the log.
//
// Start reading at log.go and trans.go, then replay.go, then writer.go.
package journal
