package oracle

import "os"

// Soak chooses how much a test does: less, unless COWFS_SOAK in the environment asks for all of it.
func Soak(less, all int) int {
	if os.Getenv("COWFS_SOAK") != "" {
		return all
	}
	return less
}
