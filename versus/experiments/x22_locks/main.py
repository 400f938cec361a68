"""X22 in Python: locks: asyncio's, free; those of threads, contended."""
import asyncio
import pathlib
import sys
import threading

sys.path.append(str(pathlib.Path(__file__).parents[2] / "kit"))
from kit import Bench, wall

PER_ROUND = 64


def in_threads(tasks, task):
    threads = [threading.Thread(target=task, args=(i,)) for i in range(tasks)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


async def free(rounds):
    """Lock, add, unlock; nobody else is there."""
    lock, total = asyncio.Lock(), 0
    for _ in range(rounds * PER_ROUND):
        async with lock:
            total += 1
    return total


async def with_limit(rounds):
    lock, total = asyncio.Lock(), 0
    for _ in range(rounds * PER_ROUND):
        async with asyncio.timeout(0.1):
            await lock.acquire()
        total += 1
        lock.release()
    return total


def contenders(tasks):
    async def contended(rounds):
        lock, total = threading.Lock(), 0

        def task(_):
            nonlocal total
            for _ in range(rounds * PER_ROUND // tasks):
                with lock:
                    total += 1

        in_threads(tasks, task)
        return total

    return contended


def work(x):
    """A little work while the lock is held: a tenth of the others' steps."""
    for _ in range(10):
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
    return x


def fairness(b):
    """Eight tasks take the lock as often as they can: by how much does the one that gets it least fall short of the average?"""
    if not b.wants("fair"):
        return
    tasks, span = 8, 200e6 if b.quick else 1e9
    lock, state, total, each = threading.Lock(), 1, 0, [0] * 8
    end = wall() + span

    def task(i):
        nonlocal state, total
        while wall() < end:
            with lock:
                state = work(state)
                total += 1
            each[i] += 1

    in_threads(tasks, task)
    b.emit("fair", total, "short", 100 * (1 - min(each) * tasks / sum(each)), "%")
    b.emit("fair", total, "turn", span / total, "ns/op")
    b.emit("fair", total, "check", sum(each) if state != 0 else 0, "count")


async def main():
    b = Bench("X22")
    await b.measure("free", PER_ROUND, free)
    await b.measure("limit", PER_ROUND, with_limit)
    await b.measure("two", PER_ROUND, contenders(2))
    await b.measure("eight", PER_ROUND, contenders(8))
    await b.measure("many", PER_ROUND, contenders(64))
    fairness(b)


asyncio.run(main())
