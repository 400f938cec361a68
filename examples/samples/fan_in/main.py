# Three look-ups at once, which hand on what they find as it comes.
import asyncio


async def find_user(id):
    await asyncio.sleep(0.01)  # a query
    return id, f"user {id}"


async def get_users(ids):
    return [await user for user in asyncio.as_completed([find_user(id) for id in ids])]


for id, name in asyncio.run(get_users([1, 2, 3])):
    print(f"{id}: {name}")
