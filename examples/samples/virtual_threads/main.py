# A hundred thousand tasks, each of which waits for a while.
import asyncio

answered = 0


async def request():
    global answered
    await asyncio.sleep(0.1)
    answered += 1


async def main():
    async with asyncio.TaskGroup() as requests:
        for _ in range(100_000):
            requests.create_task(request())
    print(f"{answered} requests")


asyncio.run(main())
