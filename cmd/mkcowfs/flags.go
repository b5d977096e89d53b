package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/cowfs/cowfs/internal/cmdline"
	"github.com/cowfs/cowfs/mkfs"
)

// letters are the options of mkfs.xfs that take suboptions.
var letters = []struct {
	letter mkfs.Section
	usage  string
}{
	{'b', "block size: size="},
	{'d', "data section: size= agcount= agsize= su= sw= sunit= swidth= noalign concurrency= sectsize= file name="},
	{'i', "inodes: size= perblock= maxpct= sparse= nrext64= exchange="},
	{'l', "log: size= agnum= su= sunit= internal version= concurrency="},
	{'m', "metadata: finobt= inobtcount= rmapbt= reflink= bigtime= uuid= autofsck= crc="},
	{'n', "naming: size= parent= ftype= version="},
	{'r', "realtime section: not supported"},
	{'s', "sector size: size="},
}

// flags lists all flags.
func flags() []cli.Flag { return cmdline.Flags(flagGroups()) }

// flagGroups lists all flags as the help text does.
func flagGroups() []cmdline.Group {
	suboptions := []cli.Flag{&cli.StringSliceFlag{Name: "c", Usage: "configuration files: options= defaults="}}
	for _, l := range letters {
		suboptions = append(suboptions, &cli.StringSliceFlag{Name: string(l.letter), Usage: l.usage})
	}
	return []cmdline.Group{
		{Title: "Size and features", Flags: []cli.Flag{
			&cli.StringFlag{Name: "size", Usage: "make an image of `SIZE` bytes; k, m, g, t stand for powers of 1024"},
			&cli.StringFlag{Name: "label", Aliases: []string{"L"}, Usage: "name the filesystem `NAME`, at most 12 bytes"},
			&cli.StringFlag{Name: "uuid", Usage: "give the filesystem this `UUID`, not a random one"},
			&cli.StringFlag{Name: "profile", Usage: "use features that an older reader knows: `NAME` is " + strings.Join(mkfs.Profiles(), ", ")},
			&cli.BoolFlag{Name: "minimize", Usage: "make the smallest image that holds the content"},
			&cli.StringFlag{Name: "free", Usage: "the same, with `PERCENT` of it left free"},
		}},
		{Title: "Content", Flags: []cli.Flag{
			&cli.StringFlag{Name: "root", Usage: "fill the image from the directory `DIR`"},
			&cli.StringFlag{Name: "p", Usage: "the same, in the words of mkfs.xfs: `DIR`"},
			&cli.StringSliceFlag{Name: "tar", Usage: "fill it from the tar archive `FILE`, plain, gzip or zstd; - is standard input; repeat for layers on one another"},
			&cli.StringFlag{Name: "oci", Usage: "fill it from the OCI layout or docker archive `PATH[:TAG]`"},
			&cli.StringFlag{Name: "owner", Usage: "let `UID:GID` own everything"},
			&cli.BoolFlag{Name: "all-root", Usage: "let root own everything"},
			&cli.StringSliceFlag{Name: "uid-map", Usage: "map users as user namespaces do, `INSIDE:OUTSIDE:COUNT`; OUTSIDE are those of the source"},
			&cli.StringSliceFlag{Name: "gid-map", Usage: "map groups, `INSIDE:OUTSIDE:COUNT`"},
			&cli.StringSliceFlag{Name: "exclude", Usage: "leave out what matches `PATTERN`, e.g. var/cache/* or **/*.o"},
			&cli.GenericFlag{Name: "clamp-mtime", Value: new(clamp), Usage: "make later modification times `SECONDS` since 1970; without a value, SOURCE_DATE_EPOCH"},
			&cli.BoolFlag{Name: "no-xattrs", Usage: "leave out extended attributes and ACLs"},
			&cli.BoolFlag{Name: "dedupe", Usage: "share equal blocks of files"},
			&cli.StringFlag{Name: "reflink", Value: "auto", Usage: "share blocks with the source's files where the host can: `WHEN` is auto, always or never"},
		}},
		{Title: "Behaviour", Flags: []cli.Flag{
			&cli.BoolFlag{Name: "dry-run", Aliases: []string{"N"}, Usage: "show what would be made, make nothing"},
			&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "overwrite a filesystem or partition table"},
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print nothing but errors"},
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object about the image"},
			&cli.BoolFlag{Name: "no-discard", Aliases: []string{"K"}, Usage: "do not discard the blocks of a device"},
			&cli.BoolFlag{Name: "sync", Usage: "return when the image has reached stable storage"},
			&cli.StringFlag{Name: "completion", Usage: "print a completion script for `SHELL`: bash, zsh or fish"},
			&cli.BoolFlag{Name: "man", Usage: "print the manual page, for man -l -"},
			&cli.BoolFlag{Name: "version", Aliases: []string{"V"}, Usage: "print the version"},
		}},
		{Title: "Options of mkfs.xfs: -x name=value,name=value..., may be repeated", Flags: suboptions},
	}
}

// clamp is the value of --clamp-mtime: a number, or nothing.
type clamp struct {
	given bool
	at    *int64 // nil: SOURCE_DATE_EPOCH
}

// IsBoolFlag lets the flag stand without a value.
func (c *clamp) IsBoolFlag() bool { return true }

// Set is called with "true" when there is no value.
func (c *clamp) Set(s string) error {
	*c = clamp{given: true}
	if s == "true" {
		return nil
	}
	var n int64
	if _, err := fmt.Sscanf(s+"\n", "%d\n", &n); err != nil {
		return fmt.Errorf("not a number of seconds")
	}
	c.at = &n
	return nil
}

func (c *clamp) String() string { return "" }

func (c *clamp) Get() any { return c }
