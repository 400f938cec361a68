// Four computations at once, and then one whose result is waited for while others go on. Goroutines run on all CPUs: no process is needed.
package main

import (
	"fmt"
	"sync"
)

func cpuWork(x int) int {
	sum := 0
	for i := 0; i < x; i++ {
		sum += i * i
	}
	return sum
}

func main() {
	results := make([]int, 4)
	var wg sync.WaitGroup
	for i := range results {
		wg.Add(1)
		go func() {
			defer wg.Done()
			results[i] = cpuWork(1_000_000)
		}()
	}
	wg.Wait()
	for _, result := range results {
		fmt.Println(result)
	}
	awaited := make(chan int)
	go func() { awaited <- cpuWork(1_000) }()
	fmt.Println("awaited:", <-awaited)
}
