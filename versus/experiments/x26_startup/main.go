// X26 in Go: an empty program, and one whose goroutines all sleep.
package main

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

func idle() {
	var begun, ended sync.WaitGroup
	begun.Add(100)
	ended.Add(100)
	for i := 0; i < 100; i++ {
		go func() {
			begun.Done()
			time.Sleep(time.Hour)
			ended.Done()
		}()
	}
	begun.Wait()
	fmt.Println("done 100")
	ended.Wait()
}

func main() {
	switch os.Getenv("X26") {
	case "empty":
		fmt.Println("done 1")
	case "idle":
		idle()
	default: // be measured
		clock := os.Getenv("VERSUS_LOAD")
		self, err := os.Executable()
		if err != nil {
			panic(err)
		}
		words := append([]string{clock, "go"}, os.Args[1:]...)
		panic(syscall.Exec(clock, append(words, "--", self), os.Environ()))
	}
}
