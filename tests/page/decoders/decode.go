// Decodes brotli streams by andybalholm's decoder and prints the SHA-256 of each.
package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/andybalholm/brotli"
)

func main() {
	for _, name := range os.Args[1:] {
		file, err := os.Open(name)
		if err != nil {
			log.Fatal(err)
		}
		digest := sha256.New()
		if _, err := io.Copy(digest, brotli.NewReader(file)); err != nil {
			log.Fatalf("%s: %v", name, err)
		}
		file.Close()
		fmt.Printf("%x\n", digest.Sum(nil))
	}
}
