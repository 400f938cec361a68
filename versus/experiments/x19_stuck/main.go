// X19 in Go: programs that are stuck, each in a process of its own; what are we told?
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"time"

	kit "versus/kit/go"
)

// Announces a line so far below the one that it is called in: there a task is going to be stuck, or is started.
func place(below int) {
	_, _, line, _ := runtime.Caller(1)
	fmt.Printf("place %d\n", line+below)
}

func lockBoth(first, second *sync.Mutex, both *sync.WaitGroup) {
	first.Lock()
	both.Done()
	both.Wait()
	place(1)
	second.Lock()
}

func startRing() {
	var a, b sync.Mutex
	var both sync.WaitGroup
	both.Add(2)
	go lockBoth(&a, &b, &both)
	go lockBoth(&b, &a, &both)
}

func startHundred(all *sync.WaitGroup) {
	c := make(chan int)
	all.Add(100)
	place(2)
	for i := 0; i < 100; i++ {
		go func() {
			defer all.Done()
			<-c
		}()
	}
	for i := 0; i < 97; i++ {
		c <- i
	}
}

func tick(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
}

var cases = []struct {
	name  string
	plant func()
}{
	{"close", func() {
		c, done := make(chan int), make(chan bool)
		go func() {
			place(1)
			for range c {
			}
			done <- true
		}()
		c <- 1 // and no close(c)
		<-done
	}},
	{"group", func() {
		var all sync.WaitGroup
		all.Add(4)
		for i := 0; i < 3; i++ {
			go all.Done()
		}
		place(1)
		all.Wait()
	}},
	{"promise", func() {
		answer := make(chan int)
		place(1)
		<-answer
	}},
	{"locks", func() {
		startRing()
		select {}
	}},
	{"ring", func() {
		startRing()
		tick(time.Hour)
	}},
	{"hundred", func() {
		var all sync.WaitGroup
		startHundred(&all)
		all.Wait()
	}},
	{"leak", func() {
		var all sync.WaitGroup
		startHundred(&all)
		tick(300 * time.Millisecond)
	}},
}

var (
	told = regexp.MustCompile(`(?i)deadlock|unsettled|never ended|still wait`)
	what = regexp.MustCompile(`(?i)\b(receive|mutex|lock|wait_?group|latch|future|promise|queue)\b`)
)

// Facts that the program did not tell, in percent; milliseconds until it told, or ended, or was given up; whether it was stuck.
func watch(name string, limit time.Duration) (missing, ms float64, planted int) {
	self, _ := os.Executable()
	child := exec.Command(self, "--plant", name)
	out, in, _ := os.Pipe()
	child.Stdout, child.Stderr = in, in
	if child.Start() != nil {
		return
	}
	in.Close()
	lines := make(chan string)
	go func() {
		for r := bufio.NewReader(out); ; {
			line, err := r.ReadString('\n')
			lines <- line
			if err == io.EOF {
				close(lines)
				return
			}
		}
	}()
	var begin time.Time
	var places []string
	text, over := "", time.After(limit+10*time.Second)
	for open := true; open; {
		select {
		case line, more := <-lines:
			open = more
			if rest, found := strings.CutPrefix(line, "place "); found {
				if places = append(places, strings.TrimSpace(rest)); len(places) == 1 {
					begin, over = time.Now(), time.After(limit)
				}
			} else {
				text += line
			}
			if ms == 0 && (told.MatchString(text) || !open) {
				ms = max(time.Since(begin).Seconds()*1e3, 0.001)
			}
		case <-over:
			child.Process.Kill()
			over = nil
			if ms == 0 {
				ms = limit.Seconds() * 1e3
			}
		}
	}
	child.Wait()
	where := 0
	for _, line := range places {
		if strings.Contains(text, "main.go:"+line) {
			where++
		}
	}
	facts := 0
	for _, said := range []bool{told.MatchString(text), what.MatchString(text), where > 0 && where == len(places)} {
		if said && told.MatchString(text) {
			facts++
		}
	}
	return 100 * float64(3-facts) / 3, ms, min(len(places), 1)
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "--plant" {
		for _, c := range cases {
			if c.name == os.Args[2] {
				c.plant()
			}
		}
		return
	}
	b := kit.New("X19")
	limit := 10 * time.Second
	if b.Quick {
		limit = 3 * time.Second
	}
	var all sync.WaitGroup
	for _, c := range cases {
		if b.Wants(c.name) {
			all.Go(func() {
				missing, ms, planted := watch(c.name, limit)
				b.Emit(c.name, 1, "missing", missing, "%")
				b.Emit(c.name, 1, "time", ms, "ms")
				b.Emit(c.name, 1, "check", float64(planted), "count")
			})
		}
	}
	all.Wait()
}
