"""X6 in Python: how late is a ticker of 1 ms beside asyncio tasks that compute and never await?"""
import asyncio
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
    b.emit(variant, ticks, "check", 0 if 0 in did else sum(l >= 0 for l in late), "count")


async def main():
    b = Bench("X6")
    unit_alone = await alone(b.quick)
    processors = len(os.sched_getaffinity(0))
    await ticker(b, "hogs0", 0, unit_alone)
    await ticker(b, "hogs1", 1, unit_alone)
    await ticker(b, "hogsP", processors, unit_alone)
    await ticker(b, "hogs4P", 4 * processors, unit_alone)


asyncio.run(main())
