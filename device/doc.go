// Package device gives access to images: arrays of bytes of a fixed size, addressed in bytes.
//
// Device is what every image offers. File is one on the host: a regular file or a block device,
// opened with Open, made with Create, or made whole or not at all with CreateTemp. Memory is a
// sparse image in memory, Window a range of another device, Overlay another device with changes
// to it that stay in memory. Two more are for tests: Crash keeps a record of writes and tells what
// a power failure would have left of them, Fault makes operations fail by a rule written as one
// line.
//
// What only some devices can do is an interface of its own (Puncher, Seeker, Cloner, Resizer,
// Hoster), found by type assertion. The functions Punch, SeekData and SeekHole do with any device
// what a caller wants of the power, in the slow way where it is missing.
//
// Rules that every device keeps, and that devicetest checks:
//
//   - ReadAt and WriteAt may be called at the same time from several goroutines.
//   - A transfer is whole or fails. One that reaches beyond the end is a *ShortError; a write of
//     that sort changes nothing.
//   - Nothing but Truncate changes the size.
//   - Bytes never written read as zero in a new image.
//   - After Close, what touches the image fails with ErrClosed.
//
// Start with device.go, then file.go.
package device
