// X12 in Go: an echo server, a goroutine a connection; and net/http. And an echo server in a process that has a million timers, and
// computes.
package main

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	kit "versus/kit/go"
)

func echo(c net.Conn) {
	defer c.Close()
	buffer := make([]byte, 1024)
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

func accept(listener net.Listener) {
	for {
		c, err := listener.Accept()
		if err != nil {
			return
		}
		go echo(c)
	}
}

func serveIfWanted(b *kit.Bench, variant string, connections, busy int) {
	if b.Wants(variant) {
		serve(b, variant, connections, busy)
	}
}

func serve(b *kit.Bench, variant string, connections, busy int) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer listener.Close()
	if strings.HasPrefix(variant, "http") {
		go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Write([]byte(r.URL.Path[1:]))
		}))
	} else {
		go accept(listener)
	}
	length := "full"
	if b.Quick {
		length = "quick"
	}
	clients := exec.Command(os.Getenv("VERSUS_LOAD"), strconv.Itoa(os.Getpid()),
		strconv.Itoa(listener.Addr().(*net.TCPAddr).Port), "X12", "go", variant,
		strconv.Itoa(connections), strconv.Itoa(busy), length)
	clients.Stdout, clients.Stderr = os.Stdout, os.Stderr
	if err := clients.Run(); err != nil {
		panic(err)
	}
}

// Beside a million timers, of which ten thousand fire in a second, and a goroutine that computes.
func serveBeside(b *kit.Bench, variant string, connections, busy int) {
	if !b.Wants(variant) {
		return
	}
	const timers = 1_000_000
	var fired atomic.Int64
	all := make([]*time.Timer, timers)
	for i := range all {
		all[i] = time.AfterFunc(time.Duration(i)*100*time.Microsecond, func() { fired.Add(1) })
	}
	var over atomic.Bool
	result := make(chan uint32)
	go func() {
		x := uint32(1)
		for x != 0 && !over.Load() {
			for i := 0; i < 1000; i++ {
				x ^= x << 13
				x ^= x >> 17
				x ^= x << 5
			}
		}
		result <- x
	}()
	before := fired.Load()
	serve(b, variant+"@all", connections, busy)
	over.Store(true)
	if <-result == 0 || fired.Load() == before {
		panic("it did not work")
	}
	for _, t := range all {
		t.Stop()
	}
}

func main() {
	b := kit.New("X12")
	serveIfWanted(b, "busy1000", 1000, 1000)
	serveIfWanted(b, "conns100", 100, 10)
	serveIfWanted(b, "conns1000", 1000, 100)
	serveIfWanted(b, "conns10000", 10000, 1000)
	serveIfWanted(b, "conns11000", 11000, 1000)
	serveBeside(b, "whole10000", 10000, 1000)
	serveIfWanted(b, "http100", 100, 10)
	serveIfWanted(b, "http1000", 1000, 100)
	serveIfWanted(b, "http10000", 10000, 1000)
}
