package device_test

import (
	"path/filepath"
	"testing"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/device/devicetest"
)

// bare hides the powers of a device.
type bare struct{ device.Device }

func TestConformance(t *testing.T) {
	memory := func(_ *testing.T, size int64) device.Device { return device.NewMemory(size) }
	file := func(t *testing.T, size int64) device.Device {
		return must(device.Create(filepath.Join(t.TempDir(), "image"), size))(t)
	}
	window := func(under devicetest.Open) devicetest.Open {
		return func(t *testing.T, size int64) device.Device {
			d := under(t, size+3000)
			// Bytes around the window that must not show up in it.
			for _, at := range []int64{0, size + 1000} {
				if _, err := d.WriteAt([]byte("around the window, not inside"), at); err != nil {
					t.Fatal(err)
				}
			}
			return must(device.NewWindow(d, 1000, size))(t)
		}
	}
	for name, open := range map[string]devicetest.Open{
		"Memory": memory,
		"File":   file,
		"FileReopened": func(t *testing.T, size int64) device.Device {
			d := file(t, size).(*device.File)
			path := d.File().Name()
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			return must(device.Open(path, device.ReadWrite))(t)
		},
		"Temp": func(t *testing.T, size int64) device.Device {
			return must(device.CreateTemp(filepath.Join(t.TempDir(), "image"), size))(t)
		},
		"MemoryClone": func(t *testing.T, size int64) device.Device {
			m := device.NewMemory(size)
			c := m.Clone()
			if _, err := m.WriteAt([]byte("not in the clone"), 0); err != nil {
				t.Fatal(err)
			}
			return c
		},
		"Bare":         func(t *testing.T, size int64) device.Device { return bare{memory(t, size)} },
		"WindowMemory": window(memory),
		"WindowFile":   window(file),
		"WindowBare":   window(func(t *testing.T, size int64) device.Device { return bare{memory(t, size)} }),
		"Overlay":      func(t *testing.T, size int64) device.Device { return device.NewOverlay(memory(t, size)) },
		"SpillingOverlay": func(t *testing.T, size int64) device.Device {
			return device.NewSpillingOverlay(memory(t, size), 8<<10, 0)
		},
		"Crash": func(_ *testing.T, size int64) device.Device { return device.NewCrash(device.NewMemory(size)) },
		"Fault": func(t *testing.T, size int64) device.Device { return device.MustFault(file(t, size), "") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			devicetest.Run(t, open)
		})
	}
}

// must fails the test if there is an error.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
