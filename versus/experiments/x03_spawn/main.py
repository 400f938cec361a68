"""X3 in Python: what it costs to start an asyncio task and to await it."""
import asyncio
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).parents[2] / "kit"))
from kit import Bench


async def task():
    return 1


async def one_by_one(rounds):
    """Start one, wait for it, start the next."""
    done = 0
    for _ in range(rounds):
        done += await asyncio.create_task(task())
    return done


async def thousand(rounds):
    """Start a thousand, then wait for all of them."""
    done = 0
    for _ in range(rounds):
        done += sum(await asyncio.gather(*[task() for _ in range(1000)]))
    return done


async def fanout(rounds):
    """A thousand tasks send one result each on one queue."""
    total = 0
    for _ in range(rounds):
        results = asyncio.Queue(1000)
        tasks = [asyncio.create_task(results.put(i)) for i in range(1000)]
        for _ in tasks:
            total += await results.get()
    return total


async def skynet(num, size):
    """Ten children each, down to the leaves; every one returns its sum to its parent."""
    if size == 1:
        return num
    part = size // 10
    return sum(await asyncio.gather(*[skynet(num + i * part, part) for i in range(10)]))


async def actors(rounds, leaves):
    total = 0
    for _ in range(rounds):
        total += await asyncio.create_task(skynet(0, leaves))
    return total


async def main():
    b = Bench("X3")
    await b.measure("one", 1, one_by_one)
    await b.measure("thousand", 1000, thousand)
    await b.measure("fanout", 1000, fanout)
    leaves = 100_000 if b.quick else 1_000_000
    await b.measure("skynet", leaves, lambda rounds: actors(rounds, leaves))


asyncio.run(main())
