# The N+1 queries, three ways: one after the other, all at once, ten at a time.
import asyncio
import time


async def find_user(id):
    await asyncio.sleep(0.01)  # a query
    return f"user {id}"


# Bad: sequential.
async def get_users_bad(ids):
    return [await find_user(id) for id in ids]


# Good: all at once.
async def get_users_good(ids):
    return await asyncio.gather(*(find_user(id) for id in ids))


# Best: ten at a time.
async def get_users_best(ids):
    limit = asyncio.Semaphore(10)

    async def find_limited(id):
        async with limit:
            return await find_user(id)

    return await asyncio.gather(*(find_limited(id) for id in ids))


async def show(how, least, get_users):
    began = time.monotonic()
    users = await get_users(range(1, 101))
    soon = ", but too soon" if time.monotonic() - began < least else ""
    print(f"{how}: {len(users)} users, the last is {users[-1]}{soon}")


async def main():
    await show("one after the other", 1, get_users_bad)
    await show("all at once", 0.009, get_users_good)  # asyncio takes what is due within a clock tick
    await show("ten at a time", 0.09, get_users_best)


asyncio.run(main())
