// Three ways to count safely: a lock for a block, a lock that is tried for a while, and an atomic.
package main

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// A mutex cannot be tried for a while; a channel can.
type timedLock chan struct{}

func (l timedLock) tryLock(atMost time.Duration) bool {
	timer := time.NewTimer(atMost)
	defer timer.Stop()
	select {
	case l <- struct{}{}:
		return true
	case <-timer.C:
		return false
	}
}

func (l timedLock) unlock() { <-l }

func main() {
	var lock sync.Mutex
	timed := make(timedLock, 1)
	var guarded, tried int
	var counter atomic.Int64

	count := func() {
		lock.Lock()
		defer lock.Unlock()
		guarded++
	}
	var four sync.WaitGroup
	for i := 0; i < 4; i++ {
		four.Add(1)
		go func() {
			defer four.Done()
			for n := 0; n < 1_000; n++ {
				count()
				for !timed.tryLock(100 * time.Millisecond) {
				}
				tried++
				timed.unlock()
				counter.Add(1)
			}
		}()
	}
	four.Wait()
	fmt.Println(guarded, tried, counter.Load())
}
