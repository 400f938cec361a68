"""X20 in Python: a small compiler: in one function; in chunks on asyncio's loop; and in a process for each processor. Processes share no
objects, so each has a copy of the table of symbols: they send what their files declare, and get the whole back."""
import asyncio
import math
import multiprocessing
import os
import pathlib
import re
import subprocess
import sys

sys.path.append(str(pathlib.Path(__file__).parents[2] / "kit"))
from kit import Bench, cpu, wall

HASH_BASIS = 2166136261
MASK = 0xFFFFFFFF


def checksum(words):
    """FNV, by words."""
    value = HASH_BASIS
    for word in words:
        value = (value ^ word) * 16777619 & MASK
    return value


# ---- lex: a token is a kind and a text; kinds are "w" word, "n" number, "e" "==", "a" "->", "." the end; or the character itself

TOKEN = re.compile(r"[ \n]+|//[^\n]*|(?P<w>[A-Za-z_][A-Za-z0-9_]*)|(?P<n>[0-9]+)|(?P<e>==)|(?P<a>->)|(?P<other>.)")


def lex(source):
    tokens = []
    for found in TOKEN.finditer(source):
        kind = found.lastgroup
        if kind is not None:
            text = found.group()
            tokens.append((text if kind == "other" else kind, text))
    tokens.append((".", ""))
    return tokens


# ---- parse. An expression's kind is "n" number, "b" true or false, "v" variable, "c" call; or an operator: + - * < e. A statement's is
# "l" let, "i" if, "r" return. A type is one character, "i" or "b"; so the types of parameters are a string.

class Symbol:
    __slots__ = ("parameters", "result", "id", "uses")

    def __init__(self, parameters, result, id_):
        self.parameters, self.result, self.id, self.uses = parameters, result, id_, 0


class Expression:
    __slots__ = ("kind", "name", "value", "callee", "parts")

    def __init__(self, kind, name="", value=0, parts=()):
        self.kind, self.name, self.value, self.callee, self.parts = kind, name, value, None, parts


class Statement:
    __slots__ = ("kind", "name", "slot", "value", "body")

    def __init__(self, kind):
        self.kind, self.name, self.slot, self.value, self.body = kind, "", 0, None, ()


class Function:
    __slots__ = ("name", "parameters", "signature", "body")


class Parser:
    def __init__(self, source):
        self.tokens = lex(source)
        self.at = 0

    def file(self):
        out = []
        while self.tokens[self.at][0] != ".":
            out.append(self.function())
        return out

    def refuse(self):
        raise SyntaxError(f"unexpected {self.tokens[self.at][1]}")

    def accept(self, kind):
        if self.tokens[self.at][0] != kind:
            return False
        self.at += 1
        return True

    def word(self, text):
        if self.tokens[self.at][1] != text:
            return False
        self.at += 1
        return True

    def expect(self, kind):
        found, text = self.tokens[self.at]
        if found != kind:
            self.refuse()
        self.at += 1
        return text

    def type(self):
        return "i" if self.word("int") else "b" if self.word("bool") else self.refuse()

    def function(self):
        if not self.word("fn"):
            self.refuse()
        f = Function()
        f.name, f.parameters, types = self.expect("w"), [], ""
        self.expect("(")
        while True:
            f.parameters.append(self.expect("w"))
            self.expect(":")
            types += self.type()
            if not self.accept(","):
                break
        self.expect(")")
        self.expect("a")
        f.signature = Symbol(types, self.type(), checksum(f.name.encode()))
        f.body = self.block()
        return f

    def block(self):
        out = []
        self.expect("{")
        while not self.accept("}"):
            s = Statement("l" if self.word("let") else "i" if self.word("if") else "r" if self.word("return")
                          else self.refuse())
            if s.kind == "l":
                s.name = self.expect("w")
                self.expect("=")
            s.value = self.whole()
            if s.kind == "i":
                s.body = self.block()
            else:
                self.expect(";")
            out.append(s)
        return out

    def whole(self):
        left = self.sum()
        kind = self.tokens[self.at][0]
        if kind in "<e":
            self.at += 1
            return Expression(kind, parts=(left, self.sum()))
        return left

    def sum(self):
        left = self.product()
        while (kind := self.tokens[self.at][0]) in "+-":
            self.at += 1
            left = Expression(kind, parts=(left, self.product()))
        return left

    def product(self):
        left = self.atom()
        while self.accept("*"):
            left = Expression("*", parts=(left, self.atom()))
        return left

    def atom(self):
        if self.accept("("):
            inner = self.whole()
            self.expect(")")
            return inner
        if self.tokens[self.at][0] == "n":
            digits = self.expect("n")
            return Expression("n", digits, int(digits))
        name = self.expect("w")
        if name == "true" or name == "false":
            return Expression("b", name, int(name == "true"))
        if not self.accept("("):
            return Expression("v", name)
        call = Expression("c", name, parts=[self.whole()])
        while self.accept(","):
            call.parts.append(self.whole())
        self.expect(")")
        return call


# ---- resolve: what names mean. The table is a dict from names to symbols, in which uses are counted.

def resolve(f, table):
    known = list(f.parameters)

    def visit(e):
        if e.kind == "v":
            for i in range(len(known) - 1, -1, -1):
                if known[i] == e.name:
                    e.value = i
                    break
            else:
                raise NameError(f"{e.name} is not known")
        elif e.kind == "c":
            e.callee = table.get(e.name)
            if e.callee is None:
                raise NameError(f"{e.name} is not declared")
            e.callee.uses += 1
        for part in e.parts:
            visit(part)

    def block(statements):
        outside = len(known)
        for s in statements:
            visit(s.value)
            if s.kind == "l":
                s.slot = len(known)
                known.append(s.name)
            block(s.body)
        del known[outside:]

    block(f.body)


