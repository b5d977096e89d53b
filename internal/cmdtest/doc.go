// Package cmdtest holds what the tests of all three tools have in common: the surroundings of
// programs in scripts, the command that compares exit codes, and the manual pages that must be as the
// programs print them. A tool's main_test.go adds its own.
package cmdtest
