//go:build !linux

package check

// machineMemory is how much memory the machine has, in bytes, as far as is known.
func machineMemory() int64 { return someMemory }
