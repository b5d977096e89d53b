package volume

import (
	"errors"
	"fmt"

	"github.com/cowfs/cowfs/attr"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
	"github.com/cowfs/cowfs/journal"
	"github.com/cowfs/cowfs/space"
)

// finishing is the work on unfinished changes in a transaction.
type finishing struct {
	*op
	// free is what becomes free. Blocks are given up when all else is done, as an owner's record
	// of them can still have to go.
	free []space.Extent
}

// finishIntents makes the changes that a replayed log has announced and not made, but for
// exchanges of mappings. They become part of one transaction together with the notes that they are
// done, so that a crash leaves all of them to do, or none.
func (o *op) finishIntents(list []*journal.Intent) error {
	f := finishing{op: o}
	for _, i := range list {
		if i.Exchange != nil {
			continue
		}
		if err := f.intent(i); err != nil {
			return fmt.Errorf("finish %v: %w", i, err)
		}
		o.tx.Note(i.Done())
	}
	return each(f.free, func(e space.Extent) error { return o.groups.Free(o.tx, e, anyOwner, true) })
}

func (o *finishing) intent(i *journal.Intent) error {
	switch i.Type {
	case format.LogItemEFI:
		for _, x := range i.Free {
			o.free = append(o.free, space.Extent{Start: x.Start, Count: x.Len})
		}
		return nil
	case format.LogItemRUI:
		return each(i.Maps, o.rmap)
	case format.LogItemCUI:
		return each(i.Refs, o.refcount)
	case format.LogItemBUI:
		return each(i.Maps, o.bmap)
	case format.LogItemAttrI:
		return o.attr(i.Attr)
	}
	return fmt.Errorf("%w: this kind of unfinished change", format.ErrUnsupported)
}

func each[T any](list []T, f func(T) error) error {
	for _, x := range list {
		if err := f(x); err != nil {
			return err
		}
	}
	return nil
}

// anyOwner frees blocks whoever the reverse map says has them: an intent does not tell, and
// another one may have taken the record away already.
var anyOwner = space.Owner{ID: format.OwnUnknown}

func (o *finishing) rmap(x journal.MapExtent) error {
	e := space.Extent{Start: x.Start, Count: x.Len}
	owner := space.Owner{ID: x.Owner}
	change := x.Flags & format.LogIntentType
	unwritten := x.Flags&format.LogRmapUnwritten != 0
	convert := change == format.LogRmapConvert || change == format.LogRmapConvertShared
	switch ino := format.Ino(x.Owner); {
	case !format.OwnerIsInode(x.Owner):
	case x.Flags&format.LogRmapBmbtBlock != 0:
		owner = space.BmbtOwner(ino, x.Flags&format.LogRmapAttrFork != 0)
	default:
		owner = space.ForkOwner(ino, x.Flags&format.LogRmapAttrFork != 0, x.Off, unwritten != convert)
	}
	switch change {
	case format.LogRmapMap, format.LogRmapMapShared, format.LogRmapAlloc:
		return o.groups.Map(o.tx, e, owner)
	case format.LogRmapUnmap, format.LogRmapUnmapShared, format.LogRmapFree:
		return o.groups.Unmap(o.tx, e, owner)
	case format.LogRmapConvert, format.LogRmapConvertShared:
		return o.groups.Convert(o.tx, e, owner, !unwritten) // the intent names the state that is to be
	}
	return unknownChange(x.Flags)
}

func (o *finishing) refcount(x journal.RefcountExtent) error {
	e := space.Extent{Start: x.Start, Count: x.Len}
	switch x.Flags & format.LogIntentType {
	case format.LogRefcountAllocCow:
		return o.counts.Stage(o.tx, e)
	case format.LogRefcountFreeCow:
		return o.counts.Unstage(o.tx, e)
	case format.LogRefcountIncrease:
		return inParts(e, func(e space.Extent) (uint32, error) { return o.counts.Increase(o.tx, e) })
	case format.LogRefcountDecrease:
		return inParts(e, func(e space.Extent) (uint32, error) {
			done, gone, err := o.counts.Decrease(o.tx, e)
			o.free = append(o.free, gone...)
			return done, err
		})
	}
	return unknownChange(x.Flags)
}

// inParts calls f for what is left of an extent until nothing is.
func inParts(e space.Extent, f func(space.Extent) (done uint32, err error)) error {
	for e.Count > 0 {
		done, err := f(e)
		if err != nil {
			return err
		}
		e = space.Extent{Start: e.Start + format.FSBlock(done), Count: e.Count - done}
	}
	return nil
}

func (o *finishing) bmap(x journal.MapExtent) error {
	e, err := o.edit(format.Ino(x.Owner))
	if err != nil {
		return err
	}
	which := inode.Data
	if x.Flags&format.LogBmapAttrFork != 0 {
		which = inode.Attr
	}
	m := format.Mapping{Off: x.Off, Start: x.Start, Count: x.Len, Unwritten: x.Flags&format.LogBmapUnwritten != 0}
	switch x.Flags & format.LogIntentType {
	case format.LogBmapMap:
		return e.Fork(which).Attach(m)
	case format.LogBmapUnmap:
		return e.Fork(which).Detach(m)
	}
	return unknownChange(x.Flags)
}

func (o *finishing) attr(c *journal.AttrChange) error {
	e, err := o.edit(c.Ino)
	if err != nil {
		return err
	}
	a := attr.Attr{Flags: c.Filter & format.AttrNamespace, Name: string(c.Name), Value: c.Value}
	switch c.Op & format.LogIntentType {
	case format.LogAttrSet, format.LogAttrReplace:
		return o.setAttr(e, a, false, false)
	case format.LogAttrRemove:
		return ignoreMissing(o.attrsOf(e).Remove(a))
	}
	a.Flags = format.AttrParent
	switch c.Op & format.LogIntentType {
	case format.LogAttrParentSet:
		return o.setAttr(e, a, false, false)
	case format.LogAttrParentRemove:
		return ignoreMissing(o.attrsOf(e).Remove(a))
	case format.LogAttrParentReplace:
		if err := ignoreMissing(o.attrsOf(e).Remove(a)); err != nil {
			return err
		}
		return o.setAttr(e, attr.Attr{Flags: format.AttrParent, Name: string(c.NewName), Value: c.NewValue}, false, false)
	}
	return unknownChange(c.Op)
}

// ignoreMissing takes it for granted that what is not there was removed already.
func ignoreMissing(err error) error {
	if errors.Is(err, attr.ErrNotFound) {
		return nil
	}
	return err
}

func unknownChange(flags uint32) error {
	return fmt.Errorf("%w: change of type %d", format.ErrUnsupported, flags&format.LogIntentType)
}
