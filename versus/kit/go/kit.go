// Package kit times one variant of an experiment and prints the result as JSON lines.
// The same measure, in the same steps, exists for every runtime: see ../../README.md.
package kit

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Bench is one run of one program.
type Bench struct {
	Quick  bool
	exp    string
	suffix string
	wanted map[string]bool
}

// New reads the command line: [--quick] [--processors N] [variant...]
func New(exp string) *Bench {
	b := &Bench{exp: exp, suffix: "@all", wanted: map[string]bool{}}
	for i := 1; i < len(os.Args); i++ {
		switch os.Args[i] {
		case "--quick":
			b.Quick = true
		case "--processors":
			i++
			if n, _ := strconv.Atoi(os.Args[i]); n > 0 {
				runtime.GOMAXPROCS(n)
				b.suffix = "@" + os.Args[i]
			}
		default:
			b.wanted[os.Args[i]] = true
		}
	}
	return b
}

// Wants tells whether this run should measure the variant.
func (b *Bench) Wants(variant string) bool { return len(b.wanted) == 0 || b.wanted[variant] }

// Emit prints one result line.
func (b *Bench) Emit(variant string, n int, metric string, value float64, unit string) {
	fmt.Printf("{\"exp\":%q,\"rt\":\"go\",\"variant\":%q,\"n\":%d,\"metric\":%q,\"value\":%s,\"unit\":%q}\n",
		b.exp, variant+b.suffix, n, metric, strconv.FormatFloat(value, 'f', -1, 64), unit)
}

// EmitLateness tells how late the ticks of a plan were, over time: tick i was due i + 1 periods after the start and ran
// late[i] after that (microseconds, not sorted). The time until the last ran is cut in 300 slots, and the latest tick of
// each is kept.
func (b *Bench) EmitLateness(variant string, late []float64, period float64) {
	const slots = 300
	var at, most [slots]float64
	for i := range most {
		most[i] = -1
	}
	ran := func(i int) float64 { return float64(i+1)*period + late[i] }
	span := 0.0
	for i := range late {
		span = math.Max(span, ran(i))
	}
	for i, l := range late {
		slot := int(ran(i) / span * slots)
		if slot >= slots {
			slot = slots - 1
		}
		if l >= 0 && l > most[slot] {
			at[slot], most[slot] = ran(i), l
		}
	}
	pairs := []string{}
	for i, l := range most {
		if l >= 0 {
			pairs = append(pairs, fmt.Sprintf("[%.0f,%.0f]", at[i], l))
		}
	}
	if len(pairs) == 0 {
		return
	}
	fmt.Printf("{\"exp\":%q,\"rt\":\"go\",\"variant\":%q,\"n\":%d,\"metric\":\"late\",\"unit\":\"us\",\"series\":[%s]}\n",
		b.exp, variant+b.suffix, len(late), strings.Join(pairs, ","))
}

// Measure times f(rounds), where a round is `per` operations, and lets rounds grow until a sample
// is long enough. f returns a count or a sum that shows that the work was done.
func (b *Bench) Measure(variant string, per int, f func(rounds int) int) {
	if !b.Wants(variant) {
		return
	}
	target, reported := 200*time.Millisecond, false
	if b.Quick {
		target = 100 * time.Millisecond
	}
	once := func(rounds int, report bool) time.Duration {
		cpu, start := CPU(), time.Now()
		check := f(rounds)
		wall := time.Since(start)
		if n := rounds * per; report || wall >= 4*target {
			b.Emit(variant, n, "cpu", float64(CPU()-cpu)/float64(n), "ns/op")
			b.Emit(variant, n, "wall", float64(wall)/float64(n), "ns/op")
			b.Emit(variant, n, "check", float64(check), "count")
			reported = true
		}
		return wall
	}
	rounds := 1
	for {
		wall := once(rounds, false)
		if wall >= target/8 {
			rounds = 1 + int(float64(rounds)*float64(target)/float64(wall))
			break
		}
		if wall < target/64 {
			rounds *= 8
		} else {
			rounds *= 2
		}
	}
	if !reported {
		once(rounds, true)
	}
}

// CPU is the processor time of the whole process, user and system.
func CPU() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Status is one field of /proc/self/status: VmRSS and its like in bytes, Threads as it is.
func Status(key string) float64 { return sumOf("/proc/self/status", key+":") }

// The sum of the fields of a file in /proc whose names begin so, those in kB as bytes.
func sumOf(file, prefix string) (sum float64) {
	f, err := os.Open(file)
	if err != nil {
		return 0
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if w := strings.Fields(s.Text()); len(w) > 1 && strings.HasPrefix(w[0], prefix) {
			v, _ := strconv.ParseFloat(w[1], 64)
			if len(w) > 2 {
				v *= 1024
			}
			sum += v
		}
	}
	return sum
}

// Kinds is what the process occupies, by kind: resident pages (stacks and heap), page tables, kernel stacks.
type Kinds struct{ pages, tables, kernel float64 }

// ResidentKinds is Resident by kind.
func ResidentKinds() Kinds { return Kinds{Status("VmRSS"), Status("VmPTE"), 16384 * Status("Threads")} }

// OwnKinds is what other processes have for themselves, by kind, in MiB: pages that they share with nobody, page tables, kernel
// stacks.
func OwnKinds(processes ...int) (k Kinds) {
	for _, id := range processes {
		at := fmt.Sprintf("/proc/%d/", id)
		k.pages += sumOf(at+"smaps_rollup", "Private_") / (1 << 20)
		k.tables += sumOf(at+"status", "VmPTE:") / (1 << 20)
		k.kernel += 16384 * sumOf(at+"status", "Threads:") / (1 << 20)
	}
	return k
}

// EmitMemory prints what n tasks occupy: the figure, and what it consists of.
func (b *Bench) EmitMemory(variant string, n int, before, after Kinds, unit string) {
	tasks := float64(n)
	pages, tables := (after.pages-before.pages)/tasks, (after.tables-before.tables)/tasks
	kernel := (after.kernel - before.kernel) / tasks
	b.Emit(variant, n, "memory", pages+tables+kernel, unit)
	fmt.Printf("{\"exp\":%q,\"rt\":\"go\",\"variant\":%q,\"n\":%d,\"metric\":\"memory\",\"unit\":%q,"+
		"\"parts\":{\"pages\":%f,\"page tables\":%f,\"kernel stacks\":%f}}\n",
		b.exp, variant+b.suffix, n, unit, pages, tables, kernel)
}

// Resident is what the process occupies: pages, page tables, and 16 KiB of kernel stack a thread.
func Resident() float64 { return Status("VmRSS") + Status("VmPTE") + 16384*Status("Threads") }

// Peak is the most that it has occupied so far.
func Peak() float64 { return Status("VmHWM") + Status("VmPTE") + 16384*Status("Threads") }

// Settled is Resident after garbage has been collected and given back, once it stands still.
func Settled() float64 {
	for last := math.Inf(-1); ; {
		runtime.GC()
		debug.FreeOSMemory()
		time.Sleep(20 * time.Millisecond)
		now := Resident()
		if math.Abs(now-last) <= 128<<10 {
			return now
		}
		last = now
	}
}
