# The first of several answers, or a timeout.
import asyncio


# Asks two mirrors and takes the answer that comes first.
async def ask(first_takes, second_takes):
    mirrors = [
        asyncio.create_task(asyncio.sleep(first_takes, "first mirror")),
        asyncio.create_task(asyncio.sleep(second_takes, "second mirror")),
    ]
    done, late = await asyncio.wait(mirrors, timeout=0.3, return_when=asyncio.FIRST_COMPLETED)
    for task in late:
        task.cancel()
    return done.pop().result() if done else "timeout"


async def main():
    print(await ask(0.005, 0.25))
    print(await ask(0.25, 0.005))
    print(await ask(3600, 3600))


asyncio.run(main())
