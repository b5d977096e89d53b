package cow_test

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/cowfs/cowfs/btree"
	"github.com/cowfs/cowfs/format"
	"github.com/cowfs/cowfs/mkfs"
)

// The vectors in docs/format-extension.md are what the code writes.
func TestVectors(t *testing.T) {
	page, err := os.ReadFile("../docs/format-extension.md")
	must(t, err)
	g, err := (&mkfs.Config{Size: 320 << 20}).Geometry()
	must(t, err)
	for i := range g.MetaUUID {
		g.MetaUUID[i] = byte(i * 0x11)
	}
	maps := []format.Mapping{
		{Off: 0, Start: 32800, Count: 16},
		{Off: 100, Start: 32816, Count: 4, Unwritten: true},
		{Off: 1 << 52, Start: 65600, Count: format.MaxExtentLen},
	}
	var records []byte
	for _, m := range maps {
		records = append(records, pack(m)...)
		if got := format.UnpackMapping(pack(m)); got != m {
			t.Errorf("%+v, want %+v", got, m)
		}
	}
	const root = 32780
	inode := make([]byte, g.InodeSize)
	format.DiCowRoot.Put(inode, root)
	sb := make([]byte, g.SectSize)
	format.SBROCompat.Put(sb, format.ROFinobt|format.RORmapbt|format.ROReflink|format.ROInobtCount|format.ROPendingCow)
	format.SBIncompat.Put(sb, format.InFType|format.InSparse|format.InBigtime|format.InNrext64|format.InExchange|format.InParent)
	format.SBLogIncompat.Put(sb, format.LogPendingCow)
	block := make([]byte, g.BlockSize)
	load := btree.Load{
		Kind: btree.Bmbt, Geo: g, Owner: 131, Block: func(int) uint64 { return root },
		Write: func(_ int, b []byte) error { copy(block, b); return nil },
	}
	_, _, err = load.Run(2, func(i int, b []byte) { maps[i].Pack(b) })
	must(t, err)
	clear(block[64:68])
	for name, want := range map[string][]byte{"cowroot": inode[136:144], "features": sb[208:224], "records": records, "root": block[:120]} {
		_, rest, ok := strings.Cut(string(page), "```hex "+name+"\n")
		text, _, _ := strings.Cut(rest, "```")
		got, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
		if !ok || err != nil || string(got) != string(want) {
			t.Errorf("%s is not as in the page:\n%s", name, dump(want))
		}
	}
}

// dump shows bytes as the page does.
func dump(b []byte) string {
	var s strings.Builder
	for i := range b {
		switch {
		case i%16 == 0 && i > 0:
			s.WriteString("\n")
		case i%4 == 0 && i > 0:
			s.WriteString(" ")
		}
		fmt.Fprintf(&s, "%02x", b[i])
	}
	return s.String()
}

func pack(m format.Mapping) []byte {
	b := make([]byte, format.BmbtRec.Size)
	m.Pack(b)
	return b
}
