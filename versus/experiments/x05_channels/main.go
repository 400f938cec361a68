// X5 in Go: channels, select, a lock and a timer.
package main

import (
	"sync"
	"time"

	kit "versus/kit/go"
)

// One goroutine sends, one receives.
func oneToOne(rounds, capacity int) int {
	c := make(chan int, capacity)
	go func() {
		for i := 0; i < rounds; i++ {
			c <- i & 1023
		}
		close(c)
	}()
	sum := 0
	for v := range c {
		sum += v
	}
	return sum
}

// Four send, four receive, on one channel of 128.
func fourToFour(rounds int) int {
	c := make(chan int, 128)
	sums := make(chan int, 4)
	for k := 0; k < 4; k++ {
		go func() {
			sum := 0
			for v := range c {
				sum += v
			}
			sums <- sum
		}()
	}
	var senders sync.WaitGroup
	senders.Add(4)
	for k := 0; k < 4; k++ {
		go func() {
			defer senders.Done()
			for i := 0; i < rounds; i++ {
				c <- i & 1023
			}
		}()
	}
	senders.Wait()
	close(c)
	return <-sums + <-sums + <-sums + <-sums
}

// One goroutine selects over four unbuffered channels; each has a sender.
func selectOfFour(rounds int) int {
	var c [4]chan int
	for k := range c {
		c[k] = make(chan int)
		go func(c chan<- int) {
			for i := 0; i < rounds; i++ {
				c <- i & 1023
			}
		}(c[k])
	}
	sum := 0
	for i := 0; i < 4*rounds; i++ {
		select {
		case v := <-c[0]:
			sum += v
		case v := <-c[1]:
			sum += v
		case v := <-c[2]:
			sum += v
		case v := <-c[3]:
			sum += v
		}
	}
	return sum
}

// Four channels, all empty: the default case is taken.
func selectDefault(rounds int) int {
	a, b, c, d := make(chan int), make(chan int), make(chan int), make(chan int)
	defaults := 0
	for i := 0; i < rounds; i++ {
		select {
		case <-a:
		case <-b:
		case <-c:
		case <-d:
		default:
			defaults++
		}
	}
	return defaults
}

func uncontendedMutex(rounds int) int {
	var lock sync.Mutex
	counter := 0
	for i := 0; i < rounds; i++ {
		lock.Lock()
		counter++
		lock.Unlock()
	}
	return counter
}

// Start a timer of an hour, stop it before it fires.
func timer(rounds int) int {
	stopped := 0
	for i := 0; i < rounds; i++ {
		if time.AfterFunc(time.Hour, func() {}).Stop() {
			stopped++
		}
	}
	return stopped
}

func main() {
	b := kit.New("X5")
	b.Measure("buffered", 1, func(rounds int) int { return oneToOne(rounds, 128) })
	b.Measure("unbuffered", 1, func(rounds int) int { return oneToOne(rounds, 0) })
	b.Measure("mpmc", 4, fourToFour)
	b.Measure("select", 4, selectOfFour)
	b.Measure("default", 1, selectDefault)
	b.Measure("mutex", 1, uncontendedMutex)
	b.Measure("timer", 1, timer)
}
