// A chain of asynchronous steps with one handler for its errors, and three that are waited for together.
package main

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

type User struct {
	id     int
	name   string
	orders int
}

func fetchUser(id int) (User, error) {
	time.Sleep(10 * time.Millisecond)
	if id < 0 {
		return User{}, errors.New("no user has a negative number")
	}
	return User{id: id, name: fmt.Sprint("user ", id)}, nil
}

func enrichUser(u User) User {
	u.name += " (enriched)"
	return u
}

func fetchOrders(u User) (User, error) {
	u.orders = 2
	return u, nil
}

func find(id int) (User, error) {
	user, err := fetchUser(id)
	if err != nil {
		return User{}, err
	}
	return fetchOrders(enrichUser(user))
}

func main() {
	for _, id := range []int{7, -7} {
		found := make(chan User)
		go func() {
			user, err := find(id)
			if err != nil {
				user = User{name: "nobody"}
			}
			found <- user
		}()
		user := <-found
		fmt.Printf("%s, %d orders\n", user.name, user.orders)
	}
	// combining
	users := make([]User, 3)
	errs := make([]error, 3)
	var wg sync.WaitGroup
	for i := range users {
		wg.Add(1)
		go func() {
			defer wg.Done()
			users[i], errs[i] = fetchUser(i + 1)
		}()
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		panic(err)
	}
	fmt.Printf("%s, %s, %s\n", users[0].name, users[1].name, users[2].name)
}
