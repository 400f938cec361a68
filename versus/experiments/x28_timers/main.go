// X28 in Go: very many timers are set, nine of ten are stopped, the rest call their functions.
package main

import (
	"math"
	"sort"
	"sync"
	"time"

	kit "versus/kit/go"
)

type place struct {
	due   time.Time
	late  time.Duration
	stays bool
}

// How long it takes to set n timers and to stop them: so much must lie between now and the first.
func trial(n int) time.Duration {
	start := time.Now()
	all := make([]*time.Timer, n)
	for i := range all {
		all[i] = time.AfterFunc(time.Duration(1+i%1000)*time.Hour, func() {})
	}
	for _, t := range all {
		t.Stop()
	}
	return time.Since(start)
}

func main() {
	b := kit.New("X28")
	n, spread := 1000000, uint64(2000000)
	if b.Quick {
		n, spread = 50000, 200000
	}
	count := float64(n)
	ahead := 200*time.Millisecond + 40*trial(n/10)
	places := make([]place, n)
	all := make([]*time.Timer, n)
	var left sync.WaitGroup
	left.Add(n / 10)
	memory := kit.Settled()
	base := time.Now().Add(ahead)
	for i := range places {
		places[i].due = base.Add(time.Duration(uint64(i)*2654435761%spread) * time.Microsecond)
		places[i].late = -1
		places[i].stays = i%10 == 0
	}

	insert := kit.CPU()
	for i := range places {
		p := &places[i]
		all[i] = time.AfterFunc(time.Until(p.due), func() {
			p.late = time.Since(p.due)
			if p.stays {
				left.Done()
			}
		})
	}
	insert = kit.CPU() - insert
	occupied := kit.Resident() - memory
	cancel, stopped := kit.CPU(), 0
	for i, t := range all {
		if i%10 != 0 && t.Stop() {
			stopped++
		}
	}
	cancel = kit.CPU() - cancel
	inTime := time.Now().Before(base)
	fire := kit.CPU()
	left.Wait()
	fire = kit.CPU() - fire

	var late []float64
	for _, p := range places {
		if p.late >= 0 {
			late = append(late, float64(p.late)/1e3)
		}
	}
	sort.Float64s(late)
	right := 0.0
	if inTime && stopped == n/10*9 && len(late) == n/10 {
		right = 1
	}
	if b.Wants("set") {
		b.Emit("set", n, "insert", float64(insert)/count, "ns/timer")
		b.Emit("set", n, "cancel", float64(cancel)/(count*0.9), "ns/timer")
		b.Emit("set", n, "memory", math.Max(0, occupied)/count, "B/timer")
		b.Emit("set", n, "check", right*count, "count")
	}
	if b.Wants("fire") {
		b.Emit("fire", n/10, "p99", late[len(late)*99/100], "us")
		b.Emit("fire", n/10, "p50", late[len(late)/2], "us")
		b.Emit("fire", n/10, "fire", float64(fire)/(count/10), "ns/timer")
		b.Emit("fire", n/10, "check", right*count/10, "count")
	}
}
