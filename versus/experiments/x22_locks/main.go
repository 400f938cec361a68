// X22 in Go: locks: free, contended, for readers and writers, and a counter without one.
package main

import (
	"sync"
	"sync/atomic"
	"time"

	kit "versus/kit/go"
)

const perRound = 64

func inGoroutines(tasks int, task func(i int)) {
	var all sync.WaitGroup
	all.Add(tasks)
	for i := 0; i < tasks; i++ {
		i := i
		go func() {
			task(i)
			all.Done()
		}()
	}
	all.Wait()
}

// Lock, add, unlock; nobody else is there.
func free(rounds int) int {
	var m sync.Mutex
	sum := 0
	for i := 0; i < rounds*perRound; i++ {
		m.Lock()
		sum++
		m.Unlock()
	}
	return sum
}

func contenders(tasks int) func(int) int {
	return func(rounds int) int {
		var m sync.Mutex
		sum := 0
		inGoroutines(tasks, func(int) {
			for i := rounds * perRound / tasks; i > 0; i-- {
				m.Lock()
				sum++
				m.Unlock()
			}
		})
		return sum
	}
}

// A little work: the lock is held for some 200 ns.
func work(x uint32) uint32 {
	for i := 0; i < 100; i++ {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
	}
	return x
}

// Eight tasks take the lock as often as they can: by how much does the one that gets it least fall short of the average?
func fairness(b *kit.Bench) {
	if !b.Wants("fair") {
		return
	}
	const tasks = 8
	span := time.Second
	if b.Quick {
		span = 200 * time.Millisecond
	}
	var m sync.Mutex
	state, sum := uint32(1), 0
	var each [tasks]int
	end := time.Now().Add(span)
	inGoroutines(tasks, func(i int) {
		mine := 0
		for ; time.Now().Before(end); mine++ {
			m.Lock()
			state = work(state)
			sum++
			m.Unlock()
		}
		each[i] = mine
	})
	least, total := each[0], 0
	for _, n := range each {
		total += n
		if n < least {
			least = n
		}
	}
	if state == 0 {
		total = 0
	}
	b.Emit("fair", sum, "short", 100*(1-float64(least)*tasks/float64(total)), "%")
	b.Emit("fair", sum, "turn", float64(span)/float64(sum), "ns/op")
	b.Emit("fair", sum, "check", float64(total), "count")
}

// Eight goroutines, one lock in twenty is a writer's.
func reads(rounds int) int {
	var m sync.RWMutex
	var right atomic.Int64
	x, y := 0, 0
	inGoroutines(8, func(int) {
		mine := 0
		for i := 0; i < rounds*perRound/8; i++ {
			if i%20 == 19 {
				m.Lock()
				x++
				y++
				mine++
				m.Unlock()
			} else {
				m.RLock()
				if x == y {
					mine++
				}
				m.RUnlock()
			}
		}
		right.Add(int64(mine))
	})
	return int(right.Load())
}

func atomicCounter(rounds int) int {
	var sum atomic.Int64
	inGoroutines(8, func(int) {
		for i := 0; i < rounds*perRound/8; i++ {
			sum.Add(1)
		}
	})
	return int(sum.Load())
}

func main() {
	b := kit.New("X22")
	b.Measure("free", perRound, free)
	b.Measure("two", perRound, contenders(2))
	b.Measure("eight", perRound, contenders(8))
	b.Measure("many", perRound, contenders(64))
	fairness(b)
	b.Measure("reads", perRound, reads)
	b.Measure("atomic", perRound, atomicCounter)
}
