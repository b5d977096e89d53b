module github.com/cowfs/cowfs

go 1.26.0

require github.com/klauspost/crc32 v1.3.0

require github.com/bmatcuk/doublestar/v4 v4.10.4 // indirect

require (
	golang.org/x/sync v0.25.0 // indirect
	golang.org/x/sys v0.34.0
)
