package device_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cowfs/cowfs/device"
)

// run does a fixed list of operations and shows each one's end: . done, E failed with nothing
// done, S failed half done.
func run(t *testing.T, rules string) string {
	m := device.NewMemory(1 << 20)
	f := device.MustFault(m, rules)
	var s strings.Builder
	note := func(done int64, whole int64, err error) {
		switch {
		case err == nil && done == whole:
			s.WriteByte('.')
		case !errors.Is(err, device.ErrInjected):
			t.Errorf("%s: %d done, %v", rules, done, err)
		case done == 0:
			s.WriteByte('E')
		case done == whole/2:
			s.WriteByte('S')
		}
	}
	p := []byte("12345678")
	for i := range int64(4) {
		n, err := f.WriteAt(p, i*4096)
		note(int64(n), 8, err)
	}
	for i := range int64(4) {
		n, err := f.ReadAt(make([]byte, 8), i*4096)
		note(int64(n), 8, err)
	}
	if _, err := m.WriteAt(p, 20000); err != nil {
		t.Fatal(err)
	}
	err := f.Punch(20000, 8)
	got := make([]byte, 8)
	if _, e := m.ReadAt(got, 20000); e != nil {
		t.Fatal(e)
	}
	note(int64(bytes.Count(got, []byte{0})), 8, err)
	note(0, 0, f.Sync())
	return s.String()
}

// The operations are four writes, four reads, each at 0, 4096, 8192 and 12288, a punch at
// 20000 and a sync.
func TestFault(t *testing.T) {
	for _, tt := range []struct{ rules, want string }{
		{"", ".........."},
		{"(Err Write)", "EEEE......"},
		{"(Err (And Write (Index 2)))", "..E......."},
		{"(Err (And (Index 5) Read))", ".....E...."},
		{"(Err (And (Index 2) Read))", ".........."},
		{"(Short (And Read (Range 4096 8193)))", ".....SS..."},
		{"(Short (Range 4100 4101))", ".S...S...."},
		{"(Short (Range 4104 8192))", ".........."},
		{"(Err (Range 0 0))", ".........."},
		{"(Short Write) (Err Read)", "SSSSEEEE.."},
		{"(Err (And Write (Index 0))) (Short Write)", "ESSS......"},
		{"(Short Punch)", "........S."},
		{"(Err Sync)", ".........E"},
		{"(Short Sync)", ".........E"},
		{"(Err (Not (Or Write Sync)))", "....EEEEE."},
		{"(Err (From 7))", ".......EEE"},
		{"(Err (Every 3))", "..E..E..E."},
		{"(Err (Random 0 1))", ".........."},
		{"(Err (Random 1 1))", "EEEEEEEEEE"},
	} {
		if got := run(t, tt.rules); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.rules, got, tt.want)
		}
	}
}

func TestFaultRandomIsReproducible(t *testing.T) {
	seen := map[string]bool{}
	for seed := range 20 {
		rules := fmt.Sprintf("(Err (Random 0.5 %d))", seed)
		got := run(t, rules)
		if again := run(t, rules); got != again {
			t.Errorf("%s: %s, then %s", rules, got, again)
		}
		seen[got] = true
	}
	if len(seen) < 10 {
		t.Errorf("20 seeds give only %d results", len(seen))
	}
}

func TestFaultDelay(t *testing.T) {
	f := device.MustFault(device.NewMemory(100), "(Delay 5ms Read) (Delay 1s (Or Read Sync)) (Err Sync)")
	var waits []time.Duration
	f.Sleep = func(d time.Duration) { waits = append(waits, d) }
	_, readErr := f.ReadAt(make([]byte, 1), 0)
	_, writeErr := f.WriteAt(make([]byte, 1), 0)
	if readErr != nil || writeErr != nil {
		t.Error(readErr, writeErr)
	}
	if err := f.Sync(); !errors.Is(err, device.ErrInjected) {
		t.Errorf("sync: %v", err)
	}
	if got := fmt.Sprint(waits); got != "[1.005s 1s]" {
		t.Errorf("waits: %s", got)
	}
}

// The error names the operation and the rule that is to blame.
func TestFaultError(t *testing.T) {
	f := device.MustFault(device.NewMemory(100), "(Err (And Read (Index 0)))")
	_, err := f.ReadAt(make([]byte, 7), 30)
	if want := "read of 7 bytes at byte 30: injected fault by (Err (And Read (Index 0)))"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestRulesPrintAsParsed(t *testing.T) {
	for _, text := range []string{
		"",
		"(Err (And Write (Index 7)))",
		"(Short (And Read (Range 4096 8192)))",
		"(Delay 1m0.5s (Or Punch (Not Sync) (From 3) (Every 2))) (Err (Random 0.125 18446744073709551615))",
	} {
		if got := must(device.ParseRules(text))(t).String(); got != text {
			t.Errorf("got %s, want %s", got, text)
		}
	}
	if got := must(device.ParseRules(" (Err(And  Write\t(Index 07) ) )"))(t).String(); got != "(Err (And Write (Index 7)))" {
		t.Errorf("blanks: got %s", got)
	}
}

func TestRulesRefused(t *testing.T) {
	for _, text := range []string{
		"Err", "(", ")", "(Err)", "(Err Write", "(Err Write))", "(Err Write Read)", "(Fail Write)", "(Err Erase)",
		"(Err (Index))", "(Err (Index -1))", "(Err (Index x))", "(Err (Every 0))", "(Err (Range 5))", "(Err (Range 5 4))", "(Err (Range -1 4))",
		"(Err (Random 1.5 1))", "(Err (Random NaN 1))", "(Err (Random 0.5))", "(Err (And))", "(Err (Or))", "(Err (Not))", "(Err (Not Read Write))",
		"(Delay Write)", "(Delay 5 Write)", "(Delay -5ms Write)", "(Err " + strings.Repeat("(Not ", 101) + "Read" + strings.Repeat(")", 102),
	} {
		if r, err := device.ParseRules(text); !errors.Is(err, device.ErrRule) {
			t.Errorf("%s: got %v, %v, want ErrRule", text, r, err)
		}
	}
}

// FuzzRules checks that what parses prints as something that parses to the same, and can be
// asked about any operation.
func FuzzRules(f *testing.F) {
	f.Add("(Err (And Write (Index 7)))", int64(5), int64(6))
	f.Add("(Delay 1ms (Or Punch (Not Sync) (From 3) (Every 2))) (Short (Range 1 9)) (Err (Random 0.5 1))", int64(0), int64(1<<62))
	f.Fuzz(func(t *testing.T, text string, off, n int64) {
		r, err := device.ParseRules(text)
		if err != nil {
			if !errors.Is(err, device.ErrRule) {
				t.Errorf("%q: %v is no ErrRule", text, err)
			}
			return
		}
		again, err := device.ParseRules(r.String())
		if err != nil || again.String() != r.String() {
			t.Errorf("%q prints as %q, and that as %q, %v", text, r, again, err)
		}
		d := device.NewFault(device.NewMemory(1000), r)
		d.Sleep = func(time.Duration) {}
		if err := d.Punch(off, n); err == nil && (off < 0 || n < 0 || off > 1000 || n > 1000-off) {
			t.Errorf("punching %d bytes at %d is no error", n, off)
		}
	})
}
