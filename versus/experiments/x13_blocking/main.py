"""X13 in Python: blocking calls in the threads of an executor beside an asyncio task that computes; and a
thousand such calls at once. time.sleep() is the kernel's sleep, and gives up the interpreter's lock."""
import asyncio
import pathlib
import sys
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.append(str(pathlib.Path(__file__).parents[2] / "kit"))
from kit import Bench, cpu, status, wall


def unit(x):
    """A unit of work. It waits for nothing; xorshift never gets to zero."""
    for _ in range(1000):
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
    return x


async def compute(end):
    units, x = 0, 1
    while wall() < end and x != 0:
        x = unit(x)
        units += 1
    return units


def blocking_call(seconds):
    """False if it was too short."""
    start = wall()
    time.sleep(seconds)
    return wall() - start >= seconds * 1e9


async def compute_beside(callers, seconds):
    """Units of work per second, calls, those that were long enough, threads, seconds."""
    start = wall()
    end = start + seconds * 1e9

    def caller():
        done = [blocking_call(0.001)]
        while wall() < end:
            done.append(blocking_call(0.001))
        return done

    with ThreadPoolExecutor(max(callers, 1)) as pool:
        loop = asyncio.get_running_loop()
        calling = [loop.run_in_executor(pool, caller) for _ in range(callers)]
        units = await compute(end)
        took = (wall() - start) / 1e9
        threads = status("Threads")
        done = [ok for each in await asyncio.gather(*calling) for ok in each]
    return units / took, len(done), sum(done), threads, took


async def beside(b):
    if not b.wants("beside"):
        return
    callers = 64
    nap = 0.15 if b.quick else 0.5
    before, *_ = await compute_beside(0, nap)
    rate, calls, right, threads, took = await compute_beside(callers, 0.5 if b.quick else 1.5)
    after, *_ = await compute_beside(0, nap)
    alone = (before + after) / 2
    b.emit("beside", calls, "lost", max(0, 100 * (1 - rate / alone)), "%")
    b.emit("beside", calls, "call", callers * took * 1e6 / calls, "us")
    b.emit("beside", calls, "threads", threads, "threads")
    b.emit("beside", calls, "check", right, "count")


async def thousand(b, variant):
    if not b.wants(variant):
        return
    n = 1000
    c, start = cpu(), wall()
    with ThreadPoolExecutor(n) as pool:
        loop = asyncio.get_running_loop()
        done = await asyncio.gather(*[loop.run_in_executor(pool, blocking_call, 0.1) for _ in range(n)])
        took = wall() - start
        c = cpu() - c
    b.emit(variant, n, "wall", took / 1e6, "ms")
    b.emit(variant, n, "cpu", c / 1e3 / n, "us/call")
    b.emit(variant, n, "check", sum(done), "count")


async def main():
    b = Bench("X13")
    await beside(b)
    await thousand(b, "thousand")
    await thousand(b, "told")  # the same: who uses an executor has told


asyncio.run(main())
