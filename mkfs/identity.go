package mkfs

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"github.com/cowfs/cowfs/format"
)

// identify chooses the UUID if none is given: from the seed, the label and the size, so that the
// same command makes the same image and two images of one run still differ; or at random.
func (j *job) identify() {
	switch {
	case j.Config.UUID != (format.UUID{}):
	case j.Seed == nil:
		j.Config.UUID = randomUUID()
	case j.Config.Size != 0:
		h := sha256.New()
		fmt.Fprintf(h, "cowfs\x00%d\x00%d\x00%s", *j.Seed, j.Config.Size, j.Config.Label)
		j.Config.UUID = marked(format.UUID(h.Sum(nil)[:16]), 8)
	}
}

// randomUUID makes a UUID of version 4.
func randomUUID() format.UUID {
	var u format.UUID
	_, _ = rand.Read(u[:]) // never fails
	return marked(u, 4)
}

// marked is u with the bits that say of which version and variant it is: version 4 is random,
// version 8 made by a rule of one's own. The variant is the usual one.
func marked(u format.UUID, version byte) format.UUID {
	u[6] = u[6]&0x0f | version<<4
	u[8] = u[8]&0x3f | 0x80
	return u
}

// seed is the seed of inode generation numbers.
func (j *job) seed(g *format.Geometry) uint64 {
	if j.Seed != nil {
		return *j.Seed
	}
	return binary.BigEndian.Uint64(g.UUID[8:])
}

// Names of environment variables that make images reproducible.
const (
	EpochVariable = "SOURCE_DATE_EPOCH"
	SeedVariable  = "DETERMINISTIC_SEED"
)

// Reproducible reads these variables. epoch, in seconds since 1970, replaces the current time;
// it is nil when not set. seed is nil when neither is set, since then nothing asks for equal
// images.
func Reproducible(getenv func(string) string) (epoch *time.Time, seed *uint64, err error) {
	if s := getenv(EpochVariable); s != "" {
		sec, err := strconv.ParseInt(s, 10, 64)
		if err != nil || sec < format.MinTime || sec > format.MaxTimeBigtime {
			return nil, nil, &OptionError{EpochVariable + "=" + s, "not a number of seconds since 1970 that the format holds"}
		}
		t := time.Unix(sec, 0).UTC()
		epoch, seed = &t, new(uint64)
	}
	if s := getenv(SeedVariable); s != "" {
		n, err := strconv.ParseUint(s, 0, 64)
		if err != nil {
			return nil, nil, &OptionError{SeedVariable + "=" + s, "not a number of 64 bits"}
		}
		seed = &n
	}
	return epoch, seed, nil
}
