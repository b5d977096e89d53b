package check

import "golang.org/x/sys/unix"

// machineMemory is how much memory the machine has, in bytes.
func machineMemory() int64 {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return someMemory
	}
	return int64(info.Totalram) * int64(info.Unit)
}
