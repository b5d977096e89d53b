package main

import (
	"testing"

	"github.com/cowfs/cowfs/internal/cmdtest"
)

func TestManual(t *testing.T) { cmdtest.Manual(t, "cowfsck", printManual) }
