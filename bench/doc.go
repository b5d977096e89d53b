// Bench compares mkcowfs and cowfsck with the programs that do the same job today, in one run.
//
//	go run ./bench                 empty images and the Go source tree
//	go run ./bench -sets all       also 200,000 files and a directory of a million names, and checks
//	go run ./bench -sets check-files,check-clones,check-sparse,check-dirty,check-log
//
//	go run ./bench -sets create,remove,write,recover
//	go run ./bench -sets cow-clones,cow-clone-large,cow-random,cow-stream
//	go run ./bench -sets script-one,script-fields,script-paths,script-ls,script-bmap
//
// Contenders take turns, round by round, so that what disturbs the machine disturbs all of
// them. Each ratio is the median over the rounds of "time of the contender divided by time of
// ours in the same round". Memory is the largest resident set of the contender's processes.
// Contenders that are not installed, or that need root, are left out with a word about it.
//
// Each run starts with no image and with all earlier writes on disk, and ends when the program
// does; -durable adds the time until the image is on disk. Checks all go over one image, which the
// host has in memory unless -cold is given.
package main
