"""X2 in Python: what a waiting asyncio task occupies, by the number of coroutines it awaits through."""
import asyncio
import pathlib
import sys
import threading

sys.path.append(str(pathlib.Path(__file__).parents[2] / "kit"))
from kit import Bench, cpu, resident_kinds, settled, status


async def occupied():
    """What the process occupies once that stands still, by kind."""
    await settled()
    return resident_kinds()


async def deep(depth, gate):
    if depth > 0:
        return await deep(depth - 1, gate) + 1
    await gate.wait()
    return 0


async def waiting(b, variant, n, depth):
    if not b.wants(variant):
        return
    gate = asyncio.Event()
    space, memory, c = status("VmSize"), await occupied(), cpu()
    tasks = [asyncio.create_task(deep(depth, gate)) for _ in range(n)]
    await asyncio.sleep(0)  # every task runs up to its gate
    spent, held, mapped = cpu() - c, await occupied(), status("VmSize") - space
    gate.set()
    woken = sum(d == depth for d in await asyncio.gather(*tasks))
    report(b, variant, n, memory, held, mapped, spent, woken)


async def threads(b, variant, n):
    if not b.wants(variant):
        return
    gate, ready, woken = threading.Event(), threading.Semaphore(0), []

    def wait():
        ready.release()
        gate.wait()
        woken.append(1)

    space, memory, c = status("VmSize"), await occupied(), cpu()
    all_threads = [threading.Thread(target=wait) for _ in range(n)]
    for t in all_threads:
        t.start()
    for _ in all_threads:
        ready.acquire()
    spent, held, mapped = cpu() - c, await occupied(), status("VmSize") - space
    gate.set()
    for t in all_threads:
        t.join()
    report(b, variant, n, memory, held, mapped, spent, len(woken))


def report(b, variant, n, memory, held, space, spent, woken):
    b.emit_memory(variant, n, memory, held, "B/task")
    b.emit(variant, n, "space", space / n, "B/task")
    b.emit(variant, n, "cpu", spent / n, "ns/task")
    b.emit(variant, n, "check", woken, "count")


async def main():
    b = Bench("X2")
    n = 20_000 if b.quick else 100_000
    await waiting(b, "depth0", n, 0)
    await waiting(b, "depth12", n, 12)
    await waiting(b, "depth48", n, 48)
    await threads(b, "thread", 2_000 if b.quick else 4_000)


asyncio.run(main())
