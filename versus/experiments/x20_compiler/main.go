// X20 in Go: a small compiler. All processors work at one program: a goroutine for each file, and one table of symbols. Then the same
// by one goroutine.
package main

import (
	"fmt"
	"hash/maphash"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	kit "versus/kit/go"
)

// A type is one character, 'i' or 'b'; so the types of parameters are a string.
type symbol struct {
	parameters string
	result     byte
	id, uses   uint32
}

const hashBasis = 2166136261

func mix(hash, word uint32) uint32 { return (hash ^ word) * 16777619 } // FNV

func idOf(name string) uint32 {
	hash := uint32(hashBasis)
	for i := 0; i < len(name); i++ {
		hash = mix(hash, uint32(name[i]))
	}
	return hash
}

// ---- lex

type token struct {
	kind byte // 'w' word, 'n' number, 'e' "==", 'a' "->", '.' the end; or itself
	text string
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }

func lex(source string) []token {
	var out []token
	for at := 0; at < len(source); {
		begin, c, next := at, source[at], byte(0)
		if at++; at < len(source) {
			next = source[at]
		}
		kind := c
		switch {
		case c == ' ' || c == '\n':
			continue
		case c == '/' && next == '/':
			for at < len(source) && source[at] != '\n' {
				at++
			}
			continue
		case isLetter(c):
			for at < len(source) && (isLetter(source[at]) || isDigit(source[at])) {
				at++
			}
			kind = 'w'
		case isDigit(c):
			for at < len(source) && isDigit(source[at]) {
				at++
			}
			kind = 'n'
		case c == '=' && next == '=':
			at++
			kind = 'e'
		case c == '-' && next == '>':
			at++
			kind = 'a'
		}
		out = append(out, token{kind, source[begin:at]})
	}
	return append(out, token{'.', ""})
}

// ---- parse

type expression struct {
	kind   byte // 'n' number, 'b' true or false, 'v' variable, 'c' call; or an operator: + - * < e
	name   string
	value  uint32 // a number; a variable's slot
	callee symbol
	parts  []*expression
}

type statement struct {
	kind  byte // 'l' let, 'i' if, 'r' return
	name  string
	slot  uint32
	value *expression
	body  []statement
}

type function struct {
	name       string
	parameters []string // their names
	signature  symbol
	body       []statement
}

type parser struct {
	tokens []token
	at     int
}

func (p *parser) refuse() { panic("unexpected " + p.tokens[p.at].text) }
func (p *parser) accept(kind byte) bool {
	if p.tokens[p.at].kind != kind {
		return false
	}
	p.at++
	return true
}
func (p *parser) word(text string) bool {
	if p.tokens[p.at].text != text {
		return false
	}
	p.at++
	return true
}
func (p *parser) expect(kind byte) string {
	text := p.tokens[p.at].text
	if !p.accept(kind) {
		p.refuse()
	}
	return text
}
func (p *parser) typeName() byte {
	if p.word("int") {
		return 'i'
	}
	if !p.word("bool") {
		p.refuse()
	}
	return 'b'
}
func (p *parser) function() *function {
	if !p.word("fn") {
		p.refuse()
	}
	f := &function{name: p.expect('w')}
	var types []byte
	p.expect('(')
	for {
		f.parameters = append(f.parameters, p.expect('w'))
		p.expect(':')
		types = append(types, p.typeName())
		if !p.accept(',') {
			break
		}
	}
	p.expect(')')
	p.expect('a')
	f.signature = symbol{string(types), p.typeName(), idOf(f.name), 0}
	f.body = p.block()
	return f
}
func (p *parser) block() (out []statement) {
	p.expect('{')
	for !p.accept('}') {
		var s statement
		switch {
		case p.word("let"):
			s.kind, s.name = 'l', p.expect('w')
			p.expect('=')
		case p.word("if"):
			s.kind = 'i'
		case p.word("return"):
			s.kind = 'r'
		default:
			p.refuse()
		}
		s.value = p.whole()
		if s.kind == 'i' {
			s.body = p.block()
		} else {
			p.expect(';')
		}
		out = append(out, s)
	}
	return out
}
func binary(kind byte, left, right *expression) *expression {
	return &expression{kind: kind, parts: []*expression{left, right}}
}
func (p *parser) whole() *expression {
	left := p.sum()
	for _, kind := range []byte{'<', 'e'} {
		if p.accept(kind) {
			return binary(kind, left, p.sum())
		}
	}
	return left
}
func (p *parser) sum() *expression {
	for left := p.product(); ; {
		if p.accept('+') {
			left = binary('+', left, p.product())
		} else if p.accept('-') {
			left = binary('-', left, p.product())
		} else {
			return left
		}
	}
}
func (p *parser) product() *expression {
	left := p.atom()
	for p.accept('*') {
		left = binary('*', left, p.atom())
	}
	return left
}
func (p *parser) atom() *expression {
	if p.accept('(') {
		inner := p.whole()
		p.expect(')')
		return inner
	}
	if p.tokens[p.at].kind == 'n' {
		digits := p.expect('n')
		value, _ := strconv.ParseUint(digits, 10, 32)
		return &expression{kind: 'n', name: digits, value: uint32(value)}
	}
	switch name := p.expect('w'); {
	case name == "true":
		return &expression{kind: 'b', name: name, value: 1}
	case name == "false":
		return &expression{kind: 'b', name: name}
	case p.accept('('):
		call := &expression{kind: 'c', name: name}
		for {
			call.parts = append(call.parts, p.whole())
			if !p.accept(',') {
				break
			}
		}
		p.expect(')')
		return call
	default:
		return &expression{kind: 'v', name: name}
	}
}

