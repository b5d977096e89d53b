module github.com/cowfs/cowfs

go 1.24
