// X27 in Go, which has no futures: a channel with room for one carries the result, and whoever continues it is a goroutine.
package main

import (
	kit "versus/kit/go"
)

func then(source <-chan int, f func(int) int) <-chan int {
	result := make(chan int, 1)
	go func() { result <- f(<-source) }()
	return result
}

func async(f func() int) <-chan int {
	result := make(chan int, 1)
	go func() { result <- f() }()
	return result
}

func increment(n int) int { return n + 1 }

// A chain of a thousand goroutines on a channel into which the first value is then sent.
func chain(rounds int) int {
	sum := 0
	for r := 0; r < rounds; r++ {
		first := make(chan int, 1)
		var last <-chan int = first
		for i := 0; i < 1000; i++ {
			last = then(last, increment)
		}
		first <- 0
		sum += <-last
	}
	return sum
}

// One continuation of a result that is there already, and wait for it.
func link(rounds int) int {
	sum := 0
	for r := 0; r < rounds; r++ {
		ready := make(chan int, 1)
		ready <- 0
		sum += <-then(ready, increment)
	}
	return sum
}

// Start a task, wait for its result.
func start(rounds int) int {
	sum := 0
	for r := 0; r < rounds; r++ {
		sum += <-async(func() int { return 1 })
	}
	return sum
}

// Start a thousand, wait for all results.
func every(rounds int) int {
	sum := 0
	for r := 0; r < rounds; r++ {
		tasks := make([]<-chan int, 1000)
		for i := range tasks {
			tasks[i] = async(func() int { return 1 })
		}
		for _, task := range tasks {
			sum += <-task
		}
	}
	return sum
}

// supplyAsync, thenApply, thenCompose, join.
func compose(rounds int) int {
	sum := 0
	for r := 0; r < rounds; r++ {
		zero := async(func() int { return 0 })
		one := then(zero, increment)
		sum += <-then(one, func(n int) int { return <-async(func() int { return n }) })
	}
	return sum
}

func main() {
	b := kit.New("X27")
	b.Measure("chain", 1000, chain)
	b.Measure("link", 1, link)
	b.Measure("start", 1, start)
	b.Measure("all", 1000, every)
	b.Measure("compose", 1, compose)
}
