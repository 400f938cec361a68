// X1 in Go: many goroutines sleep at the same time.
package main

import (
	"sync"
	"sync/atomic"
	"time"

	kit "versus/kit/go"
)

func sleepers(b *kit.Bench, variant string, n int, nap time.Duration) {
	if !b.Wants(variant) {
		return
	}
	var woken int64
	memory, cpu, start := kit.Resident(), kit.CPU(), time.Now()
	var all sync.WaitGroup
	all.Add(n)
	for i := 0; i < n; i++ {
		go func() {
			defer all.Done()
			time.Sleep(nap)
			atomic.AddInt64(&woken, 1)
		}()
	}
	all.Wait()
	wall := time.Since(start)
	b.Emit(variant, n, "cpu", float64(kit.CPU()-cpu)/float64(n), "ns/task")
	b.Emit(variant, n, "beyond", float64(wall-nap)/1e6, "ms")
	b.Emit(variant, n, "memory", (kit.Peak()-memory)/float64(n), "B/task")
	b.Emit(variant, n, "check", float64(woken), "count")
}

func main() {
	b := kit.New("X1")
	sleepers(b, "10k", 10000, 100*time.Millisecond)
	sleepers(b, "100k", 100000, 100*time.Millisecond)
	sleepers(b, "1M", 1000000, time.Second)
}
