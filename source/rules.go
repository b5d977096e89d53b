package source

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// rules is Options, checked and ready to be applied.
type rules struct {
	Options
	owner *Owner
}

func (o Options) compile() (*rules, error) {
	r := &rules{Options: o, owner: o.Owner}
	if o.AllRoot {
		if o.Owner != nil {
			return nil, fmt.Errorf("one owner for everything is given twice")
		}
		r.owner = &Owner{}
	}
	if r.owner != nil && len(o.UIDMap)+len(o.GIDMap) > 0 {
		return nil, fmt.Errorf("one owner for everything leaves nothing to map")
	}
	if r.owner != nil && (r.owner.UID > maxID || r.owner.GID > maxID) {
		return nil, fmt.Errorf("owner %d:%d: IDs go up to %d", r.owner.UID, r.owner.GID, uint32(maxID))
	}
	for what, m := range map[string][]IDMap{"user": o.UIDMap, "group": o.GIDMap} {
		if err := checkMap(m); err != nil {
			return nil, fmt.Errorf("%s map: %w", what, err)
		}
	}
	r.Exclude = slices.Clone(o.Exclude)
	for i, p := range o.Exclude {
		r.Exclude[i] = strings.Trim(p, "/")
		if r.Exclude[i] == "" || !doublestar.ValidatePattern(r.Exclude[i]) {
			return nil, fmt.Errorf("exclude pattern %q is malformed", p)
		}
	}
	return r, nil
}

// maxID is the largest user or group ID: the one above it stands for none.
const maxID = math.MaxUint32 - 1

func checkMap(maps []IDMap) error {
	for i, m := range maps {
		if m.Count == 0 || uint64(m.Inside)+uint64(m.Count)-1 > maxID || uint64(m.Outside)+uint64(m.Count)-1 > maxID {
			return fmt.Errorf("%d:%d:%d is not a range of IDs from 0 to %d", m.Inside, m.Outside, m.Count, uint32(maxID))
		}
		for _, n := range maps[:i] {
			if uint64(m.Outside) < uint64(n.Outside)+uint64(n.Count) && uint64(n.Outside) < uint64(m.Outside)+uint64(m.Count) {
				return fmt.Errorf("%d:%d:%d and %d:%d:%d overlap", n.Inside, n.Outside, n.Count, m.Inside, m.Outside, m.Count)
			}
		}
	}
	return nil
}

// mapID is the image's ID for one of the source.
func mapID(maps []IDMap, id uint32) (uint32, bool) {
	if len(maps) == 0 {
		return id, true
	}
	for _, m := range maps {
		if id >= m.Outside && id-m.Outside < m.Count {
			return m.Inside + (id - m.Outside), true
		}
	}
	return 0, false
}

// apply sets a node's owner and modification time, given as the source has them.
func (r *rules) apply(n *Node, uid, gid uint32, sec int64, nsec uint32) error {
	if r.owner != nil {
		uid, gid = r.owner.UID, r.owner.GID
	}
	var okU, okG bool
	n.UID, okU = mapID(r.UIDMap, uid)
	n.GID, okG = mapID(r.GIDMap, gid)
	if !okU {
		return fmt.Errorf("the user map does not cover user %d", uid)
	}
	if !okG {
		return fmt.Errorf("the group map does not cover group %d", gid)
	}
	n.Sec, n.Nsec = r.mtime(sec, nsec)
	return nil
}

// mtime is the image's modification time for one of the source.
func (r *rules) mtime(sec int64, nsec uint32) (int64, uint32) {
	if r.ClampMtime != nil && sec >= *r.ClampMtime {
		return *r.ClampMtime, 0
	}
	return sec, nsec
}

// excluded reports whether a path below the root matches a pattern.
func (r *rules) excluded(path string) bool {
	for _, p := range r.Exclude {
		if doublestar.MatchUnvalidated(p, path) {
			return true
		}
	}
	return false
}
