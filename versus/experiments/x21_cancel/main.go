// X21 in Go: a tree of goroutines with contexts; one task of the root fails, and all others end.
package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	kit "versus/kit/go"
)

const leaves = 10_000

var waiting, ended atomic.Int64

// Group is golang.org/x/sync/errgroup in short: the first error cancels the context.
type Group struct {
	wg     sync.WaitGroup
	cancel context.CancelFunc
	once   sync.Once
	err    error
}

func newGroup(ctx context.Context) (*Group, context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	return &Group{cancel: cancel}, ctx
}

func (g *Group) Go(f func() error) {
	g.wg.Add(1)
	go func() {
		defer g.wg.Done()
		if err := f(); err != nil {
			g.once.Do(func() {
				g.err = err
				g.cancel()
			})
		}
	}()
}

func (g *Group) Wait() error {
	g.wg.Wait()
	g.cancel()
	return g.err
}

func node(ctx context.Context, depth int) error {
	if depth == 0 {
		waiting.Add(1)
		defer ended.Add(1)
		t := time.NewTimer(time.Hour)
		defer t.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
			return nil
		}
	}
	g, ctx := newGroup(ctx)
	for range 10 {
		g.Go(func() error { return node(ctx, depth-1) })
	}
	return g.Wait()
}

func main() {
	b := kit.New("X21")
	runs := 9
	if b.Quick {
		runs = 3
	}
	for range runs {
		waiting.Store(0)
		ended.Store(0)
		g, ctx := newGroup(context.Background())
		g.Go(func() error { return node(ctx, 4) })
		for waiting.Load() != leaves {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(20 * time.Millisecond)
		var cpu time.Duration
		var start time.Time
		g.Go(func() error {
			cpu, start = kit.CPU(), time.Now()
			return errors.New("one fails")
		})
		if g.Wait() != nil {
			b.Emit("tree", leaves, "gone", float64(time.Since(start))/1e3, "us")
			b.Emit("tree", leaves, "cpu", float64(kit.CPU()-cpu)/leaves, "ns/leaf")
			b.Emit("tree", leaves, "check", float64(ended.Load()), "count")
		}
	}
}
