module github.com/cowfs/cowfs

go 1.25

require github.com/klauspost/crc32 v1.3.0

require (
	github.com/bmatcuk/doublestar/v4 v4.10.4 // indirect
	github.com/containerd/stargz-snapshotter/estargz v0.16.3 // indirect
	github.com/google/go-cmp v0.7.0 // indirect
	github.com/google/go-containerregistry v0.20.6 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/klauspost/compress v1.18.0 // indirect
	github.com/klauspost/readahead v1.4.0 // indirect
	github.com/opencontainers/go-digest v1.0.0 // indirect
	github.com/opencontainers/image-spec v1.1.1 // indirect
	github.com/vbatts/tar-split v0.12.1 // indirect
)

require (
	golang.org/x/sync v0.16.0 // indirect
	golang.org/x/sys v0.34.0
)
