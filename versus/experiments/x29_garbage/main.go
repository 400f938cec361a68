// X29 in Go: how late is a ticker of 1 ms while a goroutine builds graphs of a million nodes and drops them?
package main

import (
	"sort"
	"sync/atomic"
	"time"

	kit "versus/kit/go"
)

const nodes = 1000000

type node struct {
	left, right *node
	value       int
}

func other(i uint32) uint32 { return i * 2654435761 % i }

func link(all []*node, i uint32, into *node) {
	*into = node{value: int(i & 1023)}
	if i > 0 {
		into.left, into.right = all[i-1], all[other(i)]
	}
	all[i] = into
}

func sum(all []*node) int {
	out := 0
	for _, each := range all {
		if each.left != nil {
			out += each.value + each.left.value + each.right.value
		}
	}
	return out
}

type work struct {
	built int // nodes
	took  time.Duration
	right bool
}

func whole() []*node {
	all := make([]*node, nodes)
	for i := range all {
		link(all, uint32(i), new(node))
	}
	return all
}

// Graph after graph; at least one. With a graph to begin with its nodes are linked anew, and none is dropped.
func build(stop *atomic.Bool, kept []*node, did chan<- work) {
	expected := 0
	for i := uint32(1); i < nodes; i++ {
		expected += int(i&1023 + (i-1)&1023 + other(i)&1023)
	}
	out := work{right: true}
	start := time.Now()
	stopped := func() bool { return out.built >= nodes && stop.Load() }
	for !stopped() {
		all := kept
		if all == nil {
			all = make([]*node, nodes)
		}
		for i := uint32(0); i < nodes; i++ {
			if i%1000 == 0 && stopped() {
				break
			}
			into := all[i]
			if into == nil {
				into = new(node)
			}
			link(all, i, into)
			out.built++
		}
		if !stopped() {
			out.right = out.right && sum(all) == expected
		}
	}
	out.took = time.Since(start)
	did <- out
}

func beside(b *kit.Bench, variant string, reuse bool) {
	if !b.Wants(variant) {
		return
	}
	ticks := 2000
	if b.Quick {
		ticks = 600
	}
	var stop atomic.Bool
	did := make(chan work)
	late := make([]float64, 0, ticks)
	kept := 0
	var first []*node
	if reuse {
		first = whole()
	}
	cpu := kit.CPU()
	go build(&stop, first, did)
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
	done := <-did
	spent := kit.CPU() - cpu
	if !done.right {
		kept = 0
	}
	b.EmitLateness(variant, late, 1000)
	sort.Float64s(late)
	b.Emit(variant, ticks, "p99", late[ticks*99/100], "us")
	b.Emit(variant, ticks, "p50", late[ticks/2], "us")
	b.Emit(variant, ticks, "max", late[ticks-1], "us")
	b.Emit(variant, ticks, "node", float64(done.took)/float64(done.built), "ns/node")
	b.Emit(variant, ticks, "cpu", float64(spent)/float64(done.built), "ns/node")
	b.Emit(variant, ticks, "check", float64(kept), "count")
}

func main() {
	b := kit.New("X29")
	beside(b, "dropped", false)
	beside(b, "reused", true)
}
