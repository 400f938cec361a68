// Five jobs at once, and all results when the last one is there.
package main

import (
	"fmt"
	"sync"
	"time"
)

// simulating an asynchronous job
func worker(id, job int) int {
	fmt.Printf("Worker %d started job %d\n", id, job)
	time.Sleep(100 * time.Millisecond) // an I/O task, like a database query
	return job * 2
}

func main() {
	jobs := []int{1, 2, 3, 4, 5}
	results := make([]int, len(jobs))
	var wg sync.WaitGroup
	for i, job := range jobs {
		wg.Add(1)
		go func() {
			defer wg.Done()
			results[i] = worker(i%3+1, job) // distributed across 3 simulated workers
		}()
	}
	wg.Wait()
	for _, res := range results {
		fmt.Printf("Result processed: %d\n", res)
	}
}
