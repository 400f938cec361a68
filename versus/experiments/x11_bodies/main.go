// X11 in Go: a server that parses small and large bodies, with net/http and encoding/json.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"

	kit "versus/kit/go"
)

func count(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var persons []map[string]any
	if err := json.Unmarshal(text, &persons); err != nil {
		http.Error(w, err.Error(), 400)
		return
	}
	ages := 0
	for _, p := range persons {
		ages += int(p["age"].(float64))
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"persons":%d,"ages":%d}`, len(persons), ages)
}

func serve(b *kit.Bench, variant string, bodies int) {
	if !b.Wants(variant) {
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer listener.Close()
	go http.Serve(listener, http.HandlerFunc(count))
	length := "full"
	if b.Quick {
		length = "quick"
	}
	clients := exec.Command(os.Getenv("VERSUS_LOAD"), strconv.Itoa(listener.Addr().(*net.TCPAddr).Port), "go",
		variant+"@all", strconv.Itoa(bodies), length)
	clients.Stdout, clients.Stderr = os.Stdout, os.Stderr
	if err := clients.Run(); err != nil {
		panic(err)
	}
}

func main() {
	b := kit.New("X11")
	serve(b, "alone", 0)
	serve(b, "one", 1)
	serve(b, "each", runtime.GOMAXPROCS(0))
}
