"""X27 in Python: what futures cost: a link of a chain of callbacks, starting a task and awaiting it, waiting for many."""
import asyncio
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).parents[2] / "kit"))
from kit import Bench


def then(source, f):
    """asyncio has callbacks, not continuations: this is what one makes of them."""
    result = source.get_loop().create_future()
    source.add_done_callback(lambda done: result.set_result(f(done.result())))
    return result


async def chain(rounds):
    """A chain of a thousand continuations on a future that is then fulfilled."""
    total = 0
    for _ in range(rounds):
        first = last = asyncio.get_running_loop().create_future()
        for _ in range(1000):
            last = then(last, lambda n: n + 1)
        first.set_result(0)
        total += await last
    return total


async def link(rounds):
    """One continuation of a future that is fulfilled already, and wait for it."""
    total = 0
    for _ in range(rounds):
        ready = asyncio.get_running_loop().create_future()
        ready.set_result(0)
        total += await then(ready, lambda n: n + 1)
    return total


async def task():
    return 1


async def start(rounds):
    """Start a task, wait for its result."""
    total = 0
    for _ in range(rounds):
        total += await asyncio.create_task(task())
    return total


async def every(rounds):
    """Start a thousand, wait for all results at once."""
    total = 0
    for _ in range(rounds):
        total += sum(await asyncio.gather(*[task() for _ in range(1000)]))
    return total


async def main():
    b = Bench("X27")
    await b.measure("chain", 1000, chain)
    await b.measure("link", 1, link)
    await b.measure("start", 1, start)
    await b.measure("all", 1000, every)


asyncio.run(main())
