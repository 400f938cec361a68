// X12 in Go: an echo server, a goroutine a connection; and net/http.
package main

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"

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

func serve(b *kit.Bench, variant string, connections, busy int) {
	if !b.Wants(variant) {
		return
	}
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

func main() {
	b := kit.New("X12")
	serve(b, "busy1000", 1000, 1000)
	serve(b, "conns100", 100, 10)
	serve(b, "conns1000", 1000, 100)
	serve(b, "conns10000", 10000, 1000)
	serve(b, "http100", 100, 10)
	serve(b, "http1000", 1000, 100)
	serve(b, "http10000", 10000, 1000)
}
