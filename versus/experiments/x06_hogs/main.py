"""X6 in Python: how late is a ticker of 1 ms beside asyncio tasks that compute and never await? And the timers of the loop, while a
callback computes, or a process?"""
import asyncio
import concurrent.futures
import os
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).parents[2] / "kit"))
from kit import Bench, cpu, wall


def unit(x):
    """A unit of work. It waits for nothing; xorshift never gets to zero."""
    for _ in range(1000):
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
    return x


async def hog(end):
    """It ends by the clock: nobody else could run to stop it."""
    units, x = 0, 1
    while True:
        x = unit(x)
        units += 1
        if wall() >= end:
            return units if x != 0 else 0


async def alone(quick):
    """CPU time of a unit when nothing else runs."""
    c = cpu()
    units = await hog(wall() + (100e6 if quick else 500e6))
    return (cpu() - c) / units


async def ticker(b, variant, hogs, unit_alone):
    if not b.wants(variant):
        return
    ticks = 300 if b.quick else 1000
    late = []
    c, start = cpu(), wall()

    async def tick():
        for i in range(1, ticks + 1):
            due = start + i * 1_000_000
            while wall() < due:
                await asyncio.sleep((due - wall()) / 1e9)
            late.append((wall() - due) / 1e3)

    end = start + ticks * 1_000_000
    _, *did = await asyncio.gather(tick(), *[hog(end) for _ in range(hogs)])
    spent = cpu() - c
    b.emit_lateness(variant, late, 1000)
    late.sort()
    b.emit(variant, ticks, "p99", late[ticks * 99 // 100], "us")
    b.emit(variant, ticks, "p50", late[ticks // 2], "us")
    b.emit(variant, ticks, "max", late[-1], "us")
    if hogs > 0:
        b.emit(variant, ticks, "work", spent / sum(did) / unit_alone * 100, "% of alone")
    if hogs > len(os.sched_getaffinity(0)):
        b.emit(variant, ticks, "uneven", max(did) / min(did), "times the least")
    b.emit(variant, ticks, "check", 0 if 0 in did else sum(l >= 0 for l in late), "count")


def compute(seconds):
    x, end = 1, wall() + seconds * 1e9
    while wall() < end:
        x = unit(x)
    return x != 0


async def loop_timers(b, variant, heavy=None):
    """The loop with a timer for each millisecond, all set in the beginning. After 50 ms heavy() says who computes."""
    if not b.wants(variant):
        return
    n = 400 if heavy else 1000
    late = [-1.0] * n
    loop = asyncio.get_running_loop()

    def tick(i, due):
        late[i] = max(0.0, (wall() - due) / 1e3)

    for i in range(n):
        loop.call_later((i + 1) / 1e3, tick, i, wall() + (i + 1) * 1_000_000)
    await asyncio.sleep(0.05)
    computed = await heavy() if heavy else True
    while min(late) < 0:
        await asyncio.sleep(0.05)
    b.emit_lateness(variant, late, 1000)
    late.sort()
    b.emit(variant, n, "max", late[-1], "us")
    b.emit(variant, n, "p99", late[n * 99 // 100], "us")
    b.emit(variant, n, "p50", late[n // 2], "us")
    b.emit(variant, n, "check", n if computed else 0, "count")


async def in_a_callback():
    return compute(0.3)


async def main():
    b = Bench("X6")
    unit_alone = await alone(b.quick)
    processors = len(os.sched_getaffinity(0))
    await ticker(b, "hogs0", 0, unit_alone)
    await ticker(b, "hogs1", 1, unit_alone)
    await ticker(b, "hogsP", processors, unit_alone)
    await ticker(b, "hogs4P", 4 * processors, unit_alone)
    await loop_timers(b, "loop")
    await loop_timers(b, "loopHeavy", in_a_callback)
    if b.wants("loopSpawn"):
        with concurrent.futures.ProcessPoolExecutor(1) as pool:
            pool.submit(compute, 0).result()  # it has been started before
            await loop_timers(b, "loopSpawn", lambda: asyncio.get_running_loop().run_in_executor(pool, compute, 0.3))


asyncio.run(main())
