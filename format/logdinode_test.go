package format

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// Both forms of an inode have the same values, and the conversions undo each other.
func TestLogDinode(t *testing.T) {
	rnd := rand.New(rand.NewPCG(9, 10))
	disk, log, back := make([]byte, Dinode.Size), make([]byte, Dinode.Size), make([]byte, Dinode.Size)
	for range 200 {
		for i := range disk {
			disk[i] = byte(rnd.Uint32())
		}
		DiMode.Put(disk, 0) // no forks
		ToLogDinode(log, disk)
		FromLogDinode(back, log)
		if !bytes.Equal(back, disk) {
			t.Fatalf("%x comes back as %x", disk, back)
		}
		a, err := Dinode.Decode(nil, disk)
		if err != nil {
			t.Fatal(err)
		}
		b, err := LogDinode.Decode(nil, log)
		if err != nil {
			t.Fatal(err)
		}
		if a.String() != b.String() {
			t.Fatalf("on disk\n%s\nin the log\n%s", a, b)
		}
	}
	for _, s := range logRegions(t) { // what the kernel wrote
		if s.name == "dinode" {
			FromLogDinode(disk, s.b)
			if DiMagic.Get(disk) != DinodeMagic || DiVersion.Get(disk) != DinodeVersion {
				t.Errorf("%x is no inode", disk)
			}
		}
	}
}

func BenchmarkToLogDinode(b *testing.B) {
	disk, log := make([]byte, Dinode.Size), make([]byte, Dinode.Size)
	for b.Loop() {
		ToLogDinode(log, disk)
	}
}
