// X18 in Go: twelve programs with a data race each, and the same twelve without, every one in a process of its own: which of them does
// the race detector accuse? This program is built with -race.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	kit "versus/kit/go"
)

func atOnce(f, g func()) {
	var all sync.WaitGroup
	all.Add(2)
	go func() { defer all.Done(); f() }()
	go func() { defer all.Done(); g() }()
	all.Wait()
}

//go:noinline
func use(int) {}

// ---- a number

func plantedCounter() {
	n := 0
	atOnce(func() { n++ }, func() { n++ })
}
func cleanCounter() {
	var m sync.Mutex
	n := 0
	add := func() {
		m.Lock()
		n++
		m.Unlock()
	}
	atOnce(add, add)
}

// ---- a map

func plantedMap() {
	ages := map[int]int{0: 1}
	atOnce(func() { ages[1] = 36 }, func() { ages[2] = 41 })
}
func cleanMap() {
	var ages sync.Map
	atOnce(func() { ages.Store(1, 36) }, func() { ages.Store(2, 41) })
}

// ---- what was made is shown to others

func plantedPublication() {
	made, ready := 0, false
	atOnce(func() {
		made = 42
		ready = true
	}, func() {
		for !ready {
			runtime.Gosched()
		}
		use(made)
	})
}
func cleanPublication() {
	made := 0
	var ready atomic.Bool
	atOnce(func() {
		made = 42
		ready.Store(true)
	}, func() {
		for !ready.Load() {
			runtime.Gosched()
		}
		use(made)
	})
}

// ---- the variable of a loop (since Go 1.22 only where it is declared outside)

func plantedLoop() {
	var all sync.WaitGroup
	var i int
	for i = 0; i < 2; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			use(i)
		}()
	}
	all.Wait()
}
func cleanLoop() {
	var all sync.WaitGroup
	for i := 0; i < 2; i++ {
		i := i
		all.Add(1)
		go func() {
			defer all.Done()
			use(i)
		}()
	}
	all.Wait()
}

// ---- the wrong lock

func lockAndAdd(first, second *sync.Mutex) {
	n := 0
	add := func(m *sync.Mutex) {
		m.Lock()
		n++
		m.Unlock()
	}
	atOnce(func() { add(first) }, func() { add(second) })
}
func plantedLock() {
	var one, other sync.Mutex
	lockAndAdd(&one, &other)
}
func cleanLock() {
	var one sync.Mutex
	lockAndAdd(&one, &one)
}

// ---- a lock for readers, under which something is written

func plantedSharedLock() {
	var m sync.RWMutex
	lookedUp := 0
	lookUp := func() {
		m.RLock()
		lookedUp++
		m.RUnlock()
	}
	atOnce(lookUp, lookUp)
}
func cleanSharedLock() {
	var m sync.RWMutex
	var lookedUp atomic.Int64
	value := int64(1)
	lookUp := func() {
		m.RLock()
		lookedUp.Add(value)
		m.RUnlock()
		m.Lock()
		value++
		m.Unlock()
	}
	atOnce(lookUp, lookUp)
}

// ---- made once, by whoever is first

func plantedOnce() {
	var m sync.Mutex
	made, value := false, 0
	get := func() {
		if !made { // looks without the lock
			m.Lock()
			if !made {
				value, made = 42, true
			}
			m.Unlock()
		}
		use(value)
	}
	atOnce(get, get)
}
func cleanOnce() {
	var once sync.Once
	value := 0
	get := func() {
		once.Do(func() { value = 42 })
		use(value)
	}
	atOnce(get, get)
}

// ---- a pointer that is sent

func plantedSent() {
	c := make(chan *int)
	atOnce(func() {
		mine := new(int)
		c <- mine
		*mine = 2 // it is not mine any more
	}, func() {
		got := <-c
		use(*got)
	})
}
func cleanSent() {
	c := make(chan *int)
	atOnce(func() {
		mine := new(int)
		*mine = 2
		c <- mine
	}, func() {
		got := <-c
		*got = 3
	})
}

// ---- two halves of a slice

