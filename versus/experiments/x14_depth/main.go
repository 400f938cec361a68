// X14 in Go: how deep a goroutine may call, what the way down costs, and what it leaves behind.
package main

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"sort"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	kit "versus/kit/go"
)

const calls = 2000

// One call deeper, in a frame of about 100 bytes, until left is 0; returns how many calls there were.
//
//go:noinline
func descend(left int, reached *int) int {
	var frame [64]byte
	frame[left&63] = 1
	*reached++
	if left == 1 {
		return 1
	}
	return descend(left-1, reached) + int(frame[left&63])
}

// Two counts in a file that parent and child map.
func counts(path string) *[2]int {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		panic(err)
	}
	defer file.Close()
	memory, err := syscall.Mmap(int(file.Fd()), 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		panic(err)
	}
	return (*[2]int)(unsafe.Pointer(&memory[0]))
}

func percent(yes bool) float64 {
	if yes {
		return 100
	}
	return 0
}

// A goroutine that gets too deep ends the process, so the try is a child, which counts its calls.
func measureLimit(b *kit.Bench, variant string, wanted int) {
	if !b.Wants(variant) {
		return
	}
	file, err := os.CreateTemp("", "x14")
	if err != nil {
		panic(err)
	}
	defer os.Remove(file.Name())
	file.Truncate(4096)
	var said strings.Builder
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), fmt.Sprintf("X14=%d %s", wanted, file.Name()))
	child.Stderr = &said
	died := child.Run() != nil
	c := counts(file.Name())
	right := !died && c[0] == wanted && c[1] == wanted
	if died {
		right = c[0] > 100 && c[0] < wanted && c[1] == 0
	}
	b.Emit(variant, wanted, "refused", 100*(1-float64(c[0])/float64(wanted)), "%")
	b.Emit(variant, wanted, "died", percent(died), "%")
	b.Emit(variant, wanted, "untold", percent(died && !strings.Contains(said.String(), "stack overflow")), "%")
	b.Emit(variant, wanted, "check", percent(right)/100*float64(wanted), "count")
}

func try(order string) {
	var wanted int
	var path string
	fmt.Sscan(order, &wanted, &path)
	c := counts(path)
	done := make(chan int)
	go func() { done <- descend(wanted, &c[0]) }()
	c[1] = <-done
}

// Goroutines that descend, wait at a gate, and descend again.
func descents(b *kit.Bench) {
	if !b.Wants("descend") {
		return
	}
	n := 200
	if b.Quick {
		n = 100
	}
	var lock sync.Mutex
	sum := 0
	down := func() {
		reached := 0
		got := descend(calls, &reached)
		lock.Lock()
		sum += got
		lock.Unlock()
	}
	gate := make(chan struct{})
	var ready, all sync.WaitGroup
	ready.Add(n)
	all.Add(n)
	memory, first := kit.Settled(), kit.CPU()
	for i := 0; i < n; i++ {
		go func() {
			defer all.Done()
			down()
			ready.Done()
			<-gate
			down()
		}()
	}
	ready.Wait()
	first = kit.CPU() - first
	kept := kit.Settled() - memory
	again := kit.CPU()
	close(gate)
	all.Wait()
	again = kit.CPU() - again
	b.Emit("descend", 2*n*calls, "first", float64(first)/float64(n*calls), "ns/call")
	b.Emit("descend", 2*n*calls, "again", float64(again)/float64(n*calls), "ns/call")
	b.Emit("descend", 2*n*calls, "kept", math.Max(0, kept)/1024/float64(n), "KiB/task")
	b.Emit("descend", 2*n*calls, "check", float64(sum), "count")
}

// f(), in frames of about 100 bytes each, depth calls deeper.
//
//go:noinline
func atDepth(depth int, f func() int) int {
	var frame [64]byte
	frame[depth&63] = 1
	if depth == 0 {
		return f()
	}
	return atDepth(depth-1, f) + int(frame[depth&63]) - 1
}

// A loop of short calls, from each of 256 depths: does one of them lie at an edge, where calls are dearer?
func measureEdge(b *kit.Bench) {
	if !b.Wants("edge") {
		return
	}
	const depths, tries, loops, short = 256, 5, 2000, 8
	best := make([]float64, depths)
	for i := range best {
		best[i] = math.Inf(1)
	}
	sum := 0
	for t := 0; t < tries; t++ {
		for depth := range best {
			var took float64
			sum += atDepth(depth, func() int {
				reached, made := 0, 0
				start := time.Now()
				for i := 0; i < loops; i++ {
					made += descend(short, &reached)
				}
				took = float64(time.Since(start))
				return made
			})
			best[depth] = math.Min(best[depth], took)
		}
	}
	sort.Float64s(best)
	n := depths * tries * loops * short
	b.Emit("edge", n, "edge", best[depths-1]/best[depths/2], "times usual")
	b.Emit("edge", n, "usual", best[depths/2]/(loops*short), "ns/call")
	b.Emit("edge", n, "check", float64(sum), "count")
}

func main() {
	if order := os.Getenv("X14"); order != "" {
		try(order)
		return
	}
	b := kit.New("X14")
	measureLimit(b, "default", 10000)
	measureLimit(b, "asked", 1000000)
	descents(b)
	done := make(chan bool)
	go func() {
		measureEdge(b)
		done <- true
	}()
	<-done
}
