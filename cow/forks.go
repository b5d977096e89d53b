package cow

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/refcount"
	"github.com/cowfs/cowfs/txn"
)

// Forks is the CoW forks on disk of a volume that is open for writing. It belongs to whoever has
// the open transaction. There must be one Forks for a volume only.
//
// While there is a fork, the superblock carries format.ROPendingCow and format.LogPendingCow: the
// first fork sets them and the end of the last one clears them. Which inodes have a fork is not
// recorded anywhere, so all inodes are searched, once, when the volume was opened with forks and
// one of them ends.
type Forks struct {
	geo    *format.Geometry
	counts *refcount.Counts

	known    map[format.Ino]struct{} // inodes that have a fork
	searched bool                    // known is complete
	ended    []format.Ino            // taken out of known by transaction by; it may be cancelled
	by       *txn.Tx
	warned   bool // the superblock in place says that there are forks
	ahead    bool // it was made to say so, outside of a transaction
}

// NewForks returns the forks of a volume.
func NewForks(g *format.Geometry, counts *refcount.Counts) *Forks {
	return &Forks{geo: g, counts: counts, known: map[format.Ino]struct{}{}, searched: !g.HasCowForks(), warned: g.HasCowForks()}
}

// Open opens the fork of a regular file, which may have none. It is not used after the
// transaction's end.
func (s *Forks) Open(tx *txn.Tx, e *inode.Editor) (*Fork, error) {
	switch {
	case !s.geo.HasReflink():
		return nil, errReflink
	case e.Mode()&format.ModeType != format.ModeReg:
		return nil, fmt.Errorf("inode %d: %w", e.Ino, ErrNotRegular)
	case format.DiFlags.Get(e.Raw())&format.FlagRealtime != 0:
		return nil, fmt.Errorf("inode %d: %w", e.Ino, errRealtime)
	}
	return newFork(s, tx, e), nil
}

