package oracle

import "os"

// Soaking reports whether COWFS_SOAK in the environment asks tests for all that they can do, however
// long it takes.
func Soaking() bool { return os.Getenv("COWFS_SOAK") != "" }

// Soak chooses how much a test does.
func Soak(less, all int) int {
	if Soaking() {
		return all
	}
	return less
}
