// X16 in Go: what an interpreter's lock forbids Python's threads, done by goroutines.
package main

import (
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	kit "versus/kit/go"
)

// It calls nothing and waits for nothing; xorshift never gets to zero.
func compute(steps int) uint32 {
	x := uint32(1)
	for i := 0; i < steps; i++ {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
	}
	return x
}

// The best of some tries: what a machine that does other things, too, can show.
func bestOf(b *kit.Bench, f func() float64) float64 {
	tries := 7
	if b.Quick {
		tries = 3
	}
	best := math.Inf(1)
	for i := 0; i < tries; i++ {
		best = math.Min(best, f())
	}
	return best
}

func wallOf(f func()) float64 {
	start := time.Now()
	f()
	return float64(time.Since(start))
}

func inGoroutines(tasks int, task func()) {
	var all sync.WaitGroup
	for i := 0; i < tasks; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			task()
		}()
	}
	all.Wait()
}

// How much longer n tasks take than one.
func slowDown(b *kit.Bench, variant string, n int) {
	if !b.Wants(variant) {
		return
	}
	steps := 100_000_000
	if b.Quick {
		steps = 8_000_000
	}
	var right atomic.Int64
	var wanted uint32
	alone := math.Inf(1)
	together := bestOf(b, func() float64 {
		alone = math.Min(alone, wallOf(func() { wanted = compute(steps) }))
		right.Store(0)
		return wallOf(func() {
			inGoroutines(n, func() {
				if compute(steps) == wanted {
					right.Add(1)
				}
			})
		})
	})
	b.Emit(variant, n, "slowdown", together/alone, "times one")
	b.Emit(variant, n, "check", float64(right.Load()), "count")
}

func waitInGoroutines(b *kit.Bench) {
	if !b.Wants("waits") {
		return
	}
	const n = 32
	var right atomic.Int64
	together := bestOf(b, func() float64 {
		right.Store(0)
		return wallOf(func() {
			inGoroutines(n, func() {
				if wallOf(func() { time.Sleep(20 * time.Millisecond) }) >= 20e6 {
					right.Add(1)
				}
			})
		})
	})
	b.Emit("waits", n, "slowdown", together/20e6, "times one")
	b.Emit("waits", n, "check", float64(right.Load()), "count")
}

// Short waits, beside a goroutine that computes.
func waitBeside(b *kit.Bench) {
	if !b.Wants("beside") {
		return
	}
	n, done := 1000, 0
	if b.Quick {
		n = 50
	}
	waits := func() {
		for done = 0; done < n; done++ {
			time.Sleep(time.Millisecond)
		}
	}
	alone := wallOf(waits)
	var stop atomic.Bool
	var hog sync.WaitGroup
	hog.Add(1)
	go func() {
		defer hog.Done()
		for !stop.Load() {
			if compute(100_000) == 0 {
				panic("zero")
			}
		}
	}()
	beside := wallOf(waits)
	stop.Store(true)
	hog.Wait()
	b.Emit("beside", n, "slowdown", beside/alone, "times one")
	b.Emit("beside", n, "check", float64(done), "count")
}

//go:noinline
func afterDeposit(x int64) int64 { return x + 1 }

// Four goroutines read a number, call a function, and write what it returns. (As atomic operations: else it would be a data race.)
func loseUpdates(b *kit.Bench) {
	if !b.Wants("lost") {
		return
	}
	each := 20_000_000
	if b.Quick {
		each = 500_000
	}
	var balance, done atomic.Int64
	inGoroutines(4, func() {
		for i := 0; i < each; i++ {
			balance.Store(afterDeposit(balance.Load()))
		}
		done.Add(int64(each))
	})
	b.Emit("lost", 4*each, "lost", 100*(1-float64(balance.Load())/float64(4*each)), "%")
	b.Emit("lost", 4*each, "check", float64(done.Load()), "count")
}

func main() {
	b := kit.New("X16")
	slowDown(b, "two", 2)
	slowDown(b, "every", runtime.GOMAXPROCS(0))
	waitInGoroutines(b)
	waitBeside(b)
	loseUpdates(b)
}
