// X17 in Go: calls to processes of its own, by gob through pipes, and what is left when one dies. The pool is made by hand.
package main

import (
	"encoding/gob"
	"io"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	kit "versus/kit/go"
)

const mebibyte = 1 << 20

// Request is a call of what is named; Reply is its result.
type Request struct {
	What  string
	N     int
	Bytes []byte
}
type Reply struct {
	N     int
	Bytes []byte
}

func touch(bytes []byte) {
	bytes[0]++
	bytes[len(bytes)-1]++
}

func mapped(file *os.File) []byte {
	bytes, err := syscall.Mmap(int(file.Fd()), 0, mebibyte, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		panic(err)
	}
	return bytes
}

// What a worker does: it inherits the shared memory as its descriptor 3.
func work() {
	in, out := gob.NewDecoder(os.Stdin), gob.NewEncoder(os.Stdout)
	shared := mapped(os.NewFile(3, "shared"))
	for {
		var q Request
		if in.Decode(&q) != nil {
			return
		}
		r := Reply{N: q.N}
		switch q.What {
		case "next":
			r.N++
		case "copied":
			touch(q.Bytes)
			r.Bytes = q.Bytes
		case "shared":
			touch(shared)
		case "nap":
			time.Sleep(time.Duration(q.N) * time.Millisecond)
		case "die":
			time.Sleep(20 * time.Millisecond)
			syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
		}
		if out.Encode(r) != nil {
			return
		}
	}
}

// Worker is a process that answers one call at a time.
type Worker struct {
	cmd  *exec.Cmd
	pipe io.Closer
	out  *gob.Encoder
	in   *gob.Decoder
}

// Pool hands calls to workers that have none.
type Pool struct {
	shared *os.File
	free   chan *Worker
	killed atomic.Int64
}

func newPool(size int, shared *os.File) *Pool {
	p := &Pool{shared: shared, free: make(chan *Worker, size)}
	for i := 0; i < size; i++ {
		p.free <- p.start()
	}
	return p
}

func (p *Pool) start() *Worker {
	cmd := exec.Command("/proc/self/exe", "--worker")
	cmd.ExtraFiles = []*os.File{p.shared}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		panic(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		panic(err)
	}
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	return &Worker{cmd, in, gob.NewEncoder(in), gob.NewDecoder(out)}
}

// Call fails if the worker dies; then another one takes its place.
func (p *Pool) Call(q Request) (r Reply, err error) {
	w := <-p.free
	if err = w.out.Encode(q); err == nil {
		err = w.in.Decode(&r)
	}
	if err != nil {
		w.cmd.Wait()
		if w.cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
			p.killed.Add(1)
		}
		w = p.start()
	}
	p.free <- w
	return r, err
}

func (p *Pool) Close() {
	for i := cap(p.free); i > 0; i-- {
		w := <-p.free
		w.pipe.Close()
		w.cmd.Wait()
	}
}

// One call after the other; call(i) says whether the answer was right.
func timeCalls(b *kit.Bench, variant string, n int, call func(i int) bool) {
	if !b.Wants(variant) {
		return
	}
	if !b.Quick {
		n *= 10
	}
	for i := 0; i < n/10; i++ {
		call(i)
	}
	right, start := 0, time.Now()
	for i := 0; i < n; i++ {
		if call(i) {
			right++
		}
	}
	b.Emit(variant, n, "wall", float64(time.Since(start))/1e3/float64(n), "us/call")
	b.Emit(variant, n, "check", float64(right), "count")
}

func timeAllCalls(b *kit.Bench, file *os.File) {
	p := newPool(2, file)
	defer p.Close()
	mark := func(bytes []byte, i int) { bytes[0], bytes[mebibyte-1] = byte(i), byte(i) }
	isTouched := func(bytes []byte, i int) bool {
		return len(bytes) == mebibyte && bytes[0] == byte(i+1) && bytes[mebibyte-1] == byte(i+1)
	}
	timeCalls(b, "call", 1000, func(i int) bool {
		r, err := p.Call(Request{What: "next", N: i})
		return err == nil && r.N == i+1
	})
	bytes := make([]byte, mebibyte)
	timeCalls(b, "copied", 30, func(i int) bool {
		mark(bytes, i)
		r, err := p.Call(Request{What: "copied", Bytes: bytes})
		return err == nil && isTouched(r.Bytes, i)
	})
	shared := mapped(file)
	timeCalls(b, "shared", 300, func(i int) bool {
		mark(shared, i)
		_, err := p.Call(Request{What: "shared"})
		return err == nil && isTouched(shared, i)
	})
	calls, results := make(chan []byte), make(chan []byte)
	go func() {
		for bytes := range calls {
			touch(bytes)
			results <- bytes
		}
	}()
	timeCalls(b, "thread", 1000, func(i int) bool {
		mark(bytes, i)
		calls <- bytes
		return isTouched(<-results, i)
	})
	close(calls)
}

// As many calls at once, each in a goroutine. How many succeed.
func inParallel(calls int, call func() error) int {
	var good atomic.Int64
	var all sync.WaitGroup
	for i := 0; i < calls; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			if call() == nil {
				good.Add(1)
			}
		}()
	}
	all.Wait()
	return int(good.Load())
}

func (p *Pool) nap(ms int) func() error {
	return func() error {
		_, err := p.Call(Request{What: "nap", N: ms})
		return err
	}
}

func weighWorkers(b *kit.Bench, file *os.File) {
	if !b.Wants("worker") {
		return
	}
	heap := make([]byte, 64*mebibyte)
	for i := range heap {
		heap[i] = 1
	}
	p := newPool(2, file)
	defer p.Close()
	answered := inParallel(2, p.nap(20))
	first, second := <-p.free, <-p.free
	own := kit.OwnKinds(first.cmd.Process.Pid, second.cmd.Process.Pid)
	p.free <- first
	p.free <- second
	b.EmitMemory("worker", 2, kit.Kinds{}, own, "MiB/worker")
	b.Emit("worker", 2, "check", float64(answered)+float64(heap[0])-1, "count")
}

func killAWorker(b *kit.Bench, file *os.File) {
	if !b.Wants("death") {
		return
	}
	p := newPool(2, file)
	defer p.Close()
	limit := 5 * time.Second
	if b.Quick {
		limit = 2 * time.Second
	}
	told, start := make(chan time.Duration, 1), time.Now()
	go func() {
		if _, err := p.Call(Request{What: "die"}); err != nil {
			told <- time.Since(start)
		}
	}()
	good := make(chan int)
	go func() { good <- inParallel(7, p.nap(50)) }()
	after := limit
	select {
	case after = <-told:
	case <-time.After(limit):
	}
	right := inParallel(4, p.nap(5)) + <-good
	b.Emit("death", 1, "lost", 100*float64(11-right)/11, "%")
	b.Emit("death", 1, "told", float64(after)/1e6, "ms")
	b.Emit("death", 1, "check", float64(p.killed.Load()), "count")
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--worker" {
		work()
		return
	}
	b := kit.New("X17")
	file, err := os.CreateTemp("/dev/shm", "x17")
	if err != nil {
		panic(err)
	}
	os.Remove(file.Name())
	if err := file.Truncate(mebibyte); err != nil {
		panic(err)
	}
	if b.Wants("call") || b.Wants("copied") || b.Wants("shared") || b.Wants("thread") {
		timeAllCalls(b, file)
	}
	weighWorkers(b, file)
	killAWorker(b, file)
}
