// X6 in Go: how late is a ticker of 1 ms beside goroutines that compute and never pause?
package main

import (
	"runtime"
	"sort"
	"sync/atomic"
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

func hog(stop *atomic.Bool, did chan<- int) {
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

// CPU time of a unit in so many goroutines and nothing else.
func alone(quick bool, hogs int) float64 {
	nap := 500 * time.Millisecond
	if quick {
		nap = 100 * time.Millisecond
	}
	var stop atomic.Bool
	did := make(chan int, hogs)
	cpu := kit.CPU()
	for i := 0; i < hogs; i++ {
		go hog(&stop, did)
	}
	time.Sleep(nap)
	stop.Store(true)
	units := 0
	for i := 0; i < hogs; i++ {
		units += <-did
	}
	return float64(kit.CPU()-cpu) / float64(units)
}

func ticker(b *kit.Bench, variant string, hogs int) {
	if !b.Wants(variant) {
		return
	}
	ticks := 5000
	if b.Quick {
		ticks = 1000
	}
	unitAlone := 0.0
	if processors := runtime.GOMAXPROCS(0); hogs > processors {
		unitAlone = alone(b.Quick, processors)
	} else if hogs > 0 {
		unitAlone = alone(b.Quick, hogs)
	}
	var stop atomic.Bool
	did := make(chan int, hogs)
	late := make([]float64, 0, ticks)
	units, kept := 0, 0
	cpu := kit.CPU()
	for i := 0; i < hogs; i++ {
		go hog(&stop, did)
	}
	for due := time.Now(); len(late) < ticks; {
		due = due.Add(time.Millisecond)
		time.Sleep(time.Until(due))
		l := time.Since(due)
		late = append(late, float64(l)/1e3)
		if l >= 0 {
			kept++
		}
	}
	stop.Store(true)
	for i := 0; i < hogs; i++ {
		u := <-did
		units += u
		if u == 0 {
			kept = 0
		}
	}
	spent := kit.CPU() - cpu
	sort.Float64s(late)
	b.Emit(variant, ticks, "p99", late[ticks*99/100], "us")
	b.Emit(variant, ticks, "p50", late[ticks/2], "us")
	b.Emit(variant, ticks, "max", late[ticks-1], "us")
	if hogs > 0 {
		b.Emit(variant, ticks, "work", float64(spent)/float64(units)/unitAlone*100, "% of alone")
	}
	b.Emit(variant, ticks, "check", float64(kept), "count")
}

func main() {
	b := kit.New("X6")
	processors := runtime.GOMAXPROCS(0)
	ticker(b, "hogs0", 0)
	ticker(b, "hogs1", 1)
	ticker(b, "hogsP", processors)
	ticker(b, "hogs4P", 4*processors)
}
