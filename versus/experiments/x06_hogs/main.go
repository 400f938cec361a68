// X6 in Go: how late is a ticker of 1 ms beside goroutines that compute and never pause? And how fast is an echo server?
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sort"
	"strconv"
	"sync"
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
	ticks := 2000
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
	units, kept, least, most := 0, 0, math.MaxInt, 0
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
		least, most = min(least, u), max(most, u)
	}
	if least == 0 {
		kept = 0
	}
	spent := kit.CPU() - cpu
	b.EmitLateness(variant, late, 1000)
	sort.Float64s(late)
	b.Emit(variant, ticks, "p99", late[ticks*99/100], "us")
	b.Emit(variant, ticks, "p50", late[ticks/2], "us")
	b.Emit(variant, ticks, "max", late[ticks-1], "us")
	if hogs > 0 {
		b.Emit(variant, ticks, "work", float64(spent)/float64(units)/unitAlone*100, "% of alone")
	}
	if hogs > runtime.GOMAXPROCS(0) {
		b.Emit(variant, ticks, "uneven", float64(most)/float64(least), "times the least")
	}
	b.Emit(variant, ticks, "check", float64(kept), "count")
}

// An echo server beside hogs. Its clients are another process: this program, called as "client <port> <milliseconds>".
const connections = 64
const message = 64

func echo(c net.Conn) {
	defer c.Close()
	buffer := make([]byte, 4096)
	for {
		n, err := c.Read(buffer)
		if err != nil {
			return
		}
		if _, err = c.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// One question at a time on each connection. Prints how many were answered rightly, seconds, and microseconds: the 99th
// percentile and the longest.
func ask(port string, length time.Duration) {
	took := make([][]float64, connections)
	var all sync.WaitGroup
	start := time.Now()
	for i := 0; i < connections; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			c, err := net.Dial("tcp", "127.0.0.1:"+port)
			if err != nil {
				return
			}
			defer c.Close()
			question, answer := make([]byte, message), make([]byte, message)
			for k := uint64(0); ; k++ {
				asked := time.Now()
				if asked.Sub(start) > length {
					return
				}
				binary.LittleEndian.PutUint64(question, k)
				question[message-1] = byte(i)
				if _, err = c.Write(question); err != nil {
					return
				}
				if _, err = io.ReadFull(c, answer); err != nil || !bytes.Equal(question, answer) {
					return
				}
				took[i] = append(took[i], float64(time.Since(asked))/1e3)
			}
		}()
	}
	all.Wait()
	seconds := time.Since(start).Seconds()
	every := []float64{}
	for _, one := range took {
		every = append(every, one...)
	}
	sort.Float64s(every)
	if len(every) == 0 {
		every = append(every, 0)
	}
	fmt.Printf("%d %.9f %.3f %.3f\n", len(every), seconds, every[len(every)*99/100], every[len(every)-1])
}

type answers struct {
	n                     int
	seconds, p99, longest float64
	allWorked             bool // of the hogs
}

func (a answers) perRequest() float64 { return a.seconds * 1e6 / float64(a.n) }

func askBeside(b *kit.Bench, hogs int) answers {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go echo(c)
		}
	}()
	var stop atomic.Bool
	did := make(chan int, hogs)
	for i := 0; i < hogs; i++ {
		go hog(&stop, did)
	}
	length := "2000"
	if b.Quick {
		length = "1000"
	}
	port := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	out, err := exec.Command("/proc/self/exe", "client", port, length).Output()
	a := answers{allWorked: true}
	if err == nil {
		fmt.Sscan(string(out), &a.n, &a.seconds, &a.p99, &a.longest)
	}
	stop.Store(true)
	for i := 0; i < hogs; i++ {
		if <-did == 0 {
			a.allWorked = false
		}
	}
	listener.Close()
	return a
}

func report(b *kit.Bench, variant string, a answers) {
	right := 0
	if a.allWorked {
		right = a.n
	}
	b.Emit(variant, a.n, "request", a.perRequest(), "us")
	b.Emit(variant, a.n, "answer", a.p99, "us")
	b.Emit(variant, a.n, "longest", a.longest, "us")
	b.Emit(variant, a.n, "check", float64(right), "count")
}

func echoBeside(b *kit.Bench, variant string, hogs int) {
	if b.Wants(variant) {
		report(b, variant, askBeside(b, hogs))
	}
}

// Of two processors, one hog may take one: then requests take twice as long, and that is 100 %.
func echoBesideOne(b *kit.Bench) {
	if !b.Wants("echo1") {
		return
	}
	alone := askBeside(b, 0).perRequest()
	a := askBeside(b, 1)
	processors := float64(max(2, runtime.GOMAXPROCS(0)))
	b.Emit("echo1", a.n, "share", a.perRequest()/alone*(processors-1)/processors*100, "% of the share")
	report(b, "echo1", a)
}

func main() {
	if len(os.Args) == 4 && os.Args[1] == "client" {
		runtime.GOMAXPROCS(1)
		ms, _ := strconv.Atoi(os.Args[3])
		ask(os.Args[2], time.Duration(ms)*time.Millisecond)
		return
	}
	b := kit.New("X6")
	processors := runtime.GOMAXPROCS(0)
	ticker(b, "hogs0", 0)
	ticker(b, "hogs1", 1)
	ticker(b, "hogsP", processors)
	ticker(b, "hogs4P", 4*processors)
	echoBeside(b, "echo0", 0)
	echoBeside(b, "echoP", processors)
	echoBesideOne(b)
}