// ---- the table: sixteen parts, each with a lock of its own

type symbolTable struct {
	seed  maphash.Seed
	parts [16]struct {
		sync.Mutex
		symbols map[string]*symbol
	}
}

func newTable() *symbolTable {
	t := &symbolTable{seed: maphash.MakeSeed()}
	for i := range t.parts {
		t.parts[i].symbols = map[string]*symbol{}
	}
	return t
}
func (t *symbolTable) add(name string, s symbol) {
	part := &t.parts[maphash.String(t.seed, name)%16]
	part.Lock()
	defer part.Unlock()
	if part.symbols[name] != nil {
		panic(name + " is declared twice")
	}
	part.symbols[name] = &s
}
func (t *symbolTable) use(name string) symbol {
	part := &t.parts[maphash.String(t.seed, name)%16]
	part.Lock()
	defer part.Unlock()
	found := part.symbols[name]
	if found == nil {
		panic(name + " is not declared")
	}
	found.uses++
	return *found
}
func (t *symbolTable) checksum() (sum uint32) {
	for i := range t.parts {
		for _, s := range t.parts[i].symbols {
			sum += s.id * s.uses
		}
	}
	return sum
}

// ---- resolve: what names mean

type resolver struct {
	known []string
	table *symbolTable
}

func (r *resolver) block(all []statement) {
	outside := len(r.known)
	for i := range all {
		s := &all[i]
		r.visit(s.value)
		if s.kind == 'l' {
			s.slot = uint32(len(r.known))
			r.known = append(r.known, s.name)
		}
		r.block(s.body)
	}
	r.known = r.known[:outside]
}
func (r *resolver) visit(e *expression) {
	switch e.kind {
	case 'v':
		e.value = r.slot(e.name)
	case 'c':
		e.callee = r.table.use(e.name)
	}
	for _, part := range e.parts {
		r.visit(part)
	}
}
func (r *resolver) slot(name string) uint32 {
	for i := len(r.known) - 1; i >= 0; i-- {
		if r.known[i] == name {
			return uint32(i)
		}
	}
	panic(name + " is not known")
}

// ---- type: whether everything is of the type that is wanted

type checker struct {
	result byte
	known  []byte // types of the slots
}

func want(wanted, found byte) {
	if wanted != found {
		panic("an expression of the wrong type")
	}
}
func (c *checker) block(all []statement) {
	outside := len(c.known)
	for i := range all {
		found := c.typeOf(all[i].value)
		switch all[i].kind {
		case 'l':
			c.known = append(c.known, found)
		case 'i':
			want('b', found)
		case 'r':
			want(c.result, found)
		}
		c.block(all[i].body)
	}
	c.known = c.known[:outside]
}
func (c *checker) typeOf(e *expression) byte {
	switch e.kind {
	case 'n':
		return 'i'
	case 'b':
		return 'b'
	case 'v':
		return c.known[e.value]
	case 'c':
		if len(e.parts) != len(e.callee.parameters) {
			panic("wrong number of arguments")
		}
		for i, part := range e.parts {
			want(e.callee.parameters[i], c.typeOf(part))
		}
		return e.callee.result
	}
	for _, part := range e.parts {
		want('i', c.typeOf(part))
	}
	if e.kind == '<' || e.kind == 'e' {
		return 'b'
	}
	return 'i'
}

// ---- emit: words for a machine with a stack

type emitter struct{ code []uint32 }

