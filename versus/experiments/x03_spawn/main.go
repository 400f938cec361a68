// X3 in Go: what it costs to start a goroutine and to wait for it.
package main

import (
	"sync"

	kit "versus/kit/go"
)

// Start one, wait for it, start the next.
func oneByOne(rounds int) int {
	done := 0
	for i := 0; i < rounds; i++ {
		var wg sync.WaitGroup
		wg.Add(1)
		go func() {
			defer wg.Done()
			done++
		}()
		wg.Wait()
	}
	return done
}

// Start a thousand, then wait for all of them.
func thousand(rounds int) int {
	done := 0
	for r := 0; r < rounds; r++ {
		var wg sync.WaitGroup
		results := make([]int, 1000)
		for i := range results {
			wg.Add(1)
			go func(result *int) {
				defer wg.Done()
				*result = 1
			}(&results[i])
		}
		wg.Wait()
		for _, v := range results {
			done += v
		}
	}
	return done
}

// A thousand goroutines send one result each on one channel.
func fanout(rounds int) int {
	sum := 0
	for r := 0; r < rounds; r++ {
		results := make(chan int, 1000)
		for i := 0; i < 1000; i++ {
			go func(i int) { results <- i }(i)
		}
		for i := 0; i < 1000; i++ {
			sum += <-results
		}
	}
	return sum
}

// Ten children each, down to the leaves; every one sends its sum to its parent.
func skynet(parent chan<- int, num, size int) {
	if size == 1 {
		parent <- num
		return
	}
	children := make(chan int)
	for i := 0; i < 10; i++ {
		go skynet(children, num+i*(size/10), size/10)
	}
	sum := 0
	for i := 0; i < 10; i++ {
		sum += <-children
	}
	parent <- sum
}

func actors(rounds, leaves int) int {
	sum := 0
	for r := 0; r < rounds; r++ {
		result := make(chan int)
		go skynet(result, 0, leaves)
		sum += <-result
	}
	return sum
}

func main() {
	b := kit.New("X3")
	b.Measure("one", 1, oneByOne)
	b.Measure("thousand", 1000, thousand)
	b.Measure("fanout", 1000, fanout)
	leaves := 1000000
	if b.Quick {
		leaves = 100000
	}
	b.Measure("skynet", leaves, func(rounds int) int { return actors(rounds, leaves) })
}
