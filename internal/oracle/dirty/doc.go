// Package dirty makes images that the kernel left with a dirty log: after work of many kinds, and
// a shutdown that is to a filesystem what a power failure is.
//
// Image makes one as a Case says. Cases are the ones to try; they differ in the shape of the
// volume and its log, and in what the crash leaves for recovery to do beside the replay of the
// log. Work is what goes on before the crash, in pieces for tests that want just some of it.
package dirty
