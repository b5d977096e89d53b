module github.com/cowfs/cowfs

go 1.24

require github.com/klauspost/crc32 v1.3.0

require (
	golang.org/x/sync v0.16.0 // indirect
	golang.org/x/sys v0.34.0
)
