module github.com/cowfs/cowfs

go 1.24

require (
	github.com/bmatcuk/doublestar/v4 v4.10.4
	github.com/creack/pty v1.1.24
	github.com/dustin/go-humanize v1.0.1
	github.com/google/go-cmp v0.7.0
	github.com/google/go-containerregistry v0.20.6
	github.com/klauspost/compress v1.18.0
	github.com/klauspost/readahead v1.4.0
	github.com/peterh/liner v1.2.2
	github.com/rogpeppe/go-internal v1.14.1
	github.com/urfave/cli/v3 v3.14.0
	golang.org/x/term v0.33.0
)

require (
	github.com/containerd/stargz-snapshotter/estargz v0.16.3 // indirect
	github.com/mattn/go-runewidth v0.0.3 // indirect
	github.com/opencontainers/go-digest v1.0.0 // indirect
	github.com/opencontainers/image-spec v1.1.1 // indirect
	github.com/tidwall/btree v1.8.1 // indirect
	github.com/vbatts/tar-split v0.12.1 // indirect
	golang.org/x/tools v0.34.0 // indirect
)

require (
	golang.org/x/sync v0.16.0
	golang.org/x/sys v0.34.0
)
