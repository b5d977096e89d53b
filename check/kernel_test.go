package check_test

import (
	"testing"
	"time"

	"github.com/cowfs/cowfs/internal/oracle"
)

// What the kernel makes of a damaged image.
const (
	kernelAll   = "all"      // reads everything
	kernelSome  = "part"     // mounts it, and fails to read something
	kernelNo    = "no mount" // refuses it
	kernelHangs = "hangs"
)

// kernelLimit is how long the kernel may take to read an image.
const kernelLimit = 30 * time.Second

// kernelReads has the kernel mount an image for reading and read all there is.
func kernelReads(t testing.TB, path string) string {
	t.Helper()
	m, err := oracle.TryMount(t, path, oracle.MountOptions{ReadOnly: true, Data: "norecovery", Loud: true})
	if err != nil {
		return kernelNo
	}
	done := make(chan error, 1)
	go func() { done <- oracle.ReadTree(m.Dir) }()
	select {
	case err := <-done:
		m.Unmount()
		if err != nil {
			return kernelSome
		}
		return kernelAll
	case <-time.After(kernelLimit):
		return kernelHangs // and can't be unmounted
	}
}
