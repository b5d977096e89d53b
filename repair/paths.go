package repair

import (
	"context"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/dir"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/inode"
)

// tellPaths fills in the paths of files that have lost something, as they are after the repair. It
// looks through directories until it has found them all.
func (r *Result) tellPaths(ctx context.Context, dev device.Device, g *format.Geometry) {
	want := map[format.Ino]string{}
	for _, l := range r.Losses {
		if l.Ino != format.NullIno {
			want[l.Ino] = ""
		}
	}
	left := len(want)
	if _, ok := want[g.RootIno]; ok {
		want[g.RootIno] = "/"
		left--
	}
	src := inode.Source{Geo: g, Dev: dev}
	type entry struct {
		ino  format.Ino
		path string
	}
	seen := map[format.Ino]bool{g.RootIno: true}
	for todo := []entry{{g.RootIno, ""}}; len(todo) > 0 && left > 0 && ctx.Err() == nil; {
		at := todo[0]
		todo = todo[1:]
		for _, e := range entriesOf(src, at.ino) {
			path := at.path + "/" + e.Name
			if p, ok := want[e.Ino]; ok && p == "" {
				want[e.Ino] = path
				left--
			}
			if e.Type == format.FTDir && !seen[e.Ino] {
				seen[e.Ino] = true
				todo = append(todo, entry{e.Ino, path})
			}
		}
	}
	for i := range r.Losses {
		r.Losses[i].Path = want[r.Losses[i].Ino]
	}
}

// entriesOf lists a directory, as far as it can be read.
func entriesOf(src inode.Source, ino format.Ino) (list []dir.Entry) {
	i, err := src.Read(ino)
	if err != nil {
		return nil
	}
	d, err := dir.Open(i)
	if err != nil {
		return nil
	}
	for e, err := range d.Entries() {
		if err != nil {
			break
		}
		list = append(list, e)
	}
	return list
}
