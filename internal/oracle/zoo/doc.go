// Package zoo makes the source trees that tests fill images from: a small one with every
// kind of inode, name, attribute, time and file layout that there is, and large ones of one
// kind each.
//
// The trees are the same on every run. What the place or the user cannot make (device nodes
// without root, say) is left out; Home finds a place that can hold everything.
package zoo
