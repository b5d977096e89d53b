package shell

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/volume"
)

// counting counts what is read from a device.
type counting struct {
	device.Device
	reads, bytes int
}

func (c *counting) ReadAt(b []byte, off int64) (int, error) {
	c.reads++
	c.bytes += len(b)
	return c.Device.ReadAt(b, off)
}

// A script of a thousand commands reads what it goes to, once, and nothing else; and each command
// is timed.
func TestThousandCommands(t *testing.T) {
	file, err := device.Open(newImage(t), device.ReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	dev := &counting{Device: file}
	v, err := volume.Open(dev, volume.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	root := uint64(v.Geo.RootIno)
	var many, same strings.Builder
	for n := range uint64(500) {
		fmt.Fprintf(&many, "inode -q %d\nprint core.mode\n", root+n*37%64)
	}
	fmt.Fprintf(&same, "inode -q %d\n", root)
	for range 999 {
		fmt.Fprintln(&same, "print size mode")
	}
	for name, c := range map[string]struct {
		script string
		reads  int
	}{"many": {many.String(), 500}, "same": {same.String(), 1}} {
		s := &Session{Vol: v, Out: io.Discard, Timing: &Timing{}}
		dev.reads, dev.bytes = 0, 0
		if err := s.Script(t.Context(), "", strings.NewReader(c.script)); err != nil {
			t.Fatal(err)
		}
		if dev.reads > c.reads || dev.bytes > c.reads*v.Geo.InodeSize {
			t.Errorf("%s: %d bytes in %d reads, want at most %d reads of an inode", name, dev.bytes, dev.reads, c.reads)
		}
		var out bytes.Buffer
		s.Timing.Write(&out)
		if !regexp.MustCompile(`(?m)^all +1000 `).Match(out.Bytes()) || !regexp.MustCompile(`(?m)^inode +(1|500) `).Match(out.Bytes()) {
			t.Errorf("%s: times %s", name, &out)
		}
	}
}

// The time of a command that another one runs is part of that one's.
func TestTimingNests(t *testing.T) {
	s := readerOn(t, newImage(t), false)
	s.Timing = &Timing{}
	if err := s.Script(t.Context(), "", strings.NewReader("sb -q\npush inode -q 128\ncapture x ls /\n")); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	s.Timing.Write(&out)
	if got := regexp.MustCompile(`(?m)^[a-z]+ +\d+`).FindAllString(out.String(), -1); len(got) != 4 || strings.Contains(out.String(), "inode") || strings.Contains(out.String(), "ls") {
		t.Errorf("times %s", &out)
	}
}
