"""X19 in Python: programs that are stuck, each in a process of its own; what are we told?"""
import asyncio
import pathlib
import re
import sys
import time

sys.path.append(str(pathlib.Path(__file__).parents[2] / "kit"))
from kit import Bench


def place():
    """Announces the line that it is called in: of a task that is going to be stuck."""
    print("place", sys._getframe(1).f_lineno, flush=True)


async def close():
    c = asyncio.Queue()

    async def consume():
        place(); [await c.get() for _ in iter(int, 1)]

    consumer = asyncio.create_task(consume())
    await c.put(1)  # and nothing that says it was the last
    await consumer


async def group():
    count, done = 4, asyncio.Event()

    async def member():
        nonlocal count
        count -= 1
        if count == 0:
            done.set()

    members = [asyncio.create_task(member()) for _ in range(3)]
    place(); await done.wait()
    await asyncio.gather(*members)


async def promise():
    place(); await asyncio.get_running_loop().create_future()


def start_ring():
    a, b, both = asyncio.Lock(), asyncio.Lock(), asyncio.Barrier(2)

    async def lock_both(first, second):
        async with first:
            await both.wait()
            place(); await second.acquire()

    return [asyncio.create_task(lock_both(a, b)), asyncio.create_task(lock_both(b, a))]


async def locks():
    await asyncio.gather(*start_ring())


async def ring():
    tasks = start_ring()
    await tick(3600)
    await asyncio.gather(*tasks)


async def start_hundred():
    c = asyncio.Queue()

    async def one(i):
        if i == 0:
            place()
        await c.get()

    tasks = [asyncio.create_task(one(99 - i)) for i in range(100)]
    for i in range(97):
        await c.put(i)
    return tasks


async def tick(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        await asyncio.sleep(0.01)


async def hundred():
    await asyncio.gather(*await start_hundred())


async def leak():
    tasks = await start_hundred()
    await tick(0.3)
    del tasks


CASES = [close, group, promise, locks, ring, hundred, leak]
TOLD = re.compile(r"deadlock|unsettled|never ended|still wait", re.I)
WHAT = re.compile(r"\b(receive|mutex|lock|wait_?group|latch|future|promise|queue)\b", re.I)


async def watch(name, limit):
    """Facts that the program did not tell, in percent; ms until it told, or ended, or was given up; whether it was stuck."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "--plant", name, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    text, places, took, begin = "", [], 0, time.monotonic()
    over = begin + limit + 10
    while True:
        try:
            line = (await asyncio.wait_for(child.stdout.readline(), max(over - time.monotonic(), 0.001))).decode()
        except asyncio.TimeoutError:
            child.kill()
            took = took or limit * 1e3
            over = time.monotonic() + 10
            continue
        if line.startswith("place "):
            places.append(line.split()[1])
            if len(places) == 1:
                begin = time.monotonic()
                over = begin + limit
        else:
            text += line
        if not took and (TOLD.search(text) or not line):
            took = (time.monotonic() - begin) * 1e3
        if not line:
            break
    await child.wait()
    is_told = bool(TOLD.search(text))
    where = places and all(f"main.py\", line {n}," in text for n in places)
    facts = sum(map(bool, (is_told, is_told and WHAT.search(text), is_told and where)))
    return 100 * (3 - facts) / 3, took, min(len(places), 1)


async def main():
    b = Bench("X19")
    limit = 3 if b.quick else 10

    async def run(name):
        missing, took, planted = await watch(name, limit)
        b.emit(name, 1, "missing", missing, "%")
        b.emit(name, 1, "time", took, "ms")
        b.emit(name, 1, "check", planted, "count")

    await asyncio.gather(*[run(c.__name__) for c in CASES if b.wants(c.__name__)])


if sys.argv[1:2] == ["--plant"]:
    asyncio.run(globals()[sys.argv[2]]())
else:
    asyncio.run(main())
