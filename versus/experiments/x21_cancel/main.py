"""X21 in Python: a tree of TaskGroups; one task of the root fails, and all others end."""
import asyncio
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).parents[2] / "kit"))
from kit import Bench, cpu, wall

LEAVES = 10_000
waiting = ended = 0


async def node(depth):
    global waiting, ended
    if depth == 0:
        waiting += 1
        try:
            await asyncio.sleep(3600)
        finally:
            ended += 1
        return
    async with asyncio.TaskGroup() as group:
        for _ in range(10):
            group.create_task(node(depth - 1))


async def main():
    global waiting, ended
    b = Bench("X21")
    for _ in range(3 if b.quick else 9):
        waiting = ended = 0
        began = []

        async def fail():
            while waiting != LEAVES:
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.02)
            began[:] = [cpu(), wall()]
            raise RuntimeError("one fails")

        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(node(4))
                group.create_task(fail())
        except* RuntimeError:
            b.emit("tree", LEAVES, "gone", (wall() - began[1]) / 1e3, "us")
            b.emit("tree", LEAVES, "cpu", (cpu() - began[0]) / LEAVES, "ns/leaf")
            b.emit("tree", LEAVES, "check", ended, "count")


asyncio.run(main())
