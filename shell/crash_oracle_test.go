package shell

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/internal/oracle"
	"github.com/cowfs/cowfs/internal/oracle/dirty"
	"github.com/cowfs/cowfs/volume"
)

// Files that were open without a name when Linux went down are listed, although the replay of the
// log has freed them.
func TestUnlinkedOfACrash(t *testing.T) {
	image := dirty.Fresh(t, 300<<20)
	m := oracle.Mount(t, image, oracle.MountOptions{Loud: true})
	work := dirty.NewWork(t, m.Dir, 1)
	var want []string
	open := work.DeleteOpen()
	for _, f := range open {
		var st unix.Stat_t
		if err := unix.Fstat(int(f.Fd()), &st); err != nil {
			t.Fatal(err)
		}
		want = append(want, fmt.Sprintf(`{"type":"unlinked","ag":0,"bucket":%d,"ino":%d,"freed":true}`, st.Ino%64, st.Ino))
	}
	work.Shutdown(false)
	for _, f := range open {
		f.Close()
	}
	m.Unmount()

	dev, err := device.Open(image, device.ReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	v, err := volume.Open(dev, volume.Options{Replay: true})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if text := strings.Join(v.Warnings(), "\n"); !strings.Contains(text, "without 70 unlinked inodes") {
		t.Errorf("the warnings are %q", text)
	}
	var out bytes.Buffer
	if err := (&Session{Vol: v, Out: &out, JSON: true}).Run(t.Context(), []string{"unlinked"}); err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSpace(out.String()), "\n")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
	out.Reset()
	if err := (&Session{Vol: v, Out: &out}).Run(t.Context(), []string{"unlinked", "1"}); err != nil || out.Len() > 0 {
		t.Errorf("in group 1: %v, %q", err, out.String())
	}
}
