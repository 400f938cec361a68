// A goroutine that says hello, and ten of them that are given work with a result.
package main

import (
	"fmt"
	"time"
)

func fetchData() string {
	time.Sleep(10 * time.Millisecond)
	return "some data"
}

type job struct {
	work   func() string
	result chan string
}

func main() {
	done := make(chan struct{})
	go func() {
		defer close(done)
		fmt.Println("Hello from thread")
	}()
	<-done

	pool := make(chan job)
	defer close(pool)
	for i := 0; i < 10; i++ {
		go func() {
			for j := range pool {
				j.result <- j.work()
			}
		}()
	}
	future := make(chan string, 1)
	pool <- job{fetchData, future}
	fmt.Println(<-future)
}
