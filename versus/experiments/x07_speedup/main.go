// X7 in Go: computing on all processors: in goroutines, in threads, in very many small goroutines, started by one or by all; and
// threads that wait.
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
//
//go:noinline
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
	best := f()
	tries := 6
	if b.Quick {
		tries = 2
	}
	for ; tries > 0; tries-- {
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
	all.Add(tasks)
	for i := 0; i < tasks; i++ {
		go func() {
			task()
			all.Done()
		}()
	}
	all.Wait()
}

func inThreads(tasks int, task func()) {
	inGoroutines(tasks, func() {
		runtime.LockOSThread()
		task()
	})
}

// How much longer P tasks take than one.
func speedup(b *kit.Bench, variant string, all func(int, func())) {
	if !b.Wants(variant) {
		return
	}
	steps, processors := 40_000_000, runtime.GOMAXPROCS(0)
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
			all(processors, func() {
				if compute(steps) == wanted {
					right.Add(1)
				}
			})
		})
	})
	b.Emit(variant, processors, "slowdown", together/alone, "times one")
	b.Emit(variant, processors, "check", float64(right.Load()), "count")
}

func waitingThreads(b *kit.Bench) {
	if !b.Wants("waits") {
		return
	}
	const n = 16
	var right atomic.Int64
	together := bestOf(b, func() float64 {
		right.Store(0)
		return wallOf(func() {
			inThreads(n, func() {
				if wallOf(func() { time.Sleep(50 * time.Millisecond) }) >= 50e6 {
					right.Add(1)
				}
			})
		})
	})
	b.Emit("waits", n, "slowdown", together/50e6, "times one")
	b.Emit("waits", n, "check", float64(right.Load()), "count")
}

// Tasks of a microsecond each.
func fineGrained(b *kit.Bench) {
	if !b.Wants("fine") {
		return
	}
	n, probe := 400_000, 4_000_000
	if b.Quick {
		n = 30_000
	}
	ns := bestOf(b, func() float64 {
		from := kit.CPU() // not wall time: on a busy machine that would make the tasks too small
		compute(probe)
		return float64(kit.CPU() - from)
	})
	steps := int(math.Max(1, 1000*float64(probe)/ns))
	var right atomic.Int64
	work, workWall, wall := math.Inf(1), math.Inf(1), math.Inf(1)
	cpu := bestOf(b, func() float64 {
		from := kit.CPU()
		workWall = math.Min(workWall, wallOf(func() {
			for i := 0; i < n; i++ {
				if compute(steps) == 0 {
					panic("zero")
				}
			}
		}))
		work = math.Min(work, float64(kit.CPU()-from))
		right.Store(0)
		from = kit.CPU()
		wall = math.Min(wall, wallOf(func() {
			inGoroutines(n, func() {
				if compute(steps) != 0 {
					right.Add(1)
				}
			})
		}))
		return float64(kit.CPU() - from)
	})
	b.Emit("fine", n, "lost", math.Max(0, 100*(1-work/cpu)), "%")
	b.Emit("fine", n, "slowdown", wall*float64(runtime.GOMAXPROCS(0))/workWall, "times one")
	b.Emit("fine", n, "check", float64(right.Load()), "count")
}

// Tasks of some 10 us: all of them started by one task, by the time that they take if P tasks start as many each.
func skewed(b *kit.Bench) {
	if !b.Wants("skewed") {
		return
	}
	steps, processors, n, tries := 5000, runtime.GOMAXPROCS(0), 20_000, 7
	if b.Quick {
		n, tries = 2_000, 3
	}
	each := n / processors
	n = each * processors
	wanted := compute(steps)
	var right atomic.Int64
	task := func() {
		if compute(steps) == wanted {
			right.Add(1)
		}
	}
	even, skew := math.Inf(1), math.Inf(1)
	for ; tries > 0; tries-- {
		right.Store(0)
		even = math.Min(even, wallOf(func() {
			inGoroutines(processors, func() { inGoroutines(each, task) })
		}))
		skew = math.Min(skew, wallOf(func() {
			inGoroutines(1, func() { inGoroutines(n, task) })
		}))
	}
	b.Emit("skewed", n, "skew", skew/even, "times even")
	b.Emit("skewed", n, "check", float64(right.Load())/2, "count")
}

func main() {
	b := kit.New("X7")
	speedup(b, "tasks", inGoroutines)
	speedup(b, "threads", inThreads)
	waitingThreads(b)
	fineGrained(b)
	skewed(b)
}
