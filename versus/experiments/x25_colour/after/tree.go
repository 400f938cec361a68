// Package after: a report of what a shop sells, six calls deep. The price of an item comes from a server that takes 1 ms.
package after

import "time"

func price(item int) int {
	time.Sleep(time.Millisecond)
	margin := item % 10
	return 100 + margin
}

func line(id int) int {
	first, second := price(2*id), price(2*id+1)
	return 2*first + second
}

func basket(id int) int {
	first, second := line(2*id), line(2*id+1)
	return first + second + 49
}

func customer(id int) int {
	first, second := basket(2*id), basket(2*id+1)
	return first + second
}

func region(id int) int {
	first, second := customer(2*id), customer(2*id+1)
	return first + second
}

// Report is the root of the tree.
func Report(id int) int {
	first, second := region(2*id), region(2*id+1)
	return first + second
}
