package source

// WalkDir is ScanDir of hosts other than Linux.
var WalkDir = walkDir
