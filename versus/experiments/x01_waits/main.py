"""X1 in Python: many asyncio tasks sleep at the same time."""
import asyncio
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).parents[2] / "kit"))
from kit import Bench, cpu, peak, resident, wall


async def sleepers(b, variant, n, nap):
    if not b.wants(variant):
        return
    woken = 0

    async def sleeper():
        nonlocal woken
        await asyncio.sleep(nap)
        woken += 1

    memory, c, start = resident(), cpu(), wall()
    await asyncio.gather(*[sleeper() for _ in range(n)])
    took = wall() - start
    b.emit(variant, n, "cpu", (cpu() - c) / n, "ns/task")
    b.emit(variant, n, "beyond", took / 1e6 - nap * 1e3, "ms")
    b.emit(variant, n, "memory", (peak() - memory) / n, "B/task")
    b.emit(variant, n, "check", woken, "count")


async def main():
    b = Bench("X1")
    await sleepers(b, "10k", 10_000, 0.1)
    await sleepers(b, "100k", 100_000, 0.1)
    await sleepers(b, "1M", 1_000_000, 1)


asyncio.run(main())
