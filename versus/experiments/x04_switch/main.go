// X4 in Go: what it costs to let another goroutine run.
package main

import (
	"runtime"
	"sync"

	kit "versus/kit/go"
)

// Two goroutines yield to each other.
func yield(rounds int) int {
	var wg sync.WaitGroup
	var turns [2]int
	for g := range turns {
		wg.Add(1)
		go func(mine *int) {
			defer wg.Done()
			n := 0
			for i := 0; i < rounds; i++ {
				runtime.Gosched()
				n++
			}
			*mine = n
		}(&turns[g])
	}
	wg.Wait()
	return turns[0] + turns[1]
}

// One round trip over two unbuffered channels.
func pingpong(rounds int) int {
	ping, pong := make(chan int), make(chan int)
	go func() {
		for v := range ping {
			pong <- v
		}
	}()
	sum := 0
	for i := 0; i < rounds; i++ {
		ping <- i & 1023
		sum += <-pong
	}
	close(ping)
	return sum
}

func main() {
	b := kit.New("X4")
	b.Measure("yield", 2, yield)
	b.Measure("pingpong", 1, pingpong)
}