func fillHalves(endOfFirst int) {
	v := make([]int, 100)
	fill := func(part []int) {
		for i := range part {
			part[i] = 1
		}
	}
	atOnce(func() { fill(v[:endOfFirst]) }, func() { fill(v[50:]) })
}
func plantedHalves() { fillHalves(51) }
func cleanHalves()   { fillHalves(50) }

// ---- a flag that says that something is closed

func plantedClosed() {
	closed := 0
	atOnce(func() { closed = 1 }, func() { use(closed) })
}
func cleanClosed() {
	var closed atomic.Int32
	atOnce(func() { closed.Store(1) }, func() { use(int(closed.Load())) })
}

// ---- a result, and the count that says that it is there

func plantedDone() {
	var all sync.WaitGroup
	written := make(chan bool)
	result := 0
	all.Add(1)
	go func() {
		all.Done() // too early
		result = 42
		close(written)
	}()
	all.Wait()
	use(result)
	<-written
}
func cleanDone() {
	var all sync.WaitGroup
	written := make(chan bool)
	result := 0
	all.Add(1)
	go func() {
		result = 42
		all.Done()
		close(written)
	}()
	all.Wait()
	use(result)
	<-written
}

// ---- a method that looks as if it changed nothing

type circle struct {
	m            sync.Mutex
	radius, area float64
}

func (c *circle) Area() float64 {
	if c.area == 0 {
		c.area = 3.14 * c.radius * c.radius
	}
	return c.area
}
func (c *circle) LockedArea() float64 {
	c.m.Lock()
	defer c.m.Unlock()
	return c.Area()
}
func plantedCache() {
	c := circle{radius: 1}
	look := func() { use(int(c.Area())) }
	atOnce(look, look)
}
func cleanCache() {
	c := circle{radius: 1}
	look := func() { use(int(c.LockedArea())) }
	atOnce(look, look)
}

var programs = []struct {
	name           string
	planted, clean func()
}{
	{"counter", plantedCounter, cleanCounter},
	{"map", plantedMap, cleanMap},
	{"publication", plantedPublication, cleanPublication},
	{"loop", plantedLoop, cleanLoop},
	{"lock", plantedLock, cleanLock},
	{"shared_lock", plantedSharedLock, cleanSharedLock},
	{"once", plantedOnce, cleanOnce},
	{"sent", plantedSent, cleanSent},
	{"halves", plantedHalves, cleanHalves},
	{"closed", plantedClosed, cleanClosed},
	{"done", plantedDone, cleanDone},
	{"cache", plantedCache, cleanCache},
}

// Whether it was accused, and whether it ended as it should then: 66 is the detector's exit code.
func watch(which string) (accused, ended bool) {
	self, _ := os.Executable()
	child := exec.Command(self, "--run", which)
	child.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	text, _ := child.CombinedOutput()
	code := child.ProcessState.ExitCode()
	return strings.Contains(string(text), "WARNING: DATA RACE"), code == 0 || code == 66
}

// How many of the twelve are accused. What runs at once is not in our hands, so each runs more than once.
func accused(kind string, runs int) (found, ended int) {
	for _, p := range programs {
		seen, good := watch(kind + "/" + p.name)
		for i := 1; i < runs && !seen; i++ {
			seen, good = watch(kind + "/" + p.name)
		}
		if seen {
			found++
		}
		if good {
			ended++
		}
	}
	return found, ended
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "--run" {
		for _, p := range programs {
			switch os.Args[2] {
			case "planted/" + p.name:
				p.planted()
				return
			case "clean/" + p.name:
				p.clean()
				return
			}
		}
		fmt.Fprintln(os.Stderr, "there is no program", os.Args[2])
		os.Exit(2)
	}
	b := kit.New("X18")
	if b.Wants("planted") {
		found, ended := accused("planted", 10)
		b.Emit("planted", 12, "missed", float64(12-found), "of 12")
		b.Emit("planted", 12, "check", float64(ended), "count")
	}
	if b.Wants("clean") {
		runs := 10
		if b.Quick {
			runs = 1
		}
		found, ended := accused("clean", runs)
		b.Emit("clean", 12, "accused", float64(found), "of 12")
		b.Emit("clean", 12, "check", float64(ended), "count")
	}
}
