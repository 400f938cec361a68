"""X29 in Python: how late is a ticker of 1 ms while an asyncio task builds graphs of a million nodes and drops them?"""
import asyncio
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).parents[2] / "kit"))
from kit import Bench, cpu, wall

NODES, PIECE = 1_000_000, 100
# The sum over i from 1 on of (i & 1023) + (i - 1 & 1023) + (other(i) & 1023): to add it up here takes as long as a graph.
EXPECTED = 1531395716


class Node:
    __slots__ = "left", "right", "value"


def other(i):
    return (i * 2654435761 & 0xFFFFFFFF) % i


def link(nodes, first, last, reuse):
    for i in range(first, last):
        node = nodes[i] if reuse else Node()
        node.left = nodes[i - 1] if i else None
        node.right = nodes[other(i)] if i else None
        node.value = i & 1023
        if not reuse:
            nodes.append(node)


async def total(nodes):
    """The others run after every hundred nodes: what holds them up for longer is not this function."""
    out = 0
    for first in range(0, NODES, PIECE):
        await asyncio.sleep(0)
        for node in nodes[first:first + PIECE]:
            if node.left is not None:
                out += node.value + node.left.value + node.right.value
    return out


async def build(until, nodes):
    """Graph after graph; at least one. With a graph to begin with its nodes are linked anew, and none is dropped."""
    built, right, reuse = 0, True, len(nodes) > 0
    start = wall()
    while not (built >= NODES and until.is_set()):
        if not reuse:
            nodes = []
        for first in range(0, NODES, PIECE):
            await asyncio.sleep(0)
            if built >= NODES and until.is_set():
                break
            link(nodes, first, first + PIECE, reuse)
            built += PIECE
        else:
            right = await total(nodes) == EXPECTED and right
    return built, right, wall() - start


async def beside(b, variant, reuse):
    if not b.wants(variant):
        return
    ticks = 600 if b.quick else 2000
    late, until, first = [], asyncio.Event(), []
    if reuse:
        link(first, 0, NODES, False)
    c = cpu()
    building = asyncio.create_task(build(until, first))
    due = wall()
    for _ in range(ticks):
        due += 1_000_000
        while wall() < due:
            await asyncio.sleep((due - wall()) / 1e9)
        late.append((wall() - due) / 1e3)
    until.set()
    built, right, took = await building
    spent = cpu() - c
    b.emit_lateness(variant, late, 1000)
    late.sort()
    b.emit(variant, ticks, "p99", late[ticks * 99 // 100], "us")
    b.emit(variant, ticks, "p50", late[ticks // 2], "us")
    b.emit(variant, ticks, "max", late[-1], "us")
    b.emit(variant, ticks, "node", took / built, "ns/node")
    b.emit(variant, ticks, "cpu", spent / built, "ns/node")
    b.emit(variant, ticks, "check", sum(l >= 0 for l in late) if right else 0, "count")


async def main():
    b = Bench("X29")
    await beside(b, "dropped", False)
    await beside(b, "reused", True)


asyncio.run(main())
