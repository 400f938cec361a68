// X30 in Go: the article's handler, with net/http and encoding/json.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"

	kit "versus/kit/go"
)

type person = map[string]any

// In the process: documents by their ID, of which each is there once. With a delay, as a database behind a pool of ten connections.
type people struct {
	delay       time.Duration
	connections chan struct{}
	mutex       sync.Mutex
	all         map[string]person
}

type inserted struct {
	InsertedCount int         `json:"insertedCount"`
	InsertedIds   insertedIds `json:"insertedIds"`
}

// In order: encoding/json sorts the keys of a map as texts.
type insertedIds []string

func (ids insertedIds) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, id := range ids {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(strconv.AppendInt(append(out, '"'), int64(i), 10), `":`...)
		value, err := json.Marshal(id)
		if err != nil {
			return nil, err
		}
		out = append(out, value...)
	}
	return append(out, '}'), nil
}

func (db *people) insertMany(persons []any) (inserted, error) {
	if len(persons) == 0 {
		return inserted{}, errors.New("there is nobody to insert")
	}
	if db.delay > 0 {
		db.connections <- struct{}{}
		time.Sleep(db.delay)
		<-db.connections
	}
	ids := make(insertedIds, 0, len(persons))
	db.mutex.Lock()
	defer db.mutex.Unlock()
	for _, p := range persons {
		id := p.(person)["ID"].(string)
		if _, there := db.all[id]; there {
			for _, mine := range ids {
				delete(db.all, mine)
			}
			return inserted{}, errors.New("a person of that ID is there")
		}
		db.all[id] = p.(person)
		ids = append(ids, id)
	}
	return inserted{len(persons), ids}, nil
}

func send(w http.ResponseWriter, status int, body any) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(body); err != nil {
		panic(err)
	}
	text := bytes.TrimSuffix(out.Bytes(), []byte{'\n'})
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	w.Write(text)
}

type message struct {
	Message string `json:"message"`
}

func (db *people) addPersons(w http.ResponseWriter, r *http.Request) {
	if r.Method != "POST" || r.URL.Path != "/persons" {
		send(w, 404, message{"There is only POST /persons."})
		return
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var body any
	if json.Unmarshal(text, &body) != nil {
		send(w, 400, message{"Request body must be JSON."})
		return
	}
	persons, ok := body.([]any)
	if !ok {
		send(w, 400, message{"Request body must be an array of persons."})
		return
	}
	for _, p := range persons {
		fields, _ := p.(person)
		_, name := fields["name"].(string)
		_, age := fields["age"].(float64)
		_, id := fields["ID"].(string)
		if !name || !age || !id {
			send(w, 400, message{"Each person must have name (string), age (number), and ID (string)."})
			return
		}
	}
	result, err := db.insertMany(persons)
	if err != nil {
		send(w, 500, message{"Failed to insert people."})
		return
	}
	send(w, 201, result)
}

func serve(b *kit.Bench, variant string, delay time.Duration) {
	if !b.Wants(variant) {
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer listener.Close()
	db := &people{delay: delay, connections: make(chan struct{}, 10), all: map[string]person{}}
	go http.Serve(listener, http.HandlerFunc(db.addPersons))
	length := "full"
	if b.Quick {
		length = "quick"
	}
	clients := exec.Command(os.Getenv("VERSUS_LOAD"), strconv.Itoa(os.Getpid()),
		strconv.Itoa(listener.Addr().(*net.TCPAddr).Port), "go", variant, length)
	clients.Stdout, clients.Stderr = os.Stdout, os.Stderr
	if err := clients.Run(); err != nil {
		panic(err)
	}
}

func main() {
	b := kit.New("X30")
	serve(b, "answers", 0)
	serve(b, "handler", 0)
	serve(b, "pool", 5*time.Millisecond)
}
