package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/cowfs/cowfs/device"
	"github.com/cowfs/cowfs/undo"
)

// undoSuffix makes the name of an undo file from that of the image; further ones have a number.
const undoSuffix = ".undo"

// undoFiles lists the undo files that there are: that which is asked for, if any, and those beside
// the image. free is the first name for another one beside the image.
func (j *job) undoFiles(path string) (there []string, free string) {
	exists := func(name string) bool { _, err := os.Lstat(name); return err == nil }
	if path != "" && exists(path) {
		there = append(there, path)
	}
	free = j.image + undoSuffix
	for i := 1; exists(free); i++ {
		there = append(there, free)
		free = fmt.Sprintf("%s%s.%d", j.image, undoSuffix, i)
	}
	return there, free
}

// interrupted is the undo file of a repair that was interrupted while it changed the image, or while
// it was taken back; "" when there is none.
func (j *job) interrupted(path string) string {
	there, _ := j.undoFiles(path)
	for _, name := range there {
		if s, err := undo.Found(name); err == nil && (s == undo.Applying || s == undo.Undoing) {
			return name
		}
	}
	return ""
}

// undoFile finishes what an interrupted repair has begun, and finds a name for a new undo file.
func (j *job) undoFile(dev device.Device, path string) (string, error) {
	there, _ := j.undoFiles(path)
	for _, name := range there {
		found, err := undo.Finish(dev, name)
		switch {
		case errors.Is(err, undo.ErrNotUndo), errors.Is(err, undo.ErrWrongImage):
		case err != nil:
			return "", fmt.Errorf("finish an interrupted repair: %w", err)
		case found == undo.Applying:
			j.finished = name
		}
	}
	there, free := j.undoFiles(path)
	switch {
	case path == "", j.finished == path: // what is still to be mended is another repair
		return free, nil
	case len(there) > 0 && there[0] == path:
		return "", fmt.Errorf("%s is there already, and may be the way back from an earlier repair", path)
	}
	return path, nil
}
