// Package bigtree makes large source trees of one kind each, the same on every run, for soak tests
// and benchmarks: many small files, a directory of many names, many names of one file, a file of
// many extents. Each function fills a directory that is there.
//
// Trees with something of everything are those of internal/oracle/zoo.
package bigtree