# ---- type: whether everything is of the type that is wanted

def want(wanted, found):
    if wanted != found:
        raise TypeError("an expression of the wrong type")


def check(f):
    known = list(f.signature.parameters)  # types of the slots

    def type_of(e):
        if e.kind == "n":
            return "i"
        if e.kind == "b":
            return "b"
        if e.kind == "v":
            return known[e.value]
        if e.kind == "c":
            if len(e.parts) != len(e.callee.parameters):
                raise TypeError("wrong number of arguments")
            for wanted, part in zip(e.callee.parameters, e.parts):
                want(wanted, type_of(part))
            return e.callee.result
        for part in e.parts:
            want("i", type_of(part))
        return "b" if e.kind in "<e" else "i"

    def block(statements):
        outside = len(known)
        for s in statements:
            found = type_of(s.value)
            if s.kind == "l":
                known.append(found)
            else:
                want("b" if s.kind == "i" else f.signature.result, found)
            block(s.body)
        del known[outside:]

    block(f.body)


# ---- emit: words for a machine with a stack

def emit(f, out):
    def visit(e):
        for part in e.parts:
            visit(part)
        out.append(ord(e.kind))
        out.append(e.callee.id if e.kind == "c" else e.value)

    def block(statements):
        for s in statements:
            visit(s.value)
            out.append(ord(s.kind))
            out.append(s.slot)
            if s.kind == "i":  # a jump behind the body
                jump = len(out) - 1
                block(s.body)
                out[jump] = len(out)

    out += ord("f"), f.signature.id
    block(f.body)


# ---- the two halves of the work on a file

def declare(source, table):
    file = Parser(source).file()
    for f in file:
        if f.name in table:
            raise NameError(f"{f.name} is declared twice")
        table[f.name] = f.signature
    return file


def finish(file, table):
    out = []
    for f in file:
        resolve(f, table)
        check(f)
        emit(f, out)
    return checksum(out)


def checksum_of(table):
    return sum(s.id * s.uses for s in table.values())


def in_one_function(sources):
    table = {}
    parsed = [declare(source, table) for source in sources]
    return (sum(finish(file, table) for file in parsed) + checksum_of(table)) & MASK


def in_chunks(sources):
    """A file at a time, so that whatever else the loop has to do gets its turn."""
    async def run():
        table, parsed, total = {}, [], 0
        for source in sources:
            parsed.append(declare(source, table))
            await asyncio.sleep(0)
        for file in parsed:
            total += finish(file, table)
            await asyncio.sleep(0)
        return (total + checksum_of(table)) & MASK

    return asyncio.run(run())


def work(questions):
    """What a process does. With the last answer it tells what CPU time it took."""
    while (sources := questions.recv()) is not None:
        begin, table = cpu(), {}
        parsed = [declare(source, table) for source in sources]
        questions.send([(name, s.parameters, s.result, s.id) for name, s in table.items()])
        table = {name: Symbol(*rest) for name, *rest in questions.recv()}
        total = sum(finish(file, table) for file in parsed) + checksum_of(table)
        questions.send((total, cpu() - begin))


def in_processes(pipes, sources):
    part = math.ceil(len(sources) / len(pipes))
    for i, pipe in enumerate(pipes):
        pipe.send(sources[i * part:(i + 1) * part])
    symbols = [s for pipe in pipes for s in pipe.recv()]
    for pipe in pipes:
        pipe.send(symbols)
    totals, times = zip(*(pipe.recv() for pipe in pipes))
    return sum(totals) & MASK, sum(times)


def take(run, *arguments):
    c, t = cpu(), wall()
    total = run(*arguments)
    return cpu() - c, wall() - t, total


def alone(b, variant, run, sources):
    if not b.wants(variant):
        return
    n = len(sources)
    first = take(run, sources)
    rest = [take(run, sources) for _ in range(1 if b.quick else 3)]
    b.emit(variant, n, "cpu", min(cpu for cpu, _, _ in rest) / n / 1e3, "us/file")
    b.emit(variant, n, "first", first[0] / n / 1e3, "us/file")
    b.emit(variant, n, "check", rest[-1][2], "count")


def together(b, sources):
    if not b.wants("workers"):
        return
    n, pipes, children = len(sources), [], []
    for _ in range(len(os.sched_getaffinity(0))):
        ours, theirs = multiprocessing.Pipe()
        children.append(multiprocessing.Process(target=work, args=(theirs,), daemon=True))
        children[-1].start()
        theirs.close()
        pipes.append(ours)
    one = all_ = spent = math.inf
    for _ in range(1 if b.quick else 3):
        _, took, wanted = take(in_one_function, sources)
        one = min(one, took)
        ours, took, (total, theirs) = take(in_processes, pipes, sources)
        spent = min(spent, ours + theirs)
        all_ = min(all_, took)
        if total != wanted:
            raise RuntimeError("another program")
    for pipe in pipes:
        pipe.send(None)
    for child in children:
        child.join()
    b.emit("workers", n, "cpu", spent / n / 1e3, "us/file")
    b.emit("workers", n, "wall", all_ / n / 1e3, "us/file")
    b.emit("workers", n, "slowdown", all_ * len(pipes) / one, "times one")
    b.emit("workers", n, "check", total, "count")


def main():
    b = Bench("X20")
    load = subprocess.run([os.environ["VERSUS_LOAD"], str(200 if b.quick else 2000)], stdout=subprocess.PIPE, check=True)
    sources = load.stdout.decode("latin1").split("\f")[:-1]
    alone(b, "one", in_one_function, sources)
    alone(b, "chunks", in_chunks, sources)
    together(b, sources)


if __name__ == "__main__":
    main()
