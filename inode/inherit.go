package inode

import "github.com/cowfs/cowfs/format"

// Flags that a new inode gets from the directory that it is made in.
const inherited = format.FlagNoAtime | format.FlagNoDump | format.FlagSync | format.FlagNoDefrag | format.FlagFileStream

// inherit gives a new file or directory, b, the flags and hints that the directory it is made in
// hands on. Other kinds of inodes get none.
func inherit(b, from []byte) {
	kind := format.DiMode.Get(b) & format.ModeType
	if kind != format.ModeReg && kind != format.ModeDir {
		return
	}
	dir := kind == format.ModeDir
	have := format.DiFlags.Get(from)
	flags := format.DiFlags.Get(b) | have&inherited
	if have&format.FlagExtSzInherit != 0 {
		flags |= format.FlagExtSize
		if dir {
			flags ^= format.FlagExtSize | format.FlagExtSzInherit
		}
		format.DiExtSize.Put(b, format.DiExtSize.Get(from))
	}
	if have&format.FlagProjInherit != 0 {
		format.DiProjLo.Put(b, format.DiProjLo.Get(from))
		format.DiProjHi.Put(b, format.DiProjHi.Get(from))
		if dir {
			flags |= format.FlagProjInherit
		}
	}
	format.DiFlags.Put(b, flags)
	if format.DiFlags2.Get(from)&format.Flag2CowExtSize != 0 {
		format.DiFlags2.Put(b, format.DiFlags2.Get(b)|format.Flag2CowExtSize)
		format.DiCowExtSize.Put(b, format.DiCowExtSize.Get(from))
	}
}
