// A worker that is given an array, and sends its sum back.
package main

import "fmt"

func main() {
	workerData := []int{1, 2, 3, 4, 5}
	messages := make(chan int)
	go func() {
		sum := 0
		for _, n := range workerData {
			sum += n
		}
		messages <- sum
	}()
	fmt.Println("Result:", <-messages)
}
