//go:build !linux

package main

import "os"

// withoutSignalKeys leaves it to the line editor that Ctrl-C is a key.
func withoutSignalKeys(*os.File) error { return nil }
