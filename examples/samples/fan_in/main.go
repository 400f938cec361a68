// Three look-ups at once, which send what they find into one buffered channel.
package main

import (
	"fmt"
	"time"
)

type User struct {
	id   int
	name string
}

func findUser(id int) User {
	time.Sleep(10 * time.Millisecond) // a query
	return User{id, fmt.Sprint("user ", id)}
}

func fetchUser(id int, ch chan<- User) {
	ch <- findUser(id) // send to channel
}

func getUsers(ids []int) []User {
	ch := make(chan User, len(ids)) // buffered channel
	for _, id := range ids {
		go fetchUser(id, ch) // launch goroutine
	}
	users := make([]User, len(ids))
	for i := range ids {
		users[i] = <-ch // receive from channel
	}
	return users
}

func main() {
	for _, u := range getUsers([]int{1, 2, 3}) {
		fmt.Printf("%d: %s\n", u.id, u.name)
	}
}
