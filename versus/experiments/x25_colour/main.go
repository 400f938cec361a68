// X25 in Go: what changes in a tree of calls when its leaf has to wait.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"time"

	"versus/experiments/x25_colour/after"
	"versus/experiments/x25_colour/before"
	kit "versus/kit/go"
)

// How the sources differ says the program that counts for all languages.
func compare(b *kit.Bench) {
	const leaves = 32
	oldAnswer := before.Report(1)
	start := time.Now()
	check := oldAnswer + after.Report(1)
	if time.Since(start) < leaves*time.Millisecond {
		check = 0 // it did not wait
	}
	folder := os.Getenv("VERSUS_EXPERIMENT")
	out, err := exec.Command(os.Getenv("VERSUS_LOAD"), folder+"/before/tree.go", folder+"/after/tree.go").Output()
	if err != nil {
		panic(err)
	}
	var signatures, lines float64
	fmt.Sscan(string(out), &signatures, &lines)
	b.Emit("tree", leaves, "signatures", signatures, "functions")
	b.Emit("tree", leaves, "lines", lines, "lines")
	b.Emit("tree", leaves, "check", float64(check), "count")
}

func main() {
	b := kit.New("X25")
	if b.Wants("tree") {
		compare(b)
	}
}
