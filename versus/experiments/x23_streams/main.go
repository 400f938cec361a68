// X23 in Go: blocks of 64 KiB from a source through two stages into a sink: io.Pipe, and channels of blocks.
package main

import (
	"io"
	"math"
	"time"

	kit "versus/kit/go"
)

const size = 64 << 10

// Every 64th byte is looked at: the source writes them, the stages add 1 to them, the sink knows what they must be by then.
func fill(b []byte, number int) {
	for i := 0; i < len(b); i += 64 {
		b[i] = byte(number + i/64)
	}
}

func step(b []byte) {
	for i := 0; i < len(b); i += 64 {
		b[i]++
	}
}

func isRight(b []byte, number int) int {
	for i := 0; i < len(b); i += 64 {
		if b[i] != byte(number+i/64+2) {
			return 0
		}
	}
	return 1
}

// The slow sink takes 16 blocks (1 MiB) every 5 ms.
func keepSlow(number int, start time.Time) {
	if number%16 == 15 {
		time.Sleep(time.Until(start.Add(time.Duration((number+1)/16) * 5 * time.Millisecond)))
	}
}

// Bytes: io.Pipe copies from the writer's memory to the reader's, and has no memory of its own.
func copyStage(from *io.PipeReader, to *io.PipeWriter) {
	b := make([]byte, size)
	for {
		if _, err := io.ReadFull(from, b); err != nil {
			to.CloseWithError(err)
			return
		}
		step(b)
		if _, err := to.Write(b); err != nil {
			from.CloseWithError(err)
			return
		}
	}
}

func bytes(n int, slow bool) int {
	rawReader, rawWriter := io.Pipe()
	halfReader, halfWriter := io.Pipe()
	doneReader, doneWriter := io.Pipe()
	go func() {
		b := make([]byte, size)
		for i := 0; i < n; i++ {
			fill(b, i)
			if _, err := rawWriter.Write(b); err != nil {
				return
			}
		}
		rawWriter.Close()
	}()
	go copyStage(rawReader, halfWriter)
	go copyStage(halfReader, doneWriter)
	start, right, b := time.Now(), 0, make([]byte, size)
	for i := 0; ; i++ {
		if _, err := io.ReadFull(doneReader, b); err != nil {
			return right
		}
		right += isRight(b, i)
		if slow {
			keepSlow(i, start)
		}
	}
}

// Blocks: a channel hands them over.
func handStage(from <-chan []byte, to chan<- []byte) {
	for b := range from {
		step(b)
		to <- b
	}
	close(to)
}

func blocks(n int, slow bool, room int) int {
	raw, half, done := make(chan []byte, room), make(chan []byte, room), make(chan []byte, room)
	go func() {
		for i := 0; i < n; i++ {
			b := make([]byte, size)
			fill(b, i)
			raw <- b
		}
		close(raw)
	}()
	go handStage(raw, half)
	go handStage(half, done)
	start, right, i := time.Now(), 0, 0
	for b := range done {
		right += isRight(b, i)
		if slow {
			keepSlow(i, start)
		}
		i++
	}
	return right
}

func measureMemory(b *kit.Bench, variant string, flow func(n int) int) {
	if !b.Wants(variant) {
		return
	}
	n := 2048
	if b.Quick {
		n = 512
	}
	before, cpu, start := kit.Peak(), kit.CPU(), time.Now()
	right := flow(n)
	wall := time.Since(start)
	b.Emit(variant, n, "memory", math.Max(0, kit.Peak()-before)/(1<<20), "MiB")
	b.Emit(variant, n, "time", float64(wall)/1e3/float64(n), "us/block")
	b.Emit(variant, n, "work", float64(kit.CPU()-cpu)/1e3/float64(n), "us/block")
	b.Emit(variant, n, "check", float64(right), "count")
}

func main() {
	b := kit.New("X23")
	b.Measure("bytes", 1, func(n int) int { return bytes(n, false) })
	b.Measure("blocks", 1, func(n int) int { return blocks(n, false, 1) })
	measureMemory(b, "slow", func(n int) int { return bytes(n, true) })
	measureMemory(b, "unlimited", func(n int) int { return blocks(n, true, n) })
}
