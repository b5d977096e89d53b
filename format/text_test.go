package format

import (
	"encoding/json"
	"testing"
)

func TestValuesString(t *testing.T) {
	num := func(name string, k Kind, bits int, v uint64) Value {
		return Value{Name: name, Kind: k, Bits: bits, Num: v}
	}
	for want, vs := range map[string]Values{
		"":                  nil,
		"a = 1\nb = null\n": {num("a", Dec, 32, 1), num("b", AGBlockPtr, 32, 0xffffffff)},
		"f = 0x3 (x, y)\n":  {{Name: "f", Kind: Hex, Bits: 8, Num: 3, Note: "x, y"}},
		"l[0-3] = 1:5 2:0\n": {num("l[0]", AGInoPtr, 32, 0xffffffff), num("l[1]", AGInoPtr, 32, 5),
			num("l[2]", AGInoPtr, 32, 0), num("l[3]", AGInoPtr, 32, 0xffffffff)},
		"l[0-1] = 1:7\nm[0] = 0\n":           {num("l[0]", Dec, 16, 0), num("l[1]", Dec, 16, 7), num("m[0]", Dec, 16, 0)},
		"r[0-1] = [a,b]\n0:[1,2]\n1:[3,4]\n": {num("r[0].a", Dec, 8, 1), num("r[0].b", Dec, 8, 2), num("r[1].a", Dec, 8, 3), num("r[1].b", Dec, 8, 4)},
		"r[0].a = 1\nr[1].b = 3\n":           {num("r[0].a", Dec, 8, 1), num("r[1].b", Dec, 8, 3)},
		"r[0].a = 1\nr[0].n = \"x\"\n":       {num("r[0].a", Dec, 8, 1), {Name: "r[0].n", Kind: Text, Bytes: []byte("x\x00")}},
		"r[2].a = 1\nr[1].a = 3\n":           {num("r[2].a", Dec, 8, 1), num("r[1].a", Dec, 8, 3)}, // in no order
		"odd]name[ = 1\n":                    {num("odd]name[", Dec, 8, 1)},
	} {
		if got := vs.String(); got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	}
}

func TestValuesJSON(t *testing.T) {
	num := func(name string, k Kind, bits int, v uint64) Value {
		return Value{Name: name, Kind: k, Bits: bits, Num: v}
	}
	str := func(name, s string) Value { return Value{Name: name, Kind: Text, Bytes: []byte(s)} }
	for want, vs := range map[string]Values{
		`{}`:                                 nil,
		`{"a":1}`:                            {num("a", Dec, 8, 1)},
		`{"a":{"b":1,"c":{"d":null}},"e":2}`: {num("a.b", Dec, 8, 1), num("a.c.d", InoPtr, 64, 1<<64-1), num("e", Dec, 8, 2)},
		`{"r":[{"a":1,"b":[2,3]},{"a":4}],"s":5}`:       {num("r[0].a", Dec, 8, 1), num("r[0].b[0]", Dec, 8, 2), num("r[0].b[1]", Dec, 8, 3), num("r[1].a", Dec, 8, 4), num("s", Dec, 8, 5)},
		`{"a":9007199254740992,"b":"9007199254740993"}`: {num("a", Dec, 64, 1<<53), num("b", Dec, 64, 1<<53+1)},
		`{"m":"0x1f","o":"0100644","l":"0x100000002"}`:  {num("m", Hex, 8, 31), num("o", Mode, 16, 0o100644), num("l", LSNKind, 64, 1<<32|2)},
		`{"w":131,"x":"ag","y":"9223372036854775808"}`:  {num("w", Owner, 64, 131), num("x", Owner, 64, OwnAG), num("y", Owner, 64, 1<<63)},
		`{"t":"a<b\"","u":"\\\\n\\xff","v":"é\u0001"}`:  {str("t", `a<b"`+"\x00\x00"), str("u", "\\n\xff"), str("v", "é\x01")},
	} {
		raw, err := json.Marshal(vs)
		if err != nil {
			t.Errorf("%s: %v", want, err)
			continue
		}
		var got, wanted any // json.Marshal escapes < for HTML; the value is what counts
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Errorf("%s: %v", raw, err)
		}
		if err := json.Unmarshal([]byte(want), &wanted); err != nil {
			t.Fatal(err)
		}
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(wanted)
		if string(a) != string(b) || len(vs) > 0 && jsonRoundTrip(vs) != nil {
			t.Errorf("got %s, want %s (%v)", raw, want, jsonRoundTrip(vs))
		}
	}
}

func TestKindNames(t *testing.T) {
	seen := map[string]bool{}
	for k := range Kind(len(kindNames)) {
		if n := k.String(); n == "" || seen[n] {
			t.Errorf("kind %d is called %q", k, n)
		}
		seen[k.String()] = true
	}
	if Offset.String() != "offset" || Kind(200).String() != "kind 200" {
		t.Errorf("the last kind is called %q", Offset)
	}
}

func TestNames(t *testing.T) {
	if got := (InFType | InParent | 1<<20).String(); got != "FTYPE, PARENT, bit 20" {
		t.Errorf("features print as %q", got)
	}
	if got := (ROReflink | ROPendingCow).String(); got != "REFLINK, PENDING_COW" {
		t.Errorf("features print as %q", got)
	}
	if FmtBtree.String() != "btree" || ForkFormat(9).String() != "unknown" || FTLink.String() != "symlink" || FType(77).String() != "file type 77" {
		t.Error("fork formats or file types have the wrong names")
	}
	if LogItemXMI.String() != "xmi" || LogItemType(1).String() != "item 0x1" || LogItemEFIRT.String() != "efi_rt" {
		t.Error("log items have the wrong names")
	}
	for mode, want := range map[uint16]FType{0o100644: FTReg, 0o40755: FTDir, 0o20600: FTChar, 0o60600: FTBlk, 0o10600: FTFIFO, 0o140600: FTSock, 0o120777: FTLink, 0: FTUnknown} {
		if got := FTypeOf(mode); got != want {
			t.Errorf("mode %o is a %v", mode, got)
		}
	}
}
