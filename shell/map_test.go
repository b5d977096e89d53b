package shell

import (
	"bufio"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// parses has an XML parser read a picture or page, and returns how often each element is there.
func parses(t *testing.T, path string) map[string]int {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	seen := map[string]int{}
	for d := xml.NewDecoder(f); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return seen
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if e, ok := token.(xml.StartElement); ok {
			seen[e.Name.Local]++
		}
	}
}

// TestPictures draws a volume with shared and staged blocks.
func TestPictures(t *testing.T) {
	dir := t.TempDir()
	host := filepath.Join(dir, "host")
	if err := os.WriteFile(host, make([]byte, 16<<12), 0o644); err != nil {
		t.Fatal(err)
	}
	s, end := writerOn(t, newImage(t))
	defer end()
	s.buf = bufio.NewWriter(io.Discard)
	for _, line := range []string{
		"put " + host + " /a", "reflink /a /b", "write --stage --pattern 1 --length 8k /b 0",
		"map --svg " + dir + "/map.svg --html " + dir + "/map.html", "tree --svg " + dir + "/tree.svg rmapbt 0",
	} {
		words, err := Split(line)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Run(t.Context(), words); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	for name, least := range map[string]map[string]int{
		"map.svg": {"svg": 1, "title": 8, "rect": 16, "text": 8}, "map.html": {"html": 1, "svg": 1, "table": 1, "tr": 5}, "tree.svg": {"svg": 1, "rect": 2},
	} {
		seen := parses(t, filepath.Join(dir, name))
		for element, n := range least {
			if seen[element] < n {
				t.Errorf("%s: %d of <%s>, want %d", name, seen[element], element, n)
			}
		}
	}
	picture, err := os.ReadFile(filepath.Join(dir, "map.svg"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{">shared by 2: 16<", ">staged: 3<", ">log: ", "group 3, blocks"} {
		if !strings.Contains(string(picture), want) {
			t.Errorf("map.svg: no %q", want)
		}
	}
	m, err := s.mapGroup(t.Context(), 0, 7)
	if err != nil {
		t.Fatal(err)
	}
	sum := uint64(0)
	for _, n := range m.sums() {
		sum += n
	}
	if all := m.sums(); sum != m.blocks || all[useShared2] != 16 || all[useStaged] != 3 {
		t.Errorf("%d of %d blocks, by kind %d", sum, m.blocks, all)
	}
}
