package repair

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/cowfs/cowfs/check"
	"github.com/cowfs/cowfs/format"
)

// keepLeaked copies blocks that are staged for a write of nobody knows which file to files of the
// host, before they are freed: one for each run, named after group and block.
func (j *job) keepLeaked(report *check.Report) error {
	if j.KeepCow == "" || j.Plan {
		return nil
	}
	for _, f := range report.Findings {
		if f.Code != check.CowLeaked || f.Place.Count == 0 {
			continue
		}
		off := j.geo.AGOffset(f.Place.AG, f.Place.Block)
		n := int64(f.Place.Count) << j.geo.BlockLog
		name := filepath.Join(j.KeepCow, fmt.Sprintf("ag%d-block%d", f.Place.AG, f.Place.Block))
		if err := saveTo(name, io.NewSectionReader(j.dev, off, n)); err != nil {
			return err
		}
		j.r.act(Action{What: "save staged blocks to a file", AG: f.Place.AG, Ino: format.NullIno, Note: name})
	}
	return nil
}

func saveTo(name string, r io.Reader) error {
	out, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if os.IsExist(err) {
		return nil // an earlier round has saved it
	}
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, r); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
