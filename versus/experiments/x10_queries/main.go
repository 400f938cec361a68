// X10 in Go: a hundred queries of 10 ms, one after the other, all at once, ten at a time.
package main

import (
	"sync/atomic"
	"time"

	kit "versus/kit/go"
)

var underWay, most atomic.Int64

func findUser(id int) int {
	n := underWay.Add(1)
	for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
	}
	time.Sleep(10 * time.Millisecond)
	underWay.Add(-1)
	return id
}

func one(ids []int) (users []int) {
	for _, id := range ids {
		users = append(users, findUser(id))
	}
	return users
}

func every(ids []int) (users []int) {
	ch := make(chan int, len(ids))
	for _, id := range ids {
		go func() { ch <- findUser(id) }()
	}
	for range ids {
		users = append(users, <-ch)
	}
	return users
}

func ten(ids []int) (users []int) {
	ch := make(chan int, len(ids))
	tokens := make(chan struct{}, 10)
	for _, id := range ids {
		tokens <- struct{}{}
		go func() {
			ch <- findUser(id)
			<-tokens
		}()
	}
	for range ids {
		users = append(users, <-ch)
	}
	return users
}

func measure(b *kit.Bench, variant string, getUsers func([]int) []int) {
	if !b.Wants(variant) {
		return
	}
	ids := make([]int, 100)
	for i := range ids {
		ids[i] = i
	}
	most.Store(0)
	cpu, start := kit.CPU(), time.Now()
	users := getUsers(ids)
	b.Emit(variant, 100, "wall", float64(time.Since(start))/1e6, "ms")
	b.Emit(variant, 100, "cpu", float64(kit.CPU()-cpu)/1e3/100, "us/query")
	b.Emit(variant, 100, "peak", float64(most.Load()), "queries")
	sum := 0
	for _, id := range users {
		sum += id
	}
	right := 0.0
	if sum == 4950 {
		right = 100
	}
	b.Emit(variant, 100, "check", right, "count")
}

func main() {
	b := kit.New("X10")
	measure(b, "one", one)
	measure(b, "every", every)
	measure(b, "ten", ten)
}
