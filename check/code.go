package check

// Severity says what a finding means for whoever uses the image.
type Severity uint8

// The severities, from bad to harmless.
const (
	// Damage is a contradiction: the image is not what a sound one can be.
	Damage Severity = iota
	// Leak is space that nobody can use, or a write that was begun and never finished; nothing
	// that is reachable is wrong.
	Leak
	// Oddity is legal, and no writer would have left it so.
	Oddity
	// Unchecked names a part of the image that was not judged. It makes the scan incomplete.
	Unchecked
	Severities // how many there are
)

var severityNames = [...]string{"damage", "leak", "oddity", "unchecked"}

// String returns the name that JSON has.
func (s Severity) String() string { return severityNames[s] }

// Code is one sort of finding. Its name is stable: scripts rely on it, it never changes its
// meaning, and a name that goes out of use is never used again.
type Code struct {
	Name     string // area.what, e.g. "refcount.too-low"
	Severity Severity
	Summary  string // one line, lower case: "fewer owners recorded than a block has"
	Means    string // what is wrong, in a sentence or two
	Lost     string // what is lost, or may get lost
	Repair   string // what mending it would do
}

// String returns the code's name.
func (c *Code) String() string { return c.Name }

// Codes returns all codes there are, by area.
func Codes() []*Code {
	var all []*Code
	for _, area := range [...][]*Code{superCodes, logCodes, groupCodes, btreeCodes, spaceCodes, chunkCodes, inodeCodes, dirCodes, attrCodes} {
		all = append(all, area...)
	}
	return all
}

// FindCode returns the code of a name, nil when there is none.
func FindCode(name string) *Code {
	for _, c := range Codes() {
		if c.Name == name {
			return c
		}
	}
	return nil
}
