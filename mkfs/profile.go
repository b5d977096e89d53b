package mkfs

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// profiles are sets of features that an older reader understands. The kernels' are those of the
// configuration files that xfsprogs ships for them. GRUB looks only at features that make an
// image unreadable.
var profiles = map[string][]string{
	"lts_6.1":   {"m bigtime=1,finobt=1,inobtcount=1,reflink=1,rmapbt=0,autofsck=0", "i sparse=1,nrext64=0,exchange=0", "n parent=0"},
	"lts_6.6":   {"m bigtime=1,finobt=1,inobtcount=1,reflink=1,rmapbt=1,autofsck=0", "i sparse=1,nrext64=1,exchange=0", "n parent=0"},
	"lts_6.12":  {"m bigtime=1,finobt=1,inobtcount=1,reflink=1,rmapbt=1,autofsck=0", "i sparse=1,nrext64=1,exchange=0", "n parent=0"},
	"lts_6.18":  {"m bigtime=1,finobt=1,inobtcount=1,reflink=1,rmapbt=1", "i sparse=1,nrext64=1,exchange=1", "n parent=1"},
	"grub-2.06": {"m bigtime=1,finobt=1,inobtcount=1,reflink=1,rmapbt=1", "i sparse=1,nrext64=0,exchange=0", "n parent=0"},
}

// Profiles returns the names that Profile knows.
func Profiles() []string { return slices.Sorted(maps.Keys(profiles)) }

// Profile returns the settings of a profile, for use as NewConfig's defaults.
func Profile(name string) ([]Setting, error) {
	groups, ok := profiles[name]
	if !ok {
		return nil, &OptionError{"--profile " + name, "not known; there are " + strings.Join(Profiles(), ", ")}
	}
	var out []Setting
	for _, group := range groups {
		settings, err := ParseSuboptions(Section(group[0]), group[2:])
		if err != nil {
			return nil, fmt.Errorf("profile %s: %w", name, err)
		}
		out = append(out, settings...)
	}
	return out, nil
}
