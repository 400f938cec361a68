// X13 in Go: goroutines in calls that block in the kernel, beside one that computes; and a thousand such
// calls at once.
package main

import (
	"math"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	kit "versus/kit/go"
)

// A unit of work. It calls nothing, waits for nothing; xorshift never gets to zero.
func unit(x uint32) uint32 {
	for i := 0; i < 1000; i++ {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
	}
	return x
}

func compute(stop *atomic.Bool, did chan<- int) {
	units := 0
	x := uint32(1)
	for {
		x = unit(x)
		units++
		if stop.Load() {
			break
		}
	}
	if x == 0 {
		units = 0
	}
	did <- units
}

// The kernel's sleep, of which the scheduler knows only that it is a system call. False if it was too short.
func blockingCall(nap time.Duration) bool {
	start := time.Now()
	rest := syscall.NsecToTimespec(int64(nap))
	for syscall.Nanosleep(&rest, &rest) == syscall.EINTR {
	}
	return time.Since(start) >= nap
}

type outcome struct {
	rate, threads, seconds float64
	calls, right           int64
}

func computeBeside(callers int, nap time.Duration) (o outcome) {
	var stop atomic.Bool
	var all sync.WaitGroup
	did := make(chan int)
	start := time.Now()
	all.Add(callers)
	for i := 0; i < callers; i++ {
		go func() {
			defer all.Done()
			for {
				if blockingCall(time.Millisecond) {
					atomic.AddInt64(&o.right, 1)
				}
				atomic.AddInt64(&o.calls, 1)
				if stop.Load() {
					return
				}
			}
		}()
	}
	go compute(&stop, did)
	time.Sleep(nap)
	o.threads = kit.Status("Threads")
	stop.Store(true)
	units := <-did
	o.seconds = time.Since(start).Seconds()
	o.rate = float64(units) / o.seconds
	all.Wait()
	return o
}

func beside(b *kit.Bench) {
	if !b.Wants("beside") {
		return
	}
	const callers = 64
	short, long := 500*time.Millisecond, 1500*time.Millisecond
	if b.Quick {
		short, long = 150*time.Millisecond, time.Second
	}
	before := computeBeside(0, short).rate
	o := computeBeside(callers, long)
	alone := (before + computeBeside(0, short).rate) / 2
	n := int(o.calls)
	b.Emit("beside", n, "lost", math.Max(0, 100*(1-o.rate/alone)), "%")
	b.Emit("beside", n, "call", callers*o.seconds*1e6/float64(n), "us")
	b.Emit("beside", n, "threads", o.threads, "threads")
	b.Emit("beside", n, "check", float64(o.right), "count")
}

func thousand(b *kit.Bench, variant string) {
	if !b.Wants(variant) {
		return
	}
	const n = 1000
	var right int64
	var all sync.WaitGroup
	cpu, start := kit.CPU(), time.Now()
	all.Add(n)
	for i := 0; i < n; i++ {
		go func() {
			defer all.Done()
			if blockingCall(100 * time.Millisecond) {
				atomic.AddInt64(&right, 1)
			}
		}()
	}
	all.Wait()
	wall := time.Since(start)
	b.Emit(variant, n, "wall", float64(wall)/1e6, "ms")
	b.Emit(variant, n, "cpu", float64(kit.CPU()-cpu)/1e3/n, "us/call")
	b.Emit(variant, n, "check", float64(right), "count")
}

func main() {
	b := kit.New("X13")
	beside(b)
	thousand(b, "thousand")
	thousand(b, "told") // the same: every function of package syscall tells the scheduler
}
