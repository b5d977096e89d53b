package journal

import "github.com/cowfs/cowfs/format"

// Item makes the item that announces the intent.
func (i *Intent) Item() Item {
	var item Item
	switch {
	case i.Attr != nil:
		item = i.Attr.item(i.Type)
	case i.Exchange != nil:
		item = i.Exchange.item(i.Type)
	default:
		item = i.extents(i.Type)
	}
	format.LogIntentID.Put(item.Regions[0], i.ID)
	return item
}

// Done makes the item that says that the intent was carried out, all of it. It belongs in the
// checkpoint that has the last of what the intent wanted.
func (i *Intent) Done() Item {
	done := i.Type + 1
	if i.Type == format.LogItemEFI {
		item := i.extents(done)
		format.LogIntentID.Put(item.Regions[0], i.ID)
		return item
	}
	item := newItem(done, format.LogDone.Size)
	format.LogDoneID.Put(item.Regions[0], i.ID)
	return item
}

func (i *Intent) extents(t format.LogItemType) Item {
	count, size := len(i.Free), format.LogFreeExtent.Size
	switch {
	case len(i.Maps) > 0:
		count, size = len(i.Maps), format.LogMapExtent.Size
	case len(i.Refs) > 0:
		count, size = len(i.Refs), format.LogRefExtent.Size
	}
	item := newItem(t, format.LogEFI.Size+count*size)
	format.LogIntentCount.Put(item.Regions[0], uint32(count))
	list := item.Regions[0][format.LogEFI.Size:]
	for n, e := range i.Free {
		b := list[n*size:]
		format.LogFreeExtentStart.Put(b, e.Start)
		format.LogFreeExtentLen.Put(b, e.Len)
	}
	for n, e := range i.Maps {
		b := list[n*size:]
		format.LogMapExtentOwner.Put(b, e.Owner)
		format.LogMapExtentStart.Put(b, e.Start)
		format.LogMapExtentStartOff.Put(b, e.Off)
		format.LogMapExtentLen.Put(b, e.Len)
		format.LogMapExtentFlags.Put(b, e.Flags)
	}
	for n, e := range i.Refs {
		b := list[n*size:]
		format.LogRefExtentStart.Put(b, e.Start)
		format.LogRefExtentLen.Put(b, e.Len)
		format.LogRefExtentFlags.Put(b, e.Flags)
	}
	return item
}

func (a *AttrChange) item(t format.LogItemType) Item {
	item := newItem(t, format.LogAttrI.Size)
	b := item.Regions[0]
	format.LogAttrGen.Put(b, a.Gen)
	format.LogAttrIno.Put(b, a.Ino)
	format.LogAttrOp.Put(b, a.Op)
	format.LogAttrNameLen.Put(b, uint32(len(a.Name)))
	format.LogAttrValueLen.Put(b, uint32(len(a.Value)))
	format.LogAttrFilter.Put(b, uint32(a.Filter))
	if a.Op == format.LogAttrParentReplace {
		format.LogAttrOldName.Put(b, uint16(len(a.Name)))
		format.LogAttrNewName.Put(b, uint16(len(a.NewName)))
	}
	for _, region := range [][]byte{a.Name, a.NewName, a.Value, a.NewValue} {
		item.add(region)
	}
	return item
}

func (x *Exchange) item(t format.LogItemType) Item {
	item := newItem(t, format.LogXMI.Size)
	b := item.Regions[0]
	format.LogXMIIno1.Put(b, x.Ino1)
	format.LogXMIIno2.Put(b, x.Ino2)
	format.LogXMIGen1.Put(b, x.Gen1)
	format.LogXMIGen2.Put(b, x.Gen2)
	format.LogXMIStartOff1.Put(b, x.Off1)
	format.LogXMIStartOff2.Put(b, x.Off2)
	format.LogXMICount.Put(b, x.Count)
	format.LogXMIFlags.Put(b, x.Flags)
	format.LogXMISize1.Put(b, x.Size1)
	format.LogXMISize2.Put(b, x.Size2)
	return item
}