// has reports whether an inode has a fork, as far as the transaction has come.
func (s *Forks) has(tx *txn.Tx, ino format.Ino) (bool, error) {
	b, err := tx.Read(s.geo.InoOffset(ino), format.TypeInode, format.InInode(ino))
	if errors.Is(err, format.ErrCorrupt) { // its chunk was given back
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return format.DiMode.Get(b.Data) != 0 && format.DiCowRoot.Get(b.Data) != 0, nil
}

// settle finds out what became of the forks that the last transaction has ended.
func (s *Forks) settle(tx *txn.Tx) error {
	if s.by == tx {
		return nil
	}
	for _, ino := range s.ended {
		has, err := s.has(tx, ino)
		if err != nil {
			return err
		}
		if has {
			s.known[ino] = struct{}{}
		}
	}
	s.ended, s.by = s.ended[:0], tx
	return nil
}

// began notes that an inode has a fork now.
func (s *Forks) began(tx *txn.Tx, ino format.Ino) error {
	if err := s.settle(tx); err != nil {
		return err
	}
	if err := s.warn(tx); err != nil {
		return err
	}
	s.known[ino] = struct{}{}
	s.geo.NoteCowForks()
	return s.mark(tx, true)
}

// end notes that an inode's fork is gone.
func (s *Forks) end(tx *txn.Tx, ino format.Ino) error {
	if err := s.settle(tx); err != nil {
		return err
	}
	if err := s.search(tx); err != nil {
		return err
	}
	delete(s.known, ino)
	s.ended = append(s.ended, ino)
	return s.unmark(tx)
}

// Close is for the last transaction of all: it takes back what the superblock says of forks that
// never came to be.
func (s *Forks) Close(tx *txn.Tx) error {
	if !s.warned && !s.geo.HasCowForks() {
		return nil
	}
	if err := s.settle(tx); err != nil {
		return err
	}
	if err := s.search(tx); err != nil {
		return err
	}
	return s.unmark(tx)
}

// unmark makes the superblock say that there are no forks, if so.
func (s *Forks) unmark(tx *txn.Tx) error {
	for other := range s.known { // most often the first one has one
		has, err := s.has(tx, other)
		if err != nil || has {
			return err
		}
		delete(s.known, other) // begun by a transaction that was cancelled
	}
	return s.mark(tx, false)
}

// search looks for forks in all inodes.
func (s *Forks) search(tx *txn.Tx) error {
	if s.searched {
		return nil
	}
	src := inode.Source{Geo: s.geo, Dev: tx.View()}
	for raw, err := range src.Used() {
		if err != nil {
			return fmt.Errorf("search for CoW forks: %w", err)
		}
		if format.DiCowRoot.Get(raw.Bytes) != 0 {
			s.known[raw.Ino] = struct{}{}
		}
	}
	s.searched = true
	return nil
}

// All gives the inodes that have a fork, in order.
func (s *Forks) All(tx *txn.Tx) ([]format.Ino, error) {
	if err := s.settle(tx); err != nil {
		return nil, err
	}
	if err := s.search(tx); err != nil {
		return nil, err
	}
	var list []format.Ino
	for _, ino := range slices.Sorted(maps.Keys(s.known)) {
		has, err := s.has(tx, ino)
		if err != nil {
			return nil, err
		}
		if has {
			list = append(list, ino)
		}
	}
	return list, nil
}

// mark makes the superblock say whether there are forks.
func (s *Forks) mark(tx *txn.Tx, pending bool) error {
	sb, err := tx.Read(0, format.TypeSuperblock, format.InGroup(0))
	if err != nil {
		return err
	}
	if pending == marked(sb.Data) && pending == s.warned {
		return nil
	}
	// Even if the bytes stay as they are: in place there may be others.
	at, end := int(format.SBROCompat), int(format.SBLogIncompat)+4
	setMark(tx.Change(sb, at, end-at), pending)
	s.warned = pending
	return nil
}

func marked(sb []byte) bool {
	return format.SBROCompat.Get(sb)&format.ROPendingCow != 0 && format.SBLogIncompat.Get(sb)&format.LogPendingCow != 0
}

func setMark(sb []byte, pending bool) {
	ro, log := format.SBROCompat.Get(sb)&^format.ROPendingCow, format.SBLogIncompat.Get(sb)&^format.LogPendingCow
	if pending {
		ro, log = ro|format.ROPendingCow, log|format.LogPendingCow
	}
	format.SBROCompat.Put(sb, ro)
	format.SBLogIncompat.Put(sb, log)
}

// warn makes the superblock in place say that there are forks, before anything in the log does.
// Else a mount after a crash, even one for reading, would replay the log and then free all blocks
// that are staged.
func (s *Forks) warn(tx *txn.Tx) error {
	if s.warned {
		return nil
	}
	// In memory it says so only when the transaction does, which may be cancelled.
	if _, err := tx.Read(0, format.TypeSuperblock, format.InGroup(0)); err != nil {
		return err
	}
	dev, b := tx.Device(), make([]byte, s.geo.SectSize)
	if _, err := dev.ReadAt(b, 0); err != nil {
		return fmt.Errorf("read the superblock: %w", err)
	}
	if err := format.Verify(s.geo, format.TypeSuperblock, b, format.InGroup(0)); err != nil {
		return err
	}
	setMark(b, true)
	format.TypeSuperblock.SetChecksum(b)
	if _, err := dev.WriteAt(b, 0); err != nil {
		return fmt.Errorf("write the superblock: %w", err)
	}
	if err := dev.Sync(); err != nil {
		return fmt.Errorf("write the superblock: %w", err)
	}
	s.warned, s.ahead = true, true
	return nil
}

// Ahead reports whether the superblock in place may say more of forks than a transaction has made
// true. Then Close needs its transaction even if there was no other one.
func (s *Forks) Ahead() bool { return s.ahead }
