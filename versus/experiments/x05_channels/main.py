"""X5 in Python: asyncio's queues, what stands in for select, a lock and a timer."""
import asyncio
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).parents[2] / "kit"))
from kit import Bench


async def send(queue, rounds):
    for i in range(rounds):
        await queue.put(i & 1023)


async def receive(queue, rounds):
    total = 0
    for _ in range(rounds):
        total += await queue.get()
    return total


async def channel(rounds, capacity, pairs):
    """As many pairs of one sender and one receiver on one queue."""
    queue = asyncio.Queue(capacity)
    senders = [asyncio.create_task(send(queue, rounds)) for _ in range(pairs)]
    total = sum(await asyncio.gather(*[receive(queue, rounds) for _ in range(pairs)]))
    await asyncio.gather(*senders)
    return total


async def select(rounds):
    """Whichever of four queues is first: asyncio.wait on four tasks, and ask the winners again."""
    queues = [asyncio.Queue(1) for _ in range(4)]
    senders = [asyncio.create_task(send(q, rounds)) for q in queues]
    pending = {asyncio.create_task(q.get()): q for q in queues}
    total = n = 0
    while n < 4 * rounds:
        done, _ = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            queue = pending.pop(task)
            total += task.result()
            n += 1
            pending[asyncio.create_task(queue.get())] = queue
    for task in pending:
        task.cancel()
    await asyncio.gather(*senders)
    return total


async def default(rounds):
    """Four queues, all empty: get_nowait raises four times."""
    queues = [asyncio.Queue(1) for _ in range(4)]
    defaults = 0
    for _ in range(rounds):
        for queue in queues:
            try:
                queue.get_nowait()
                break
            except asyncio.QueueEmpty:
                pass
        else:
            defaults += 1
    return defaults


async def mutex(rounds):
    lock = asyncio.Lock()
    counter = 0
    for _ in range(rounds):
        async with lock:
            counter += 1
    return counter


async def timer(rounds):
    """Start a timer of an hour, stop it before it fires; the loop drops stopped ones when it runs."""
    loop = asyncio.get_running_loop()
    stopped = 0
    for i in range(rounds):
        loop.call_later(3600, print).cancel()
        stopped += 1
        if i % 1000 == 999:
            await asyncio.sleep(0)
    return stopped


async def main():
    b = Bench("X5")
    await b.measure("buffered", 1, lambda rounds: channel(rounds, 128, 1))
    await b.measure("unbuffered", 1, lambda rounds: channel(rounds, 1, 1))
    await b.measure("mpmc", 4, lambda rounds: channel(rounds, 128, 4))
    await b.measure("select", 4, select)
    await b.measure("default", 1, default)
    await b.measure("mutex", 1, mutex)
    await b.measure("timer", 1, timer)


asyncio.run(main())
