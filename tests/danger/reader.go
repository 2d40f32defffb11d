// Reads each named zip by Go's archive/zip and prints a line of JSON for each.
package main

import (
	"archive/zip"
	"encoding/json"
	"io"
	"os"
	"strings"
)

type outcome struct {
	Failed bool              `json:"failed"`
	Files  map[string][]byte `json:"files"`
}

func read(path string) outcome {
	found := outcome{Files: map[string][]byte{}}
	archive, err := zip.OpenReader(path)
	if err != nil {
		found.Failed = true
		return found
	}
	defer archive.Close()
	for _, file := range archive.File {
		if strings.HasSuffix(file.Name, "/") {
			continue
		}
		opened, err := file.Open()
		if err != nil {
			found.Failed = true
			return found
		}
		contents, err := io.ReadAll(opened)
		if err != nil {
			found.Failed = true
			return found
		}
		found.Files[file.Name] = contents
	}
	return found
}

func main() {
	output := json.NewEncoder(os.Stdout)
	for _, path := range os.Args[1:] {
		output.Encode(read(path))
	}
}
