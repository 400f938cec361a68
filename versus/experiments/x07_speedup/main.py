"""X7 in Python: computing on all processors: in asyncio tasks and in threads, which cannot, and in processes; and threads that
wait."""
import asyncio
import math
import os
import pathlib
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

sys.path.append(str(pathlib.Path(__file__).parents[2] / "kit"))
from kit import Bench, cpu, wall

PROCESSORS = len(os.sched_getaffinity(0))


def compute(steps):
    """It calls nothing and waits for nothing; xorshift never gets to zero."""
    x = 1
    for _ in range(steps):
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
    return x


def best_of(b, f):
    """The best of some tries: what a machine that does other things, too, can show."""
    return min(f() for _ in range(3 if b.quick else 7))


def wall_of(f):
    start = wall()
    f()
    return wall() - start


def speedup(b, variant, run_all):
    """How much longer P tasks take than one. run_all(steps) returns the results of P tasks."""
    if not b.wants(variant):
        return
    steps = 80_000 if b.quick else 400_000
    wanted, alone, results = 0, math.inf, []

    def attempt():
        nonlocal wanted, alone, results
        start = wall()
        wanted = compute(steps)
        middle = wall()
        results = run_all(steps)
        alone = min(alone, middle - start)
        return wall() - middle

    together = best_of(b, attempt)
    b.emit(variant, PROCESSORS, "slowdown", together / alone, "times one")
    b.emit(variant, PROCESSORS, "check", sum(r == wanted for r in results), "count")


def in_tasks(steps):
    async def task():
        return compute(steps)

    async def run_all():
        return await asyncio.gather(*[task() for _ in range(PROCESSORS)])

    return asyncio.run(run_all())


def waiting_threads(b):
    if not b.wants("waits"):
        return
    n, right = 16, 0

    def attempt():
        nonlocal right
        start = wall()
        with ThreadPoolExecutor(n) as pool:
            right = sum(t >= 50e6 for t in pool.map(lambda _: wall_of(lambda: time.sleep(0.05)), range(n)))
        return wall() - start

    together = best_of(b, attempt)
    b.emit("waits", n, "slowdown", together / 50e6, "times one")
    b.emit("waits", n, "check", right, "count")


def fine_grained(b):
    """Tasks of a microsecond each."""
    if not b.wants("fine"):
        return
    n, probe = 10_000 if b.quick else 40_000, 100_000

    def cpu_of_probe():
        start = cpu()  # not wall time: on a busy machine that would make the tasks too small
        compute(probe)
        return cpu() - start

    ns = best_of(b, cpu_of_probe)
    steps = max(1, int(1000 * probe / ns))
    right, work, work_wall, took = 0, math.inf, math.inf, math.inf

    async def task():
        return compute(steps) != 0

    async def run_all():
        return sum(await asyncio.gather(*[task() for _ in range(n)]))

    def attempt():
        nonlocal right, work, work_wall, took
        start, c = wall(), cpu()
        for _ in range(n):
            if compute(steps) == 0:
                raise RuntimeError("zero")
        middle, c2 = wall(), cpu()
        work, work_wall = min(work, c2 - c), min(work_wall, middle - start)
        right = asyncio.run(run_all())
        took = min(took, wall() - middle)
        return cpu() - c2

    spent = best_of(b, attempt)
    b.emit("fine", n, "lost", max(0, 100 * (1 - work / spent)), "%")
    b.emit("fine", n, "slowdown", took * PROCESSORS / work_wall, "times one")
    b.emit("fine", n, "check", right, "count")


def main():
    b = Bench("X7")
    speedup(b, "tasks", in_tasks)
    with ThreadPoolExecutor(PROCESSORS) as pool:
        speedup(b, "threads", lambda steps: list(pool.map(compute, [steps] * PROCESSORS)))
    if b.wants("processes"):
        with ProcessPoolExecutor(PROCESSORS) as pool:
            list(pool.map(compute, [1000] * 2 * PROCESSORS))  # they are there
            speedup(b, "processes", lambda steps: list(pool.map(compute, [steps] * PROCESSORS)))
    waiting_threads(b)
    fine_grained(b)


if __name__ == "__main__":
    main()
