// X2 in Go: what a waiting goroutine occupies, by the depth of the call it waits in.
package main

import (
	"runtime"
	"sync"
	"sync/atomic"

	kit "versus/kit/go"
)

// What the process occupies once that stands still, by kind.
func occupied() kit.Kinds {
	kit.Settled()
	return kit.ResidentKinds()
}

// Waits `depth` calls deep, in frames of about 256 bytes: how real code waits.
//
//go:noinline
func deep(depth int, wait func()) int {
	var frame [208]byte
	if depth > 0 {
		return deep(depth-1, wait) + int(frame[depth])
	}
	wait()
	return int(frame[0])
}

// Goroutines wait at one gate, each `depth` calls deep.
func waiting(b *kit.Bench, variant string, n, depth int, onThread bool) {
	if !b.Wants(variant) {
		return
	}
	var woken int64
	gate := make(chan struct{})
	var ready, all sync.WaitGroup
	ready.Add(n)
	all.Add(n)
	space, memory, cpu := kit.Status("VmSize"), occupied(), kit.CPU()
	for i := 0; i < n; i++ {
		go func() {
			defer all.Done()
			if onThread {
				runtime.LockOSThread()
			}
			deep(depth, func() {
				ready.Done()
				<-gate
			})
			atomic.AddInt64(&woken, 1)
		}()
	}
	ready.Wait()
	cpu = kit.CPU() - cpu
	held := occupied()
	space = kit.Status("VmSize") - space
	close(gate)
	all.Wait()
	b.EmitMemory(variant, n, memory, held, "B/task")
	b.Emit(variant, n, "space", space/float64(n), "B/task")
	b.Emit(variant, n, "cpu", float64(cpu)/float64(n), "ns/task")
	b.Emit(variant, n, "check", float64(woken), "count")
}

func main() {
	b := kit.New("X2")
	n, threads := 100000, 4000
	if b.Quick {
		n, threads = 20000, 2000
	}
	waiting(b, "depth0", n, 0, false)
	waiting(b, "depth12", n, 12, false)
	waiting(b, "depth48", n, 48, false)
	waiting(b, "thread", threads, 0, true)
}
