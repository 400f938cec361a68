// select: the first of several answers, or a timeout.
package main

import (
	"fmt"
	"time"
)

func mirror(name string, takes time.Duration) <-chan string {
	answer := make(chan string, 1) // room for the answer that nobody waits for any more
	time.AfterFunc(takes, func() { answer <- name })
	return answer
}

// Asks two mirrors and takes the answer that comes first.
func ask(firstTakes, secondTakes time.Duration) string {
	select {
	case answer := <-mirror("first mirror", firstTakes):
		return answer
	case answer := <-mirror("second mirror", secondTakes):
		return answer
	case <-time.After(300 * time.Millisecond):
		return "timeout"
	}
}

func main() {
	fmt.Println(ask(5*time.Millisecond, 250*time.Millisecond))
	fmt.Println(ask(250*time.Millisecond, 5*time.Millisecond))
	fmt.Println(ask(time.Hour, time.Hour))
}
