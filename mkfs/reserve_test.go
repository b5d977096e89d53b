package mkfs

import "testing"

// TestMinLogBlocks has the sizes, in blocks, that mkfs.xfs 7.2 names as the least for images of
// 1 GiB. The geometry tests compare many more where it can be asked.
func TestMinLogBlocks(t *testing.T) {
	for args, want := range map[string]uint64{
		"":                                       2001,
		"-b size=1024":                           4862,
		"-b size=8192":                           1766,
		"-b size=65536":                          1127,
		"-n size=65536":                          5310,
		"-i nrext64=0":                           1568,
		"-s size=4096":                           1650,
		"-l su=64k":                              2208,
		"-l su=256k":                             4032,
		"-n parent=0":                            3273,
		"-n parent=0 -b size=65536":              2180,
		"-n parent=0 -m rmapbt=0,reflink=0":      4049,
		"-n parent=0 -m reflink=0 -b size=65536": 512,
		"-n parent=0 -i nrext64=0 -m reflink=0":  975,
		"-n parent=0 -m rmapbt=0,finobt=0 -i size=2048": 4052,
	} {
		c, err := parse(t, args)
		if err != nil {
			t.Fatal(err)
		}
		c.Size = gib
		l, err := c.Layout()
		if err != nil {
			t.Fatal(err)
		}
		if got := minLogBlocks(l.Geometry, l.logStripe); got != want {
			t.Errorf("%q: got %d, want %d", args, got, want)
		}
	}
}