func (m *emitter) put(what byte, operand uint32) { m.code = append(m.code, uint32(what), operand) }
func (m *emitter) block(all []statement) {
	for i := range all {
		s := &all[i]
		m.visit(s.value)
		switch s.kind {
		case 'l':
			m.put('l', s.slot)
		case 'r':
			m.put('r', 0)
		case 'i':
			m.put('i', 0) // a jump behind the body
			jump := len(m.code) - 1
			m.block(s.body)
			m.code[jump] = uint32(len(m.code))
		}
	}
}
func (m *emitter) visit(e *expression) {
	for _, part := range e.parts {
		m.visit(part)
	}
	if e.kind == 'c' {
		m.put('c', e.callee.id)
	} else {
		m.put(e.kind, e.value)
	}
}

// ---- the two halves of the work on a file

func declare(source string, table *symbolTable) (file []*function) {
	p := parser{tokens: lex(source)}
	for p.tokens[p.at].kind != '.' {
		f := p.function()
		table.add(f.name, f.signature)
		file = append(file, f)
	}
	return file
}

func finish(file []*function, table *symbolTable) uint32 {
	var out emitter
	for _, f := range file {
		(&resolver{append([]string(nil), f.parameters...), table}).block(f.body)
		(&checker{f.signature.result, []byte(f.signature.parameters)}).block(f.body)
		out.put('f', f.signature.id)
		out.block(f.body)
	}
	hash := uint32(hashBasis)
	for _, word := range out.code {
		hash = mix(hash, word)
	}
	return hash
}

func inOneGoroutine(sources []string) (sum uint32) {
	table := newTable()
	var parsed [][]*function
	for _, source := range sources {
		parsed = append(parsed, declare(source, table))
	}
	for _, file := range parsed {
		sum += finish(file, table)
	}
	return sum + table.checksum()
}

func inAGoroutineEach(sources []string) uint32 {
	table := newTable()
	var sum atomic.Uint32
	var declared, all sync.WaitGroup
	declared.Add(len(sources))
	all.Add(len(sources))
	for _, source := range sources {
		source := source
		go func() {
			defer all.Done()
			file := declare(source, table)
			declared.Done()
			declared.Wait()
			sum.Add(finish(file, table))
		}()
	}
	all.Wait()
	return sum.Load() + table.checksum()
}

type taken struct {
	cpu, wall float64
	sum       uint32
}

func take(pass func([]string) uint32, sources []string) taken {
	cpu, start := kit.CPU(), time.Now()
	sum := pass(sources)
	return taken{float64(kit.CPU() - cpu), float64(time.Since(start)), sum}
}
func (t *taken) keepLeast(other taken) {
	t.cpu, t.wall, t.sum = math.Min(t.cpu, other.cpu), math.Min(t.wall, other.wall), other.sum
}

func repeat(b *kit.Bench, f func()) {
	end := kit.CPU() + 1500*time.Millisecond
	if b.Quick {
		end = kit.CPU() + 150*time.Millisecond
	}
	for i := 0; i < 3 || kit.CPU() < end; i++ {
		f()
	}
}

func main() {
	b := kit.New("X20")
	n := 2000
	if b.Quick {
		n = 200
	}
	text, err := exec.Command(os.Getenv("VERSUS_LOAD"), strconv.Itoa(n)).Output()
	if err != nil {
		fmt.Fprintln(os.Stderr, "VERSUS_LOAD:", err)
		os.Exit(1)
	}
	sources := strings.Split(strings.TrimSuffix(string(text), "\f"), "\f")
	us := 1e-3 / float64(n)
	if b.Wants("one") {
		first := take(inOneGoroutine, sources)
		least := first
		least.cpu = math.Inf(1)
		repeat(b, func() { least.keepLeast(take(inOneGoroutine, sources)) })
		b.Emit("one", n, "cpu", least.cpu*us, "us/file")
		b.Emit("one", n, "first", first.cpu*us, "us/file")
		b.Emit("one", n, "check", float64(least.sum), "count")
	}
	if b.Wants("files") {
		one := taken{math.Inf(1), math.Inf(1), 0}
		all := one
		repeat(b, func() {
			one.keepLeast(take(inOneGoroutine, sources))
			all.keepLeast(take(inAGoroutineEach, sources))
		})
		if all.sum != one.sum {
			all.sum = 0
		}
		b.Emit("files", n, "cpu", all.cpu*us, "us/file")
		b.Emit("files", n, "wall", all.wall*us, "us/file")
		b.Emit("files", n, "slowdown", all.wall*float64(runtime.GOMAXPROCS(0))/one.wall, "times one")
		b.Emit("files", n, "check", float64(all.sum), "count")
	}
}
