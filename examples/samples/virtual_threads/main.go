// A hundred thousand tasks, each of which blocks for a while, and plain code in each.
package main

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

func request(answered *atomic.Int64) {
	time.Sleep(100 * time.Millisecond) // blocks (but cheap)
	answered.Add(1)
}

func main() {
	var answered atomic.Int64
	var requests sync.WaitGroup
	for i := 0; i < 100_000; i++ {
		requests.Add(1)
		go func() {
			defer requests.Done()
			request(&answered)
		}()
	}
	requests.Wait()
	fmt.Println(answered.Load(), "requests")
}
