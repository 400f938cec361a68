"""X10 in Python: a hundred queries of 10 ms, one after the other, all at once, ten at a time."""
import asyncio
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).parents[2] / "kit"))
from kit import Bench, cpu, wall

under_way = most = 0


async def find_user(user):
    global under_way, most
    under_way += 1
    most = max(most, under_way)
    await asyncio.sleep(0.01)
    under_way -= 1
    return user


async def one(ids):
    return [await find_user(i) for i in ids]


async def every(ids):
    return await asyncio.gather(*(find_user(i) for i in ids))


async def ten(ids):
    limit = asyncio.Semaphore(10)

    async def limited(i):
        async with limit:
            return await find_user(i)

    return await asyncio.gather(*(limited(i) for i in ids))


async def main():
    global most
    b = Bench("X10")
    for get_users in (one, every, ten):
        variant = get_users.__name__
        if not b.wants(variant):
            continue
        ids = list(range(100))
        most = 0
        c, start = cpu(), wall()
        users = await get_users(ids)
        b.emit(variant, 100, "wall", (wall() - start) / 1e6, "ms")
        b.emit(variant, 100, "cpu", (cpu() - c) / 1e3 / 100, "us/query")
        b.emit(variant, 100, "peak", most, "queries")
        b.emit(variant, 100, "check", 100 if list(users) == ids else 0, "count")


asyncio.run(main())
