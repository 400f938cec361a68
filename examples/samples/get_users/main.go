// The N+1 queries, three ways: one after the other, all at once, ten at a time.
package main

import (
	"fmt"
	"sync"
	"time"
)

func findUser(id int) string {
	time.Sleep(10 * time.Millisecond) // a query
	return fmt.Sprint("user ", id)
}

// Bad: sequential.
func getUsersBad(ids []int) []string {
	users := make([]string, len(ids))
	for i, id := range ids {
		users[i] = findUser(id)
	}
	return users
}

// Good: all at once.
func getUsersGood(ids []int) []string { return getUsersLimited(ids, len(ids)) }

// Best: ten at a time.
func getUsersBest(ids []int) []string { return getUsersLimited(ids, 10) }

func getUsersLimited(ids []int, limit int) []string {
	users := make([]string, len(ids))
	permits := make(chan struct{}, limit)
	var wg sync.WaitGroup
	for i, id := range ids {
		wg.Add(1)
		permits <- struct{}{}
		go func() {
			defer wg.Done()
			users[i] = findUser(id)
			<-permits
		}()
	}
	wg.Wait()
	return users
}

func show(how string, least time.Duration, getUsers func([]int) []string) {
	ids := make([]int, 100)
	for i := range ids {
		ids[i] = i + 1
	}
	began := time.Now()
	users := getUsers(ids)
	soon := ""
	if time.Since(began) < least {
		soon = ", but too soon"
	}
	fmt.Printf("%s: %d users, the last is %s%s\n", how, len(users), users[len(users)-1], soon)
}

func main() {
	show("one after the other", time.Second, getUsersBad)
	show("all at once", 10*time.Millisecond, getUsersGood)
	show("ten at a time", 100*time.Millisecond, getUsersBest)
}
