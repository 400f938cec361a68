// Three workers share five jobs.
package main

import (
	"fmt"
	"sync"
	"time"
)

// worker processes incoming jobs from the jobs channel
func worker(jobs <-chan int, results chan<- int, wg *sync.WaitGroup) {
	defer wg.Done() // signal completion when the worker exits
	for job := range jobs {
		fmt.Printf("Job %d started\n", job)
		time.Sleep(100 * time.Millisecond) // simulating an I/O task
		results <- job * 2
	}
}

func main() {
	const numJobs = 5
	jobs := make(chan int, numJobs)
	results := make(chan int, numJobs)
	var wg sync.WaitGroup

	// spin up 3 concurrent workers
	for w := 0; w < 3; w++ {
		wg.Add(1)
		go worker(jobs, results, &wg)
	}

	// send jobs to the channel
	for j := 1; j <= numJobs; j++ {
		jobs <- j
	}
	close(jobs) // closing tells workers no more jobs are coming

	// wait for all workers to finish in the background
	go func() {
		wg.Wait()
		close(results)
	}()

	// collect all results
	for res := range results {
		fmt.Printf("Result processed: %d\n", res)
	}
}
