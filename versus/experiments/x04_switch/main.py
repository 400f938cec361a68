"""X4 in Python: what it costs to let another asyncio task run."""
import asyncio
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).parents[2] / "kit"))
from kit import Bench


async def yields(rounds):
    """Two tasks yield to each other."""
    async def turn():
        n = 0
        for _ in range(rounds):
            await asyncio.sleep(0)
            n += 1
        return n

    return sum(await asyncio.gather(turn(), turn()))


async def pingpong(rounds):
    """One round trip over two queues of one item: asyncio has no rendezvous."""
    ping, pong = asyncio.Queue(1), asyncio.Queue(1)

    async def echo():
        for _ in range(rounds):
            await pong.put(await ping.get())

    task = asyncio.create_task(echo())
    total = 0
    for i in range(rounds):
        await ping.put(i & 1023)
        total += await pong.get()
    await task
    return total


async def main():
    b = Bench("X4")
    await b.measure("yield", 2, yields)
    await b.measure("pingpong", 1, pingpong)


asyncio.run(main())
