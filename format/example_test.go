package format_test

import (
	"encoding/json"
	"fmt"

	"github.com/cowfs/cowfs/format"
)

// The same table prints a structure, gives it as JSON, and changes it.
func ExampleStruct_Decode() {
	rec := make([]byte, format.FreeRec.Size)
	format.FreeStart.Put(rec, 24)
	if err := format.FreeRec.Set(nil, rec, "blockcount", "0x10"); err != nil {
		fmt.Println(err)
	}
	vs, err := format.FreeRec.Decode(nil, rec)
	if err != nil {
		fmt.Println(err)
	}
	fmt.Print(vs)
	raw, _ := json.Marshal(vs)
	fmt.Println(string(raw))
	// Output:
	// startblock = 24
	// blockcount = 16
	// {"startblock":24,"blockcount":16}
}
