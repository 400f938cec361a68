"""X14 in Python: how deep a task may call, what the way down costs, and what it leaves behind."""
import asyncio
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).parents[2] / "kit"))
from kit import Bench, cpu, settled

CALLS = 2000


def descend(left, reached):
    """One call deeper until left is 0; returns how many calls there were. reached[0] counts them on the way down."""
    reached[0] += 1
    return 1 if left == 1 else descend(left - 1, reached) + 1


def attempt(b, variant, wanted):
    if not b.wants(variant):
        return
    reached = [0]
    try:
        right = descend(wanted, reached) == wanted == reached[0]
    except RecursionError:
        right = 100 < reached[0] < wanted
    b.emit(variant, wanted, "refused", 100 * (1 - reached[0] / wanted), "%")
    b.emit(variant, wanted, "died", 0, "%")  # a RecursionError that was caught
    b.emit(variant, wanted, "untold", 0, "%")
    b.emit(variant, wanted, "check", wanted if right else 0, "count")


async def descents(b):
    """Tasks that descend, wait at a gate, and descend again."""
    if not b.wants("descend"):
        return
    n = 100 if b.quick else 200
    gate, total = asyncio.Event(), []

    async def task():
        total.append(descend(CALLS, [0]))
        await gate.wait()
        total.append(descend(CALLS, [0]))

    memory, first = await settled(), cpu()
    tasks = [asyncio.create_task(task()) for _ in range(n)]
    await asyncio.sleep(0)  # every task runs up to its gate
    first = cpu() - first
    kept = await settled() - memory
    again = cpu()
    gate.set()
    await asyncio.gather(*tasks)
    again = cpu() - again
    b.emit("descend", 2 * n * CALLS, "first", first / (n * CALLS), "ns/call")
    b.emit("descend", 2 * n * CALLS, "again", again / (n * CALLS), "ns/call")
    b.emit("descend", 2 * n * CALLS, "kept", max(0, kept) / 1024 / n, "KiB/task")
    b.emit("descend", 2 * n * CALLS, "check", sum(total), "count")


async def main():
    b = Bench("X14")
    attempt(b, "default", 10_000)
    sys.setrecursionlimit(2_000_000)
    attempt(b, "asked", 1_000_000)
    await descents(b)


asyncio.run(main())
