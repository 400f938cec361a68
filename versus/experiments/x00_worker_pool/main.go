// The article's program, word for word: S1:22.
package main

import (
	"fmt"
	"sync"
	"time"
)

// worker processes incoming jobs from the jobs channel
func worker(id int, jobs <-chan int, results chan<- int, wg *sync.WaitGroup) {
	defer wg.Done() // Signal completion when the worker exits
	for job := range jobs {
		fmt.Printf("Worker %d started job %d\n", id, job)
		time.Sleep(time.Millisecond * 100) // Simulating an I/O task
		results <- job * 2
	}
}

func main() {
	numJobs := 5
	jobs := make(chan int, numJobs)
	results := make(chan int, numJobs)
	var wg sync.WaitGroup
	// Spin up 3 concurrent workers
	for w := 1; w <= 3; w++ {
		wg.Add(1)
		go worker(w, jobs, results, &wg)
	}
	// Send jobs to the channel
	for j := 1; j <= numJobs; j++ {
		jobs <- j
	}
	close(jobs) // Closing tells workers no more jobs are coming
	// Wait for all workers to finish in the background
	go func() {
		wg.Wait()
		close(results)
	}()
	// Collect all results
	for res := range results {
		fmt.Printf("Result processed: %d\n", res)
	}
}
