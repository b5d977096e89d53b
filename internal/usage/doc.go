// Package usage words what went wrong in how a program, or a command of the shell, was called: names
// that are not known, with the one that may have been meant, and errors of parsers of flags.
package usage
