// X15 in Go: requests that wait 100 ms each: by a few workers, in a thread each, in a goroutine each.
package main

import (
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	kit "versus/kit/go"
)

// What is known of the requests of one variant.
type desk struct {
	n             int64
	begun, served int64
	lock          sync.Mutex
	most          float64
}

func (d *desk) serve() {
	place := atomic.AddInt64(&d.begun, 1) - 1
	if place%(d.n/10) == d.n/10-1 {
		d.lock.Lock()
		if now := kit.Peak(); now > d.most {
			d.most = now
		}
		d.lock.Unlock()
	}
	start := time.Now()
	time.Sleep(100 * time.Millisecond)
	if time.Since(start) >= 100*time.Millisecond {
		atomic.AddInt64(&d.served, 1)
	}
}

// The article's worker pool: so many goroutines take requests from a channel.
func inPool(workers int) func(*desk) {
	return func(d *desk) {
		requests := make(chan int64, d.n)
		var all sync.WaitGroup
		for i := 0; i < workers; i++ {
			all.Add(1)
			go func() {
				defer all.Done()
				for range requests {
					d.serve()
				}
			}()
		}
		for i := int64(0); i < d.n; i++ {
			requests <- i
		}
		close(requests)
		all.Wait()
	}
}

func each(onThread bool) func(*desk) {
	return func(d *desk) {
		var all sync.WaitGroup
		for i := int64(0); i < d.n; i++ {
			all.Add(1)
			go func() {
				defer all.Done()
				if onThread {
					runtime.LockOSThread() // its end ends the thread, too
				}
				d.serve()
			}()
		}
		all.Wait()
	}
}

func measure(b *kit.Bench, variant string, n int, serveAll func(*desk)) {
	if !b.Wants(variant) {
		return
	}
	d := &desk{n: int64(n)}
	before, cpu, start := kit.Peak(), kit.CPU(), time.Now()
	serveAll(d)
	b.Emit(variant, n, "request", float64(time.Since(start))/1e3/float64(n), "us/request")
	b.Emit(variant, n, "memory", (d.most-before)/(1<<20), "MiB")
	b.Emit(variant, n, "cpu", float64(kit.CPU()-cpu)/1e3/float64(n), "us/request")
	b.Emit(variant, n, "check", float64(d.served), "count")
}

func main() {
	b := kit.New("X15")
	debug.SetMaxThreads(20000) // the default, 10,000, ends the program
	small := 1000
	if b.Quick {
		small = 50
	}
	measure(b, "pool10", small, inPool(10))
	measure(b, "pool200", 1000, inPool(200))
	measure(b, "thread", 1000, each(true))
	measure(b, "task", 1000, each(false))
	measure(b, "thread10k", 10000, each(true))
	measure(b, "task10k", 10000, each(false))
}
