package format

import "math/bits"

// NameHash is the hash of a directory entry's or an attribute's name. On volumes with the
// ASCII-CI feature directories hash the name with A-Z in lower case; see NameHashCI.
func NameHash[S string | []byte](name S) Hash {
	var h uint32
	i := 0
	for ; len(name)-i >= 4; i += 4 {
		h = uint32(name[i])<<21 ^ uint32(name[i+1])<<14 ^ uint32(name[i+2])<<7 ^ uint32(name[i+3]) ^ bits.RotateLeft32(h, 28)
	}
	switch len(name) - i {
	case 3:
		h = uint32(name[i])<<14 ^ uint32(name[i+1])<<7 ^ uint32(name[i+2]) ^ bits.RotateLeft32(h, 21)
	case 2:
		h = uint32(name[i])<<7 ^ uint32(name[i+1]) ^ bits.RotateLeft32(h, 14)
	case 1:
		h = uint32(name[i]) ^ bits.RotateLeft32(h, 7)
	}
	return Hash(h)
}

// NameHashCI is the directory hash on volumes with the ASCII-CI feature.
func NameHashCI[S string | []byte](name S) Hash {
	var h uint32
	for i := range len(name) {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		h = uint32(c) ^ bits.RotateLeft32(h, 7)
	}
	return Hash(h)
}

// ParentHash is the hash of a parent pointer: of the entry's name, mixed with the directory.
func ParentHash[S string | []byte](name S, dir Ino) Hash {
	return NameHash(name) ^ Hash(dir>>32) ^ Hash(dir)
}

// DirHash is the hash that a directory of the volume has for a name.
func DirHash[S string | []byte](g *Geometry, name S) Hash {
	if g.HasASCIICI() {
		return NameHashCI(name)
	}
	return NameHash(name)
}
