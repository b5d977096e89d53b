package mkfs

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// maxConfigFile is the most of a configuration file that is read, in bytes.
const maxConfigFile = 1 << 20

// ReadFiles reads the configuration files that arguments of -c name: those of options= stand
// beside the command line, those of defaults= give way to it.
func ReadFiles(args []string) (settings, defaults []Setting, err error) {
	for _, arg := range args {
		for _, part := range strings.Split(arg, ",") {
			key, name, _ := strings.Cut(part, "=")
			var into *[]Setting
			switch {
			case key == "options" && name != "":
				into = &settings
			case key == "defaults" && name != "":
				into = &defaults
			case key == "makecfg":
				return nil, nil, &OptionError{"-c " + part, "configuration files are read, not written; drop it"}
			default:
				return nil, nil, &OptionError{"-c " + part, "write -c options=FILE or -c defaults=FILE"}
			}
			text, err := readSmall(name)
			if err != nil {
				return nil, nil, err
			}
			s, err := ParseFile(name, text)
			if err != nil {
				return nil, nil, err
			}
			*into = append(*into, s...)
		}
	}
	return settings, defaults, nil
}

func readSmall(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("configuration file: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfigFile+1))
	if err != nil {
		return nil, fmt.Errorf("configuration file: %w", err)
	}
	if len(text) > maxConfigFile {
		return nil, fmt.Errorf("configuration file %s: longer than %d bytes", name, maxConfigFile)
	}
	return text, nil
}
