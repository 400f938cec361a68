"""X17 in Python: calls to pools of processes, what a process of one occupies, and what is left when one dies."""
import asyncio
import multiprocessing
import os
import pathlib
import signal
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.shared_memory import SharedMemory

sys.path.append(str(pathlib.Path(__file__).parents[2] / "kit"))
from kit import Bench, own_kinds, wall

MEBIBYTE = 1 << 20
shared = None  # of a worker
heap = []  # of the owner; a forked worker has it, too


def attach(name):
    global shared
    shared = SharedMemory(name)


# What the processes are called for.
def next_of(i):
    return i + 1


def touch(data):
    data[0] = data[0] + 1 & 255
    data[-1] = data[-1] + 1 & 255
    return data


def touch_shared():
    touch(shared.buf)


def nap(ms):
    time.sleep(ms / 1e3)
    return ms


def read_heap(ms):
    return nap(ms) if sum(map(len, heap)) == 32 * 760_000 else 0


def die():
    nap(20)
    os.kill(os.getpid(), signal.SIGKILL)


async def time_calls(b, variant, n, call):
    """One call after the other; call(i) says whether the answer was right."""
    if not b.wants(variant):
        return
    n = n if b.quick else 10 * n
    for i in range(n // 10):
        await call(i)
    right, start = 0, wall()
    for i in range(n):
        right += await call(i)
    b.emit(variant, n, "wall", (wall() - start) / 1e3 / n, "us/call")
    b.emit(variant, n, "check", right, "count")


async def time_all_calls(b):
    loop, data, memory = asyncio.get_running_loop(), bytearray(MEBIBYTE), SharedMemory(create=True, size=MEBIBYTE)

    def mark(every, i):
        every[0] = every[MEBIBYTE - 1] = i & 255

    def is_touched(seen, i):
        return seen[0] == seen[MEBIBYTE - 1] == i + 1 & 255

    with ProcessPoolExecutor(2, initializer=attach, initargs=[memory.name]) as pool, ThreadPoolExecutor(2) as threads:
        async def call(i):
            return await loop.run_in_executor(pool, next_of, i) == i + 1

        async def call_copied(i):
            mark(data, i)
            return is_touched(await loop.run_in_executor(pool, touch, data), i)

        async def call_shared(i):
            mark(memory.buf, i)
            await loop.run_in_executor(pool, touch_shared)
            return is_touched(memory.buf, i)

        async def call_thread(i):
            mark(data, i)
            return is_touched(await loop.run_in_executor(threads, touch, data), i)

        await time_calls(b, "call", 1000, call)
        await time_calls(b, "copied", 30, call_copied)
        await time_calls(b, "shared", 300, call_shared)
        await time_calls(b, "thread", 1000, call_thread)
    memory.close()
    memory.unlink()


async def time_other_pool(b):
    if not b.wants("pool"):
        return
    with multiprocessing.Pool(2) as pool:
        async def call(i):
            return pool.apply(next_of, [i]) == i + 1

        await time_calls(b, "pool", 1000, call)


def weigh_workers(b, variant, call, method=None):
    global heap
    if not b.wants(variant):
        return
    heap = ["%032d" % i for i in range(760_000)]  # 64 MiB
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as pool:
        results = list(pool.map(call, [20, 20]))
        own = [own_kinds(child.pid) for child in multiprocessing.active_children()]
    b.emit_memory(variant, 2, (0, 0, 0), [sum(kind) for kind in zip(*own)], "MiB/worker")
    b.emit(variant, 2, "check", len(own) if results == [20, 20] else 0, "count")


async def kill_a_worker(b, variant, submit):
    """submit(f, *arguments) returns an awaitable."""
    limit = 1 if b.quick else 5
    await asyncio.gather(submit(nap, 20), submit(nap, 20))
    processes = multiprocessing.active_children()
    start = wall()
    doomed = asyncio.ensure_future(submit(die))
    others = [submit(nap, 50) for _ in range(7)]
    told = limit * 1e3
    try:
        await asyncio.wait_for(doomed, limit)
    except asyncio.TimeoutError:
        pass
    except Exception:
        told = (wall() - start) / 1e6
    others += [submit(nap, 5) for _ in range(4)]
    results = await asyncio.gather(*[asyncio.wait_for(o, limit) for o in others], return_exceptions=True)
    good = sum(isinstance(r, int) for r in results)
    b.emit(variant, 1, "lost", 100 * (11 - good) / 11, "%")
    b.emit(variant, 1, "told", told, "ms")
    b.emit(variant, 1, "check", sum(p.exitcode == -signal.SIGKILL for p in processes), "count")


async def kill_a_worker_of_an_executor(b):
    if not b.wants("death"):
        return
    with ProcessPoolExecutor(2) as pool:
        async def submit(f, *arguments):
            return await asyncio.get_running_loop().run_in_executor(pool, f, *arguments)

        await kill_a_worker(b, "death", lambda *call: asyncio.ensure_future(submit(*call)))


async def kill_a_worker_of_a_pool(b):
    if not b.wants("pooldeath"):
        return
    loop = asyncio.get_running_loop()
    with multiprocessing.Pool(2) as pool:
        def submit(f, *arguments):
            result = loop.create_future()

            def settle(value):
                loop.call_soon_threadsafe(lambda: result.done() or result.set_result(value))

            pool.apply_async(f, arguments, callback=settle)
            return result

        await kill_a_worker(b, "pooldeath", submit)


async def main():
    b = Bench("X17")
    if any(map(b.wants, ("call", "copied", "shared", "thread"))):
        await time_all_calls(b)
    await time_other_pool(b)
    weigh_workers(b, "worker", nap)
    weigh_workers(b, "reader", read_heap, "fork")
    await kill_a_worker_of_an_executor(b)
    await kill_a_worker_of_a_pool(b)


if __name__ == "__main__":
    asyncio.run(main())
