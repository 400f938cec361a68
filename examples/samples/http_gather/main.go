// Users are fetched by HTTP, all at once, over connections that are kept.
package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
)

func fetchUser(session *http.Client, site string, id int) (string, error) {
	response, err := session.Get(fmt.Sprintf("%s/users/%d", site, id))
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

func getUsers(session *http.Client, site string, ids []int) ([]string, error) {
	users := make([]string, len(ids))
	errs := make([]error, len(ids))
	var wg sync.WaitGroup
	for i, id := range ids {
		wg.Add(1)
		go func() {
			defer wg.Done()
			users[i], errs[i] = fetchUser(session, site, id)
		}()
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return users, nil
}

func main() {
	// Answers when three have asked: who asks for one after the other waits for ever.
	var three sync.WaitGroup
	three.Add(3)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		three.Done()
		three.Wait()
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id":%s}`, strings.TrimPrefix(r.URL.Path, "/users/"))
	}))
	defer server.Close()
	users, err := getUsers(server.Client(), server.URL, []int{1, 2, 3})
	if err != nil {
		panic(err)
	}
	for _, user := range users {
		fmt.Println(user)
	}
}
