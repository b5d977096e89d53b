// Package devicetest is the suite of tests that every device.Device passes: reads and writes of any
// size at any place, over both ends with the errors for that, random operations against a slice,
// several at a time, and after Close. What a device can do beyond Device is found by type assertion
// and tested as well.
//
// A package with a device of its own calls Run with a function that opens an empty one. That function
// is called for each test, so that none sees what another one has written.
package devicetest
