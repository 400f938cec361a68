# A chain of asynchronous steps with one handler for its errors, and three that are waited for together.
import asyncio
from dataclasses import dataclass, replace


@dataclass
class User:
    id: int
    name: str
    orders: int = 0


async def fetch_user(id):
    await asyncio.sleep(0.01)
    if id < 0:
        raise ValueError("no user has a negative number")
    return User(id, f"user {id}")


def enrich_user(user):
    return replace(user, name=f"{user.name} (enriched)")


async def fetch_orders(user):
    return replace(user, orders=2)


async def find(id):
    try:
        return await fetch_orders(enrich_user(await fetch_user(id)))
    except ValueError:
        return User(0, "nobody")


async def main():
    for id in (7, -7):
        user = await find(id)
        print(f"{user.name}, {user.orders} orders")
    # combining
    users = await asyncio.gather(fetch_user(1), fetch_user(2), fetch_user(3))
    print(", ".join(user.name for user in users))


asyncio.run(main())
