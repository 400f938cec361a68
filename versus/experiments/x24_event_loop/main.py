"""X24 in Python: those of Node's programs that asyncio can say, and what a turn of its loop costs.

There is one queue, for what Node has three for: call_soon stands for microtasks and for immediates. What has ticks, close callbacks,
intervals, handles that keep nothing, or rejections is not said.
"""
import asyncio
import os
import pathlib
import sys
import time

sys.path.append(str(pathlib.Path(__file__).parents[2] / "kit"))
from kit import Bench

given, printed = [], []


def log(word):
    printed.append(word)


def say(word):
    given.append(word)
    return lambda *_: log(word)


def burn(ms):
    end = time.monotonic() + ms / 1e3
    while time.monotonic() < end:
        pass


def from_a_timer_the_immediate_before_the_timeout(loop):
    def timer():
        log("timer")
        loop.call_later(0, say("timeout"))
        loop.call_soon(say("immediate"))

    loop.call_later(0, timer)


def from_an_operation_the_immediate_before_the_timeout(loop):
    def done(_):
        log("done")
        loop.call_later(0, say("timeout"))
        loop.call_soon(say("immediate"))
        burn(5)

    loop.run_in_executor(None, os.stat, ".").add_done_callback(done)


def from_an_immediate_the_timeout_before_the_next_immediate(loop):
    def first():
        log("first")
        loop.call_later(0, say("timeout"))
        loop.call_soon(say("immediate"))
        burn(5)

    loop.call_soon(first)


def an_immediate_of_an_immediate_waits_for_the_next_turn(loop):
    def first():
        log("i1")
        loop.call_soon(say("i3"))
        loop.call_later(0.001, say("timer"))
        burn(5)

    loop.call_soon(first)
    loop.call_soon(say("i2"))


def an_immediate_that_an_earlier_one_clears(loop):
    def first():
        log("i1")
        i2.cancel()

    loop.call_soon(first)
    i2 = loop.call_soon(say("i2"))
    loop.call_soon(say("i3"))


def no_time_and_negative_time_are_a_millisecond(loop):
    loop.call_later(0.001, say("one"))
    loop.call_later(0, say("zero"))
    loop.call_later(-0.005, say("negative"))
    burn(10)


def of_two_overdue_the_one_that_was_due_first(loop):
    loop.call_later(0.020, say("two"))
    loop.call_later(0.001, say("one"))
    burn(30)


def those_of_one_duration_together(loop):
    loop.call_later(0.010, say("a1"))
    loop.call_later(0.015, say("b"))
    burn(10)
    loop.call_later(0.010, say("a2"))
    burn(30)


def one_that_an_earlier_one_clears(loop):
    def first():
        log("t1")
        t2.cancel()

    loop.call_later(0.001, first)
    t2 = loop.call_later(0.001, say("t2"))
    loop.call_later(0.001, say("t3"))
    burn(5)


def an_exception_that_is_handled(loop):
    def first():
        log("t1")
        raise RuntimeError("no")

    loop.set_exception_handler(say("caught"))
    loop.call_later(0.001, first)
    loop.call_later(0.001, say("t2"))
    burn(5)


def two_chains_take_turns(loop):
    def chain(*words):
        first = before = loop.create_future()
        for word in words:
            after = loop.create_future()
            before.add_done_callback(lambda _, word=word, after=after: (log(word), after.set_result(None)))
            before = after
        first.set_result(None)

    chain("a", "b", "c")
    chain("x", "y")


def async_functions_take_turns_where_they_await(loop):
    async def f():
        log("f1")
        await asyncio.sleep(0)
        log("f2")
        await asyncio.sleep(0)
        log("f3")

    async def g():
        log("g1")
        await asyncio.sleep(0)
        log("g2")

    tasks.extend((loop.create_task(f()), loop.create_task(g())))
    log("main")


def reactions_after_what_resolves(loop):
    def timer():
        p.set_result(1)
        log("timer")

    p = loop.create_future()
    for word in ("r1", "r2", "r3"):
        p.add_done_callback(say(word))
    loop.call_later(0.001, timer)
    loop.call_later(0.001, say("next"))
    burn(5)


def all_waits_for_the_last(loop):
    async def after(seconds, word):
        await asyncio.sleep(seconds)
        log(word)

    both = asyncio.gather(after(0.020, "t2"), after(0.001, "t1"))
    both.add_done_callback(say("all"))
    tasks.append(both)


tasks = []  # a loop only holds them weakly


def look(program, words):
    given.clear()
    printed.clear()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.call_soon(program, loop)
    loop.call_later(0.1, loop.stop)  # it has no end by itself
    loop.run_forever()
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    asyncio.set_event_loop(None)
    return {"whole": sorted(printed) == sorted(words), "differs": printed != words,
            "jumped": [w for w in given if w in printed] != [w for w in printed if w in given]}


def print_orders(b, row, cases):
    if not b.wants(row):
        return
    mine = [(globals().get(program), words) for at, program, words in cases if at == row]
    seen = [look(program, words) for program, words in mine if program is not None]
    n = len(seen)
    b.emit(row, n, "differs", 100 * sum(s["differs"] for s in seen) / n, "%")
    if row == "phases":
        b.emit(row, n, "jumped", 100 * sum(s["jumped"] for s in seen) / n, "%")
    b.emit(row, n, "unsaid", 100 * (len(mine) - n) / len(mine), "%")
    b.emit(row, n, "check", sum(s["whole"] for s in seen), "count")


async def in_turns(n):
    """Callbacks, each of which gives the next one."""
    loop = asyncio.get_running_loop()
    end, done = loop.create_future(), 0

    def again():
        nonlocal done
        done += 1
        if done < n:
            loop.call_soon(again)
        else:
            end.set_result(done)

    loop.call_soon(again)
    return await end


def main():
    b = Bench("X24")
    cases = []
    for line in pathlib.Path(__file__).with_name("orders.txt").read_text().splitlines():
        if not line.startswith("#"):
            name, words = line.split(": ")
            cases.append((*name.split(), words.split()))
    for row in ("phases", "timers", "promises"):
        print_orders(b, row, cases)
    asyncio.run(b.measure("turn", 1, in_turns))


main()
